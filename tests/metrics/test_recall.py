"""Recall at k: one label or several, ties, too few classes."""

import json

import keras
import numpy as np
import pytest

from capszoo.metrics import RecallAtK

SCORES = np.array([[0.9, 0.1, 0.5, 0.4], [0.2, 0.7, 0.6, 0.1], [0.0, 0.0, 0.0, 0.0]], "float32")


@pytest.mark.parametrize("form", ["integer", "column", "one-hot"])
@pytest.mark.parametrize(("k", "found"), [(1, 1 / 3), (2, 2 / 3), (3, 2 / 3), (4, 1), (9, 1)])
def test_one_label(form, k, found):
    """Scores that are all alike find nothing, unless all are shown."""
    labels = np.array([0, 2, 3])
    labels = {"integer": labels, "column": labels[:, None], "one-hot": np.eye(4)[labels]}[form]
    assert float(RecallAtK(k)(labels, SCORES)) == pytest.approx(found)


def test_several_labels_and_none():
    labels = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]])
    assert float(RecallAtK(2)(labels, SCORES)) == pytest.approx(3 / 4)
    weighted = RecallAtK(2)(labels, SCORES, sample_weight=np.array([3.0, 1.0, 5.0]))
    assert float(weighted) == pytest.approx((3 * 0.5 + 1) / 4)


def test_name_and_config():
    recall = RecallAtK(5)
    assert recall.name == "recall_at_5"
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(recall)))
    assert keras.saving.deserialize_keras_object(config).k == 5
    with pytest.raises(ValueError, match="`k`"):
        RecallAtK(0)
