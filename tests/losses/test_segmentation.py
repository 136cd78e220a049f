"""The loss of segmentation against a loop over cases, classes and positions."""

import keras
import numpy as np
import pytest

from capszoo.losses import SegmentationLoss
from tests.layer_checks import gradients

CLASSES = 3


def by_hand(labels, probabilities, weights=None, positions=None):
    """Cross-entropy and soft Dice loss of each case, position by position."""
    weights = np.ones(CLASSES) if weights is None else weights
    crossentropies, dices = [], []
    for case, (label, p) in enumerate(zip(labels, probabilities, strict=True)):
        place_weights = np.ones(label.shape) if positions is None else positions[case]
        total, mass = 0.0, 0.0
        both, sizes = np.zeros(CLASSES), np.zeros(CLASSES)
        for place in np.ndindex(label.shape):
            own, weight = label[place], place_weights[place]
            total -= weight * weights[own] * np.log(p[place][own])
            mass += weight * weights[own]
            for k in range(CLASSES):
                both[k] += weight * (own == k) * p[place][k]
                sizes[k] += weight * ((own == k) + p[place][k])
        crossentropies.append(total / mass)
        dices.append(1 - np.mean((2 * both + 1)[1:] / (sizes + 1)[1:]))
    return np.array(crossentropies), np.array(dices)


@pytest.fixture(params=[(3, 4), (2, 3, 2)], ids=["2-D", "3-D"])
def case(request, rng):
    labels = rng.integers(0, CLASSES, size=(2, *request.param))
    labels[1] = 0  # a case without any foreground
    scores = rng.uniform(0.1, 1, size=(*labels.shape, CLASSES))
    return labels, (scores / scores.sum(-1, keepdims=True)).astype("float32")


def test_against_a_loop(case):
    labels, probabilities = case
    crossentropy, dice = by_hand(labels, probabilities)
    for arguments, expected in (
        ({}, crossentropy + dice),
        ({"dice_weight": 0}, crossentropy),
        ({"crossentropy_weight": 0.5, "dice_weight": 2.0}, 0.5 * crossentropy + 2 * dice),
    ):
        loss = SegmentationLoss(**arguments)
        for form in (labels, labels[..., None], np.eye(CLASSES)[labels]):
            assert float(loss(form, probabilities)) == pytest.approx(expected.mean(), rel=1e-5)
        weighted = float(loss(labels, probabilities, sample_weight=np.array([3.0, 0.0])))
        assert weighted == pytest.approx(1.5 * expected[0], rel=1e-5)


def test_weights_of_classes_and_positions(case, rng):
    labels, probabilities = case
    weights, positions = [0.2, 1.0, 3.0], rng.uniform(size=labels.shape)
    positions[0, 0] = 0
    crossentropy, dice = by_hand(labels, probabilities, weights, positions)
    found = SegmentationLoss(class_weights=weights)(labels, probabilities, positions)
    assert float(found) == pytest.approx((crossentropy + dice).mean(), rel=1e-5)
    # What weighs nothing changes nothing.
    labels[0, 0], probabilities[0, 0] = 2, [1, 0, 0]
    again = SegmentationLoss(class_weights=weights)(labels, probabilities, positions)
    assert float(again) == pytest.approx(float(found), rel=1e-5)


def test_finite_where_a_class_has_no_probability():
    labels = np.array([[[1, 0]]])
    sure_and_wrong = np.array([[[[1.0, 0.0], [1.0, 0.0]]]], "float32")
    (found,) = gradients(lambda p: SegmentationLoss()(labels, p), sure_and_wrong)
    assert np.isfinite(found).all()
    assert float(SegmentationLoss()(labels, sure_and_wrong)) > 5


def test_a_label_that_is_no_class_is_no_loss():
    assert np.isnan(float(SegmentationLoss()(np.array([[[2]]]), np.full((1, 1, 1, 2), 0.5))))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"dice_weight": -1}, "dice_weight"),
        ({"crossentropy_weight": 0, "dice_weight": 0}, "greater than 0 where dice_weight is 0"),
        ({"class_weights": [1.0]}, "a weight for each class"),
        ({"class_weights": [1.0, -1.0]}, r"class_weights\[1\]=-1.0"),
    ],
)
def test_bad_arguments(arguments, match):
    with pytest.raises(ValueError, match=match):
        SegmentationLoss(**arguments)


def test_as_many_weights_as_classes():
    with pytest.raises(ValueError, match=r"for each of 2 classes. Received: 3"):
        SegmentationLoss(class_weights=[1, 2, 3])(np.zeros((1, 1, 1)), np.full((1, 1, 1, 2), 0.5))


def test_config_round_trip():
    loss = SegmentationLoss(0.5, 2.0, (0.1, 1.0), name="mine")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert isinstance(again, SegmentationLoss)
    assert again.get_config() == loss.get_config()
