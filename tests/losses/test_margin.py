"""Margin loss by hand."""

import json

import keras
import numpy as np
import pytest

from capszoo.losses import MarginLoss

LENGTHS = np.array([[0.95, 0.05, 0.3], [0.5, 0.8, 0.0]], "float32")
LABELS = np.array([0, 2])


def by_hand(hot, lengths, upper=0.9, lower=0.1, weight=0.5):
    losses = np.zeros(len(lengths))
    for n in range(len(lengths)):
        for k in range(lengths.shape[1]):
            if hot[n, k]:
                losses[n] += max(0, upper - lengths[n, k]) ** 2
            else:
                losses[n] += weight * max(0, lengths[n, k] - lower) ** 2
    return losses


@pytest.mark.parametrize(
    "labels",
    [LABELS, LABELS.astype("uint8"), LABELS[:, None], np.eye(3)[LABELS]],
    ids=["integer", "uint8", "column", "one-hot"],
)
def test_conventions(labels):
    expected = by_hand(np.eye(3)[LABELS], LENGTHS)
    np.testing.assert_allclose(expected, [0.02, 0.08 + 0.245 + 0.81], atol=1e-6)
    paper = float(MarginLoss()(labels, LENGTHS))
    official = float(MarginLoss(convention="official")(labels, LENGTHS))
    assert paper == pytest.approx(expected.mean(), rel=1e-5)
    assert official == pytest.approx(0.5 * expected.mean() / 3, rel=1e-5)


def test_several_objects_weights_and_arguments():
    hot = np.array([[1, 1, 0], [0, 1, 1]])
    loss = MarginLoss(positive_margin=0.8, negative_margin=0.2, negative_weight=1.5)
    each = by_hand(hot, LENGTHS, 0.8, 0.2, 1.5)
    weighted = float(loss(hot, LENGTHS, sample_weight=np.array([2.0, 0.5])))
    assert weighted == pytest.approx((2 * each[0] + 0.5 * each[1]) / 2, rel=1e-5)


def test_soft_labels():
    soft = np.array([[0.7, 0.3, 0.0], [0.1, 0.1, 0.8]])
    terms = [
        soft[n, k] * max(0, 0.9 - LENGTHS[n, k]) ** 2
        + 0.5 * (1 - soft[n, k]) * max(0, LENGTHS[n, k] - 0.1) ** 2
        for n, k in np.ndindex(2, 3)
    ]
    assert float(MarginLoss()(soft, LENGTHS)) == pytest.approx(sum(terms) / 2, rel=1e-5)


@pytest.mark.parametrize("form", [[1, 0], [[1], [0]]], ids=str)
def test_single_class(form):
    one = LENGTHS[:, 1:2]
    expected = by_hand(np.array([[1], [0]]), one).mean()
    assert float(MarginLoss()(np.array(form), one)) == pytest.approx(expected, rel=1e-5)


def test_config_round_trip():
    loss = MarginLoss(0.8, 0.2, 0.7, "official", reduction="sum", name="mine")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(loss)))
    again = keras.saving.deserialize_keras_object(config)
    assert isinstance(again, MarginLoss)
    assert again.get_config() == loss.get_config()
    assert float(again(LABELS, LENGTHS)) == pytest.approx(float(loss(LABELS, LENGTHS)))


@pytest.mark.parametrize(
    "arguments",
    [
        {"positive_margin": 1.5},
        {"negative_margin": -0.1},
        {"negative_weight": "half"},
        {"convention": "offical"},
    ],
)
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}`"):
        MarginLoss(**arguments)
