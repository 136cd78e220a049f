"""Class capsules: transforms shared over positions, coordinates added to the votes."""

import keras
import numpy as np
import pytest

from capszoo.layers import ClassCapsules
from capszoo.layers import ClassCapsules3D
from tests.layer_checks import outputs_of
from tests.layer_checks import to_numpy
from tests.routing.loops import dynamic_routing


def test_against_loops(rng):
    poses = rng.normal(size=(2, 3, 4, 2, 5)).astype("float32")
    layer = ClassCapsules(
        3, 4, coordinate_scale=0.5, routing="dynamic", kernel_initializer="normal"
    )
    outputs, coupling = outputs_of(layer, poses, return_coupling=True)
    kernel, bias = to_numpy([layer.kernel, layer.routing.bias])
    assert kernel.shape == (2, 5, 1, 3, 4)
    for n in range(2):
        votes = np.zeros((3, 24, 4))
        for j, y, x, t in np.ndindex(3, 3, 4, 2):
            vote = poses[n, y, x, t] @ kernel[t, :, 0, j]
            vote[:2] += 0.5 * np.array([y - 1, x - 1.5])
            votes[j, (y * 4 + x) * 2 + t] = vote
        expected_poses, expected_coupling = dynamic_routing(votes, 3, bias, leaky=False)
        np.testing.assert_allclose(outputs[n], expected_poses, atol=1e-5)
        np.testing.assert_allclose(coupling[n], expected_coupling, atol=1e-5)


def test_of_clips_against_loops(rng):
    poses = rng.normal(size=(2, 2, 3, 4, 2, 5)).astype("float32")
    layer = ClassCapsules3D(
        3, 4, coordinate_scale=0.5, routing="dynamic", kernel_initializer="normal"
    )
    outputs, coupling = outputs_of(layer, poses, return_coupling=True)
    kernel, bias = to_numpy([layer.kernel, layer.routing.bias])
    assert kernel.shape == (2, 5, 1, 3, 4)
    for n in range(2):
        votes = np.zeros((3, 48, 4))
        for j, d, y, x, t in np.ndindex(3, 2, 3, 4, 2):
            vote = poses[n, d, y, x, t] @ kernel[t, :, 0, j]
            vote[:3] += 0.5 * np.array([d - 0.5, y - 1, x - 1.5])
            votes[j, ((d * 3 + y) * 4 + x) * 2 + t] = vote
        expected_poses, expected_coupling = dynamic_routing(votes, 3, bias, leaky=False)
        np.testing.assert_allclose(outputs[n], expected_poses, atol=1e-5)
        np.testing.assert_allclose(coupling[n], expected_coupling, atol=1e-5)


def test_em_takes_and_returns_activations():
    layer = ClassCapsules(5, 16, transform="matrix")
    pair = (keras.KerasTensor((None, 4, 4, 32, 16)), keras.KerasTensor((None, 4, 4, 32)))
    poses, activations = layer(pair)
    assert poses.shape == (None, 5, 16)
    assert activations.shape == (None, 5)
    assert layer.count_params() == 2570
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"pose_dim": 1}, "pose_dim"),
        ({"pose_dim": 8, "transform": "matrix"}, "square"),
        ({"pose_dim": 8, "coordinate_scale": "far"}, "coordinate_scale"),
    ],
)
def test_bad_arguments(arguments, match):
    with pytest.raises(ValueError, match=match):
        ClassCapsules(5, **arguments)


def test_a_clip_has_three_places():
    with pytest.raises(ValueError, match="at least 3, for depth and row and column"):
        ClassCapsules3D(5, 2)
    with pytest.raises(ValueError, match=r"\(batch, depth, height, width, types, child_dim\)"):
        ClassCapsules3D(5, 4)(np.ones((1, 4, 4, 2, 4)))


def test_sizes_of_matrices_must_agree():
    with pytest.raises(ValueError, match="one size"):
        ClassCapsules(5, 16, transform="matrix", routing="dynamic")(np.ones((1, 2, 2, 3, 9)))
