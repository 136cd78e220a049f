"""Mixtures of parts and of objects, against golden vectors that the authors' code gave."""

import numpy as np
import pytest

from capszoo.ops import mean_picture
from capszoo.ops import part_likelihood
from capszoo.ops import picture_likelihood
from capszoo.ops import safe_log
from tests.layer_checks import evaluate
from tests.layer_checks import value_and_gradients
from tests.routing.golden import sequence

VOTES = sequence((1, 2, 3, 6))
PARTS = sequence((1, 3, 6), 5, 13, 6, 10)
DEVIATION = np.array([[[0.5, 0.8, 1], [0.3, 0.6, 0.9]]], "float32")
VOTE_PRESENCE = np.array([[[0.9, 0.05, 0.6], [0.2, 0.7, 0.002]]], "float32")
PART_PRESENCE = np.array([[1, 0.5, 0.8]], "float32")


def test_golden_parts():
    arguments = PARTS, VOTES, DEVIATION, VOTE_PRESENCE
    density, posterior = evaluate(lambda *a: part_likelihood(*a, normalized=False), *arguments)
    np.testing.assert_allclose(density, [[-5.017295, -3.607462, -6.320286]], atol=2e-5)
    expected = [[0.547270, 0.437630], [0.013498, 0.982815], [0.942546, 0.001881]]
    np.testing.assert_allclose(posterior[0].T, expected, atol=2e-5)
    assert (density * PART_PRESENCE).sum() == pytest.approx(-11.877255, abs=2e-5)
    # Weights that sum to one change the density, not who explains what.
    proper, same = evaluate(part_likelihood, *arguments)
    assert (proper * PART_PRESENCE).sum() == pytest.approx(-11.451578, abs=2e-5)
    np.testing.assert_allclose(same, posterior, atol=1e-6)


def test_golden_pictures():
    presence = np.array([0.9, 0.3, 1], "float32").reshape(1, 3, 1, 1, 1)
    logits = sequence((1, 3, 1, 2, 1), scale=5) + np.log(presence)
    drawn = np.abs(sequence((1, 3, 1, 2, 1), 3, 7, 3, 3))
    pictures = np.array([0.2, 0.8], "float32").reshape(1, 1, 2, 1)
    found = evaluate(picture_likelihood, pictures, drawn, logits)
    np.testing.assert_allclose(found.ravel(), [-1.087320, -1.103709], atol=2e-6)
    found = evaluate(mean_picture, drawn, logits)
    np.testing.assert_allclose(found.ravel(), [0.767828, 0.235581], atol=2e-6)


def test_a_density_is_one():
    x = np.linspace(-8, 9, 2001, dtype="float32")
    pictures = x.reshape(1, 1, -1, 1)
    shape = (1, 2, 1, len(x), 1)
    drawn = np.broadcast_to(np.array([0.0, 1.0], "float32").reshape(1, 2, 1, 1, 1), shape)
    logits = np.broadcast_to(np.array([0.3, -1.0], "float32").reshape(1, 2, 1, 1, 1), shape)
    for deviation in (0.3, 1.0):
        found = evaluate(lambda *a, d=deviation: picture_likelihood(*a, d), pictures, drawn, logits)
        assert np.trapezoid(np.exp(found.ravel()), x) == pytest.approx(1, abs=1e-3)


def test_what_is_absent_has_finite_gradients():
    value, (gradient,) = value_and_gradients(safe_log, np.array([0.0, 0.5], "float32"))
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()
    absent = np.zeros_like(VOTE_PRESENCE)
    _, found = value_and_gradients(
        lambda votes, presence: part_likelihood(PARTS, votes, DEVIATION, presence)[0],
        VOTES,
        absent,
    )
    assert all(np.isfinite(one).all() for one in found)
