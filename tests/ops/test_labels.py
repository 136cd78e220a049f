"""Labels: every form becomes multi-hot."""

import keras
import numpy as np
import pytest

from capszoo.ops import count_present
from capszoo.ops import multi_hot
from capszoo.ops import present_classes
from tests.layer_checks import to_numpy

HOT = np.array([[0, 0, 1], [1, 0, 0]], "float32")


@pytest.mark.parametrize(
    "labels",
    [np.array([2, 0]), np.array([2, 0], "uint8"), np.array([[2.0], [0.0]]), HOT, HOT.astype(bool)],
    ids=["integer", "uint8", "column", "one-hot", "bool"],
)
def test_forms(labels):
    result = multi_hot(labels, 3)
    assert keras.backend.standardize_dtype(result.dtype) == "float32"
    np.testing.assert_array_equal(to_numpy(result), HOT)


def test_several_objects():
    labels = np.array([[1, 1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(to_numpy(multi_hot(labels, 3)), labels)


@pytest.mark.parametrize("labels", [[1, 0], [[1], [0]], [[True], [False]], [[1.0], [0.0]]], ids=str)
def test_single_class(labels):
    np.testing.assert_array_equal(to_numpy(multi_hot(np.array(labels), 1)), [[1], [0]])
    with pytest.raises(ValueError, match=r"0 and 1 .* Received: labels of shape \(2, 2\)"):
        multi_hot(np.eye(2), 1)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [([3, 1], 3), ([-1, 1], 3), ([0.5, 1], 3), ([[2, 0, 0], [0, 1, 0]], 3), ([2, 1], 1)],
    ids=str,
)
def test_what_is_no_label_is_no_number(labels, classes):
    present = to_numpy(multi_hot(np.array(labels), classes))
    assert np.isnan(present[0]).any()
    assert np.isfinite(present[1]).all()


@pytest.mark.parametrize(
    ("labels", "count", "present"),
    [
        ([0.9, 0.05, 0.05], 1, [1, 0, 0]),
        ([0.3, 0.7, 0.0], 1, [0, 1, 0]),
        ([0.5, 0.5, 0.0], 1, [1, 1, 0]),
        ([0.95, 0.05, 0.95], 2, [1, 0, 1]),
        ([0.7, 1.0, 0.3], 2, [1, 1, 0]),
        ([1, 1, 1], 3, [1, 1, 1]),
        ([0, 0, 0], 0, [0, 0, 0]),
        ([0.1], 0, [0]),
        ([0.9], 1, [1]),
    ],
    ids=str,
)
def test_present_classes(labels, count, present):
    soft = multi_hot(np.array([labels]), len(labels))
    assert int(count_present(soft)[0]) == count
    np.testing.assert_array_equal(to_numpy(present_classes(soft))[0], present)


@pytest.mark.parametrize("shape", [(2, 4), (2, 3, 1), ()])
def test_wrong_shape(shape):
    with pytest.raises(ValueError, match=r"\(batch, 3\). Received: labels of shape"):
        multi_hot(np.zeros(shape), 3)
