"""Depthwise primary capsules, against a loop."""

import numpy as np
import pytest

from capszoo.layers import DepthwisePrimaryCapsules
from tests.layer_checks import outputs_of
from tests.layer_checks import run_layer_test
from tests.layer_checks import to_numpy


def test_layer():
    arguments = {"pose_dim": 4, "kernel_size": 3, "strides": 2}
    run_layer_test(DepthwisePrimaryCapsules, arguments, (2, 7, 5, 8), (2, 3, 2, 2, 4), 2, atol=1e-5)


def test_against_loops(rng):
    features = rng.normal(size=(2, 5, 5, 6)).astype("float32")
    layer = DepthwisePrimaryCapsules(3, kernel_size=(4, 5))
    outputs = outputs_of(layer, features)
    kernel, bias = to_numpy(list(layer.weights))
    for n, y in np.ndindex(2, 2):
        window = features[n, y : y + 4]
        poses = ((window * kernel[..., 0]).sum(axis=(0, 1)) + bias).reshape(2, 3)
        length = np.linalg.norm(poses, axis=-1, keepdims=True)
        expected = (1 - np.exp(-length)) * poses / length
        np.testing.assert_allclose(outputs[n, y, 0], expected, atol=1e-5)


@pytest.mark.parametrize("strides", [(2, 3), (3, 1)])
def test_steps_of_their_own_for_each_axis(rng, strides):
    features = rng.normal(size=(2, 9, 8, 4)).astype("float32")
    layer = DepthwisePrimaryCapsules(2, kernel_size=(3, 2), strides=strides)
    outputs = to_numpy(layer(features))
    every = DepthwisePrimaryCapsules(2, kernel_size=(3, 2))
    every.build(features.shape)
    every.set_weights(layer.get_weights())
    np.testing.assert_allclose(
        outputs, to_numpy(every(features))[:, :: strides[0], :: strides[1]], atol=1e-6
    )
    assert outputs.shape == layer.compute_output_shape(features.shape)


@pytest.mark.parametrize(
    ("shape", "match"),
    [((1, 5, 5, 7), "divide"), ((1, 3, 5, 6), "does not fit"), ((1, 5, 6), "expects")],
)
def test_bad_input(shape, match):
    with pytest.raises(ValueError, match=match):
        DepthwisePrimaryCapsules(3, kernel_size=4)(np.ones(shape, "float32"))
