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


def test_weights_and_batches():
    metric = SubsetAccuracy()
    metric.update_state(np.array([0, 2]), SCORES[:2], sample_weight=np.array([3.0, 1.0]))
    metric.update_state(np.array([1]), SCORES[2:], sample_weight=np.array([1.0]))
    assert float(metric.result()) == pytest.approx(3 / 5)
    metric.reset_state()
    assert float(metric(np.array([0]), SCORES[:1])) == 1


def test_config_round_trip():
    metric = SubsetAccuracy(name="mine")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert isinstance(again, SubsetAccuracy)
    assert again.get_config() == metric.get_config()
    assert SubsetAccuracy().name == "accuracy"
