"""Dice score and intersection over union against sets of positions."""

import keras
import numpy as np
import pytest

from capszoo.metrics import DiceScore
from capszoo.metrics import IntersectionOverUnion

CLASSES = 4
SCORES = {
    DiceScore: lambda a, b: 2 * len(a & b) / (len(a) + len(b)),
    IntersectionOverUnion: lambda a, b: len(a & b) / len(a | b),
}
each_measure = pytest.mark.parametrize("cls", SCORES)


def by_hand(cls, labels, found, class_id=None):
    """The values that count, by sets of the positions of each class."""
    values = []
    for true, predicted in zip(labels, found, strict=True):
        of_classes = {}
        for k in range(1, CLASSES):
            a, b = (set(map(tuple, np.argwhere(one == k))) for one in (true, predicted))
            if a | b:
                of_classes[k] = SCORES[cls](a, b)
        if class_id is None:
            values.append(np.mean(list(of_classes.values())) if of_classes else 1.0)
        elif class_id in of_classes:
            values.append(of_classes[class_id])
    return values


@pytest.fixture
def case(rng):
    labels, found = rng.integers(0, 3, size=(2, 5, 3, 4))
    labels[1][labels[1] == 2] = found[1][found[1] == 2] = 0  # neither has nor is given class 2
    labels[2] = found[2] = 0  # no foreground, and none found
    labels[3] = 0  # none, but some found
    found[4] = 0  # some, but none found
    found[0, 0, 0] = 3  # a class that no case has
    return labels, found


@each_measure
def test_against_sets(cls, case):
    labels, found = case
    scores = np.eye(CLASSES)[found] + 0.1
    values = by_hand(cls, labels, found)
    assert values[2:] == [1, 0, 0]
    assert float(cls()(labels, scores)) == pytest.approx(np.mean(values))
    assert float(cls()(np.eye(CLASSES)[labels], scores)) == pytest.approx(np.mean(values))
    for class_id in (1, 2, 3):
        expected = np.mean(by_hand(cls, labels, found, class_id))
        assert float(cls(class_id=class_id)(labels, scores)) == pytest.approx(expected)


@each_measure
def test_weights_and_batches(cls, case):
    labels, found = case
    scores, values = np.eye(CLASSES)[found], by_hand(cls, *case)
    metric = cls()
    metric.update_state(labels[:2], scores[:2], sample_weight=np.array([3.0, 1.0]))
    metric.update_state(labels[2:], scores[2:], sample_weight=np.array([1.0, 0.0, 2.0]))
    expected = np.average(values, weights=[3, 1, 1, 0, 2])
    assert float(metric.result()) == pytest.approx(expected)
    # Positions of weight 0 are not there.
    positions = np.ones(labels.shape)
    positions[:, 1:] = 0
    expected = np.mean(by_hand(cls, labels[:, :1], found[:, :1]))
    assert float(cls()(labels, scores, sample_weight=positions)) == pytest.approx(expected)


@each_measure
def test_volumes(cls, rng):
    labels, found = rng.integers(0, CLASSES, size=(2, 2, 3, 4, 2))
    expected = np.mean(by_hand(cls, labels, found))
    assert float(cls()(labels, np.eye(CLASSES)[found])) == pytest.approx(expected)


@each_measure
def test_refused_and_not_a_number(cls):
    scores = np.full((1, 1, 2, 2), 0.5)
    assert np.isnan(float(cls()(np.array([[[0, 2]]]), scores)))
    with pytest.raises(ValueError, match="class_id"):
        cls(class_id=0)
    with pytest.raises(ValueError, match=r"classes 1 to 1. Received: class_id=2"):
        cls(class_id=2)(np.zeros((1, 1, 2)), scores)


@each_measure
def test_config_round_trip(cls):
    metric = cls(class_id=2, name="mine")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert isinstance(again, cls)
    assert again.get_config() == metric.get_config()
    assert {DiceScore().name, IntersectionOverUnion().name} == {"dice", "iou"}
