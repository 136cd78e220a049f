"""Accuracy for one object and for several."""

import keras
import numpy as np
import pytest

from capszoo.metrics import SubsetAccuracy

SCORES = np.array([[0.9, 0.1, 0.5], [0.2, 0.7, 0.6], [0.3, 0.1, 0.2]], "float32")


@pytest.mark.parametrize("form", ["integer", "column", "one-hot"])
def test_one_object(form):
    labels = np.array([0, 2, 0])
    labels = {"integer": labels, "column": labels[:, None], "one-hot": np.eye(3)[labels]}[form]
    assert float(SubsetAccuracy()(labels, SCORES)) == pytest.approx(2 / 3)


def test_several_objects():
    labels = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0]])
    assert float(SubsetAccuracy()(labels, SCORES)) == pytest.approx(2 / 3)


def test_tie_does_not_count():
    scores = np.array([[0.5, 0.5], [0.5, 0.4]], "float32")
    assert float(SubsetAccuracy()(np.array([0, 0]), scores)) == 0.5


@pytest.mark.parametrize(
    ("labels", "right"),
    [
        # One object, smoothed or mixed: the best class must have the largest label.
        ([[0.93, 0.035, 0.035], [0.1, 0.1, 0.8], [0.035, 0.93, 0.035]], [1, 0, 0]),
        ([[0.4, 0.0, 0.6], [0.3, 0.7, 0.0], [0.0, 0.8, 0.2]], [0, 1, 0]),
        ([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.5, 0.5]], [1, 1, 0]),
        # Two objects.
        ([[0.95, 0.05, 0.95], [0.95, 0.95, 0.05], [0.7, 0.3, 1.0]], [1, 0, 1]),
    ],
    ids=["smoothed", "mixed", "half", "two"],
)
def test_soft_labels(labels, right):
    for label, scores, expected in zip(labels, SCORES, right, strict=True):
        accuracy = SubsetAccuracy()(np.array([label]), scores[None])
        assert float(accuracy) == expected, label


def test_a_single_class_and_nothing_to_compare_with():
    scores, labels = np.array([[0.7], [0.6], [0.4], [0.5]], "float32"), np.array([1, 0, 0, 1])
    for form in (labels, labels[:, None], labels.astype(bool), 0.8 * labels + 0.1):
        assert float(SubsetAccuracy()(form, scores)) == 0.5
        assert float(SubsetAccuracy(threshold=0)(form, scores - 0.5)) == 0.5
    opposite = float(SubsetAccuracy()(1 - labels[:3], scores[:3]))
    assert opposite == pytest.approx(1 - float(SubsetAccuracy()(labels[:3], scores[:3])))
    # None or all of several: scores of both sides of one half are right for neither.
    every = np.array([[0.9, 0.8], [0.3, 0.2], [0.9, 0.2]], "float32")
    assert float(SubsetAccuracy()(np.zeros((3, 2)), every)) == pytest.approx(1 / 3)
    assert float(SubsetAccuracy()(np.ones((3, 2)), every)) == pytest.approx(1 / 3)


def test_what_is_no_label_is_no_accuracy():
    assert np.isnan(float(SubsetAccuracy()(np.array([0, 3, 0]), SCORES)))


def test_weights_and_batches():
    metric = SubsetAccuracy()
    metric.update_state(np.array([0, 2]), SCORES[:2], sample_weight=np.array([3.0, 1.0]))
    metric.update_state(np.array([1]), SCORES[2:], sample_weight=np.array([1.0]))
    assert float(metric.result()) == pytest.approx(3 / 5)
    metric.reset_state()
    assert float(metric(np.array([0]), SCORES[:1])) == 1


def test_config_round_trip():
    metric = SubsetAccuracy(name="mine", threshold=0.2)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert isinstance(again, SubsetAccuracy)
    assert again.get_config() == metric.get_config()
    assert SubsetAccuracy().name == "accuracy"
