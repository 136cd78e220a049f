"""Calibration and out-of-distribution figures, against sums by hand."""

import numpy as np
import pytest
from scipy import optimize

import capszoo
from capszoo import robustness
from tests.once import ONCE

pytestmark = ONCE


def test_expected_calibration_error_by_hand():
    confidence = np.array([0.05, 0.15, 0.95, 0.85, 0.9])
    right = np.array([False, True, True, True, False])
    found = robustness.reliability(confidence, right, bins=2)
    # Two below a half, 0.1 sure and half of them right; three above, 0.9 sure, two of three right.
    np.testing.assert_allclose(found.confidence, [0.1, 0.9])
    np.testing.assert_allclose(found.accuracy, [0.5, 2 / 3])
    assert found.counts.tolist() == [2, 3]
    assert found.error == pytest.approx((2 * 0.4 + 3 * (0.9 - 2 / 3)) / 5)
    sure = robustness.reliability(np.ones(4), np.ones(4))
    assert sure.error == 0
    assert sure.counts.tolist() == [4]


@pytest.mark.parametrize(
    ("confidence", "right", "message"),
    [
        ([0.5, 1.2], [1, 0], "from 0 to 1. Received: 0.5 to 1.2"),
        ([0.5, np.nan], [1, 0], "from 0 to 1"),
        ([0.5], [1, 0], r"shapes \(1,\) and \(2,\)"),
        ([], [], "for each answer"),
    ],
)
def test_refused(confidence, right, message):
    with pytest.raises(ValueError, match=message):
        robustness.reliability(np.array(confidence), np.array(right))


def test_temperature_is_the_likeliest():
    """Softmax of logits that are four times too large: the temperature that made them so."""
    random = np.random.default_rng(0)
    logits = random.normal(size=(20000, 4))
    exact = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (random.uniform(size=(20000, 1)) > exact.cumsum(axis=1)).sum(axis=1)
    assert robustness.fit_temperature(4 * logits, labels, logits=True) == pytest.approx(4, rel=0.05)
    sharp = robustness.probabilities(4 * logits, logits=True)
    # Of probabilities the same temperature, as the logarithm takes the softmax back.
    assert robustness.fit_temperature(sharp, labels) == pytest.approx(4, rel=0.05)
    np.testing.assert_allclose(robustness.probabilities(sharp, 4), exact, atol=1e-6)

    def loss(temperature):
        found = robustness.probabilities(sharp, temperature)
        return -np.log(found[np.arange(20000), labels]).mean()

    best = optimize.golden(loss, brack=(1, 10))
    assert robustness.fit_temperature(sharp, labels) == pytest.approx(best, rel=1e-2)


def test_isotonic_is_the_share_where_it_rises():
    confidence = np.repeat([0.2, 0.4, 0.8], 10)
    right = np.concatenate([np.arange(10) < count for count in (1, 6, 9)])
    fitted = robustness.fit_isotonic(confidence, right)
    np.testing.assert_allclose(fitted.predict([0.0, 0.2, 0.4, 0.8, 1.0]), [0.1, 0.1, 0.6, 0.9, 0.9])


def test_auroc_by_pairs():
    inside, outside = np.array([1.0, 2.0, 3.0]), np.array([2.5, 2.0, 9.0, 0.0])
    pairs = [(b > a) + (a == b) / 2 for a in inside for b in outside]
    assert robustness.auroc(inside, outside) == pytest.approx(np.mean(pairs))


def test_standard_errors():
    assert robustness.mean_and_error(np.array([0.8]), 100) == pytest.approx((0.8, 0.04))
    shares = np.array([0.7, 0.8, 0.75])
    expected = (0.75, np.std(shares, ddof=1) / np.sqrt(3))
    assert robustness.mean_and_error(shares, 100) == pytest.approx(expected)
    heads = np.random.default_rng(0).integers(2, size=900)
    assert robustness.bootstrap_error(np.mean, heads) == pytest.approx(0.5 / 30, rel=0.2)


@pytest.fixture(scope="module")
def digits():
    return capszoo.data.load("digits", "validation"), capszoo.data.load("digits", "test")


def test_lengths_of_capsules_become_probabilities(digits):
    model = capszoo.load("capsnet_digits")
    ways = robustness.calibrate(model, *digits)
    errors = {way: robustness.reliability(*one).error for way, one in ways.items()}
    scores = model.predict(digits[1][0], verbose=0)
    np.testing.assert_allclose(ways["as it is"][0], scores.max(axis=1), atol=1e-6)
    np.testing.assert_array_equal(ways["as it is"][1], scores.argmax(axis=1) == digits[1][1])
    # Lengths of a margin loss stop at 0.9 where almost all answers are right.
    assert errors["temperature"] < errors["as it is"]
    assert errors["isotonic"] < errors["as it is"]


def test_logits_are_taken_for_logits(digits):
    model = capszoo.load("cluster_capsnet_digits")
    confidence, _ = robustness.calibrate(model, *digits)["as it is"]
    scores = model.predict(digits[1][0], verbose=0)
    assert scores.max() > 1
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    np.testing.assert_allclose(confidence, 1 / exponentials.sum(axis=1), rtol=1e-5)


def test_reconstruction_errors(digits):
    (images, _), model = digits[1], capszoo.load("capsnet_digits")
    found = robustness.reconstruction_errors(model, images[:20])
    expected = np.square(model.reconstruct(images[:20]) - images[:20] / 255).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    noise = np.random.default_rng(0).integers(0, 256, images.shape, dtype="uint8")
    one = robustness.Subject("capsnet_digits", "digits", [model])
    control = robustness.Subject("conv", "digits", [capszoo.load("conv_net_digits")])
    rows = robustness.measure_outside([one, control], images, noise)
    assert [(row.network, row.amount) for row in rows] == [
        ("capsnet_digits", "highest score"),
        ("capsnet_digits", "reconstruction"),
        ("conv", "highest score"),
    ]
    assert rows[1].value > 0.95, "a decoder of digits makes no noise"
    with pytest.raises(ValueError, match=r"has no decoder to reconstruct with"):
        robustness.reconstruction_errors(control.models[0], images)
