"""Capsule pooling, against a loop."""

import keras
import numpy as np
import pytest

from capszoo.layers import CapsulePooling3D
from tests.layer_checks import outputs_of


def test_against_loops(rng):
    poses = rng.normal(size=(2, 4, 5, 6, 3, 4)).astype("float32")
    activations = rng.uniform(size=(2, 4, 5, 6, 3)).astype("float32")
    pooled, active = outputs_of(CapsulePooling3D((2, 3, 3), (2, 1, 3)), (poses, activations))
    assert pooled.shape == (2, 2, 3, 2, 3, 4)
    for d, y, x in np.ndindex(2, 3, 2):
        window = np.s_[:, 2 * d : 2 * d + 2, y : y + 3, 3 * x : 3 * x + 3]
        np.testing.assert_allclose(pooled[:, d, y, x], poses[window].mean((1, 2, 3)), atol=1e-5)
        expected = activations[window].mean((1, 2, 3))
        np.testing.assert_allclose(active[:, d, y, x], expected, atol=1e-5)


def test_what_is_beyond_the_map_does_not_count():
    pair = (np.full((1, 3, 3, 3, 2, 4), 5.0, "float32"), np.ones((1, 3, 3, 3, 2), "float32"))
    pooled, active = outputs_of(CapsulePooling3D(3, 2, padding="same"), pair)
    assert pooled.shape == (1, 2, 2, 2, 2, 4)
    np.testing.assert_allclose(pooled, 5.0, atol=1e-5)
    np.testing.assert_allclose(active, 1.0, atol=1e-5)


@pytest.mark.parametrize(("size", "strides"), [((4, 5, 6), 2), ((3, 4, 5), (1, 2, 3))])
def test_padded_alike_or_not_on_both_sides(size, strides, rng):
    poses = rng.normal(size=(2, *size, 2, 4)).astype("float32")
    activations = rng.uniform(size=(2, *size, 2)).astype("float32")
    pooled, active = outputs_of(CapsulePooling3D(3, strides, "same"), (poses, activations))
    steps = np.broadcast_to(strides, 3)
    grid = [-(-length // step) for length, step in zip(size, steps, strict=True)]
    assert pooled.shape == (2, *grid, 2, 4)
    for place in np.ndindex(*grid):
        window = [slice(None)]
        for at, step, length, count in zip(place, steps, size, grid, strict=True):
            # As TensorFlow pads: where one more is needed, it stands behind.
            first = at * step - max((count - 1) * step + 3 - length, 0) // 2
            window.append(slice(max(first, 0), first + 3))
        here = (slice(None), *place)
        np.testing.assert_allclose(pooled[here], poses[tuple(window)].mean((1, 2, 3)), atol=1e-5)
        np.testing.assert_allclose(
            active[here], activations[tuple(window)].mean((1, 2, 3)), atol=1e-5
        )


def test_config_and_shapes():
    layer = CapsulePooling3D((3, 5, 5), (1, 2, 2))
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert again.get_config() == layer.get_config()
    # As in the paper: 6x20x20 positions of 32 types become 4x8x8.
    pair = (keras.KerasTensor((None, 6, 20, 20, 32, 16)), keras.KerasTensor((None, 6, 20, 20, 32)))
    poses, activations = layer(pair)
    assert (poses.shape, activations.shape) == ((None, 4, 8, 8, 32, 16), (None, 4, 8, 8, 32))


def test_bad_arguments():
    with pytest.raises(ValueError, match="kernel_size"):
        CapsulePooling3D((3, 3))
    with pytest.raises(ValueError, match="does not fit"):
        CapsulePooling3D(5)((np.ones((1, 4, 4, 4, 2, 4)), np.ones((1, 4, 4, 4, 2))))
