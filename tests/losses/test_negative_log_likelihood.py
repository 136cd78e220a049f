"""Negative log-likelihood against NumPy, with every form of labels."""

import numpy as np
import pytest

from capszoo.losses import NegativeLogLikelihood
from tests.layer_checks import gradients


@pytest.mark.parametrize(
    "labels", [np.array([2, 0]), np.array([[2], [0]]), np.array([[0, 0, 1], [1, 0, 0]])]
)
def test_against_numpy(labels, rng):
    scores = rng.uniform(size=(2, 3)).astype("float32")
    shares = scores / scores.sum(axis=-1, keepdims=True)
    expected = -np.log(shares[[0, 1], [2, 0]]).mean()
    assert float(NegativeLogLikelihood()(labels, scores)) == pytest.approx(expected, abs=1e-5)


def test_soft_and_several_labels(rng):
    scores = rng.uniform(size=(2, 3)).astype("float32")
    shares = scores / scores.sum(axis=-1, keepdims=True)
    soft = np.array([[0.7, 0.3, 0], [0, 0.1, 0.9]])
    expected = -(soft * np.log(shares)).sum(axis=-1).mean()
    assert float(NegativeLogLikelihood()(soft, scores)) == pytest.approx(expected, abs=1e-5)
    both = np.array([[1, 0, 1], [0, 1, 1]])
    expected = -(both / 2 * np.log(shares)).sum(axis=-1).mean()
    assert float(NegativeLogLikelihood()(both, scores)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("form", [[1, 0], [[1], [0]]], ids=str)
def test_a_single_class_against_its_absence(form):
    scores = np.array([[0.3], [0.9]], "float32")
    expected = -np.log([0.3, 0.1]).mean()
    found = float(NegativeLogLikelihood()(np.array(form), scores))
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("scores", [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
def test_finite_without_any_share(scores):
    scores = np.array([scores], "float32")
    loss = NegativeLogLikelihood()
    assert 0 <= float(loss(np.array([0]), scores)) < 17
    (gradient,) = gradients(lambda scores: loss(np.array([0]), scores), scores)
    assert np.isfinite(gradient).all()
    # A class without any share still learns.
    assert scores[0, 0] == 1 or gradient[0, 0] < 0
