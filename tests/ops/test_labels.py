"""Labels: every form becomes multi-hot."""

import keras
import numpy as np
import pytest

from capszoo.ops import multi_hot
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


@pytest.mark.parametrize("shape", [(2, 4), (2, 3, 1), ()])
def test_wrong_shape(shape):
    with pytest.raises(ValueError, match=r"\(batch, 3\). Received: labels of shape"):
        multi_hot(np.zeros(shape), 3)
