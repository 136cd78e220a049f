"""Resizing inside a graph, against Pillow."""

import keras
import numpy as np
import pytest

from capszoo.data.images import resize_images
from capszoo.ops import resize
from tests.layer_checks import to_numpy


# Reduced, enlarged, one axis alone, and a photo.
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((28, 30), (9, 8)),
        ((8, 9), (12, 14)),
        ((12, 9), (12, 20)),
        ((9, 12), (4, 12)),
        ((90, 70), (8, 8)),
    ],
)
def test_equals_pillow(old, new, rng):
    images = rng.integers(0, 256, (3, *old, 2)).astype("uint8")
    found = to_numpy(resize(images, *new, levels=255))
    expected = resize_images(images, *new).astype("float32")
    # Pillow counts in whole numbers: where a pixel lies between two levels, it may take the other.
    assert np.abs(found - expected).max() <= 1
    assert (found != expected).mean() < 0.02


def test_numbers_of_any_scale(rng):
    images = rng.uniform(-3, 3, (2, 6, 5, 1)).astype("float32")
    found = to_numpy(resize(images, 3, 5))
    # Half the size by a triangle four pixels wide, cut off at the rim.
    row = np.array([[3, 3, 1, 0, 0, 0], [0, 1, 3, 3, 1, 0], [0, 0, 0, 1, 3, 3]])
    expected = np.einsum("vh,bhwc->bvwc", row / row.sum(1, keepdims=True), images)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_as_they_are(rng):
    images = rng.integers(0, 256, (2, 6, 5, 1)).astype("uint8")
    assert resize(images, 6, 5, levels=255) is images


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="sizes are known elsewhere")
def test_sizes_known_at_run_time_only(rng):
    import tensorflow as tf

    function = tf.function(
        lambda images: resize(images, 8, 8, levels=255),
        input_signature=[tf.TensorSpec((None, None, None, 1), "uint8")],
    )
    for size in ((8, 8), (5, 20), (20, 13)):
        images = rng.integers(0, 256, (2, *size, 1)).astype("uint8")
        np.testing.assert_allclose(function(images), to_numpy(resize(images, 8, 8, 255)), atol=1)
