"""Primary capsules with explicit activations, against a loop."""

import keras
import numpy as np
import pytest

from capszoo.layers import ActivatedPrimaryCapsules
from capszoo.layers import ActivatedPrimaryCapsules3D
from tests.layer_checks import outputs_of
from tests.layer_checks import to_numpy


def test_against_loops(rng):
    features = rng.normal(size=(2, 5, 4, 3)).astype("float32")
    layer = ActivatedPrimaryCapsules(2, 4, kernel_size=3, strides=2)
    poses, activations = outputs_of(layer, features)
    assert len(layer.weights) == 2
    pose_kernel, activation_kernel = to_numpy([layer.pose_kernel, layer.activation_kernel])
    for n, y, x in np.ndindex(2, 2, 1):
        window = features[n, 2 * y : 2 * y + 3, 2 * x : 2 * x + 3]
        expected = np.tensordot(window, pose_kernel, 3).reshape(2, 4)
        np.testing.assert_allclose(poses[n, y, x], expected, atol=1e-4)
        logits = np.tensordot(window, activation_kernel, 3) - 1
        np.testing.assert_allclose(activations[n, y, x], 1 / (1 + np.exp(-logits)), atol=1e-5)


def test_of_clips_against_loops(rng):
    features = rng.normal(size=(2, 4, 5, 4, 3)).astype("float32")
    layer = ActivatedPrimaryCapsules3D(2, 4, kernel_size=(2, 3, 3), strides=(1, 2, 1))
    poses, activations = outputs_of(layer, features)
    pose_kernel, activation_kernel = to_numpy([layer.pose_kernel, layer.activation_kernel])
    assert poses.shape == (2, 3, 2, 2, 2, 4)
    for n, d, y, x in np.ndindex(2, 3, 2, 2):
        window = features[n, d : d + 2, 2 * y : 2 * y + 3, x : x + 3]
        expected = np.tensordot(window, pose_kernel, 4).reshape(2, 4)
        np.testing.assert_allclose(poses[n, d, y, x], expected, atol=1e-4)
        logits = np.tensordot(window, activation_kernel, 4) - 1
        np.testing.assert_allclose(activations[n, d, y, x], 1 / (1 + np.exp(-logits)), atol=1e-5)


def test_config_and_shapes():
    layer = ActivatedPrimaryCapsules(2, 9, kernel_size=2, padding="same")
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert again.get_config() == layer.get_config()
    poses, activations = layer(keras.KerasTensor((None, 6, 5, 3)))
    assert poses.shape == (None, 6, 5, 2, 9)
    assert activations.shape == (None, 6, 5, 2)


@pytest.mark.parametrize("shape", [(1, 6, 6), (1, 6, None, 3), (1, 2, 2, 3)])
def test_bad_input(shape):
    with pytest.raises(ValueError, match=r"expects features|does not fit"):
        ActivatedPrimaryCapsules(2, kernel_size=3)(keras.KerasTensor(shape))
