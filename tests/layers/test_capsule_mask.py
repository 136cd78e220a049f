"""The mask before the decoder: labels where given, else the best scores."""

import keras
import numpy as np
import pytest

from capszoo.layers import CapsuleMask
from tests.layer_checks import to_numpy

SCORES = np.array([[0.1, 0.9, 0.2, 0.3], [0.8, 0.1, 0.7, 0.2]], "float32")


def kept(mask, **kwargs):
    """Which capsules the mask keeps, and a check that it keeps them as they are."""
    poses = np.random.default_rng(0).uniform(1, 2, size=(2, 4, 3)).astype("float32")
    masked = to_numpy(mask(poses, SCORES, **kwargs))
    keep = masked.any(axis=-1)
    np.testing.assert_array_equal(masked, poses * keep[..., None])
    return [np.flatnonzero(row).tolist() for row in keep]


def test_best_scores():
    assert kept(CapsuleMask()) == [[1], [0]]
    assert kept(CapsuleMask(2)) == [[1, 3], [0, 2]]


@pytest.mark.parametrize(
    "form", [np.asarray, lambda x: np.eye(4)[x], lambda x: np.array(x)[:, None]]
)
def test_labels(form):
    assert kept(CapsuleMask(), labels=form([2, 3])) == [[2], [3]]


def test_several_labels():
    labels = np.array([[1, 0, 0, 1], [0, 1, 1, 0]])
    assert kept(CapsuleMask(2), labels=labels) == [[0, 3], [1, 2]]


def test_soft_labels_keep_whole_capsules():
    labels = np.array([[0.05, 0.85, 0.05, 0.05], [0.5, 0, 0, 0.5]])
    assert kept(CapsuleMask(), labels=labels) == [[1], [0, 3]]
    poses = np.ones((2, 1, 3), "float32")
    masked = to_numpy(CapsuleMask()(poses, SCORES[:, :1], labels=np.array([1, 0])))
    np.testing.assert_array_equal(masked, poses * np.array([1, 0])[:, None, None])


def test_config_and_shapes():
    mask = CapsuleMask(2, name="mask")
    again = keras.layers.deserialize(keras.saving.serialize_keras_object(mask))
    assert again.get_config() == mask.get_config()
    symbols = keras.KerasTensor((None, 4, 3)), keras.KerasTensor((None, 4))
    assert mask(*symbols).shape == (None, 4, 3)
    low = CapsuleMask(dtype="mixed_float16")(np.ones((2, 4, 3), "float32"), SCORES)
    assert keras.backend.standardize_dtype(low.dtype) == "float16"


def test_bad_arguments():
    with pytest.raises(ValueError, match="`num_objects`"):
        CapsuleMask(0)
    with pytest.raises(ValueError, match="must not exceed the number of classes"):
        CapsuleMask(5)(np.ones((2, 4, 3), "float32"), SCORES)
