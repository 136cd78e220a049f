"""Convolutional capsules: the layer test and votes against loops over windows."""

import numpy as np
import pytest

from capszoo.layers import ConvCapsules2D
from capszoo.layers import DenseCapsules
from tests.layer_checks import run_layer_test
from tests.layer_checks import to_numpy
from tests.ops.loops import loop_patches
from tests.routing.loops import dynamic_routing


@pytest.mark.parametrize(
    ("arguments", "grid", "weights"),
    [
        ({}, (3, 4), 2),
        (
            {
                "strides": 2,
                "padding": "same",
                "share_types": True,
                "routing": {"name": "dynamic", "leaky": True},
                "kernel_regularizer": "l2",
            },
            (3, 3),
            2,
        ),
        ({"votes_from": "positions", "routing": "uniform", "strides": (1, 2)}, (3, 2), 2),
    ],
    ids=["plain", "shared", "positions"],
)
def test_layer(arguments, grid, weights):
    layer, _ = run_layer_test(
        ConvCapsules2D,
        {"num_capsules": 3, "pose_dim": 4, "kernel_size": 3, **arguments},
        (2, 5, 6, 2, 4),
        (2, *grid, 3, 4),
        weights,
    )
    assert len(layer.losses) == ("kernel_regularizer" in arguments)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("share_types", [False, True])
def test_against_loops(share_types, padding, rng):
    poses = rng.normal(size=(2, 4, 5, 3, 2)).astype("float32")
    layer = ConvCapsules2D(
        4, 3, (3, 2), 2, padding, share_types=share_types, kernel_initializer="normal"
    )
    outputs, coupling = to_numpy(layer(poses, return_coupling=True))
    kernel, bias = to_numpy([layer.kernel, layer.routing.bias])
    patches = [loop_patches(poses[:, :, :, i], (3, 2), (2, 2), padding) for i in range(3)]
    assert coupling.shape == (*outputs.shape[:3], 4, 3)
    for where in np.ndindex(outputs.shape[:3]):
        votes = np.array(
            [
                [
                    patches[i][where]
                    @ kernel[0 if share_types else i, :, :, :, 0, j].reshape(12, 3)
                    for i in range(3)
                ]
                for j in range(4)
            ]
        )
        expected_poses, expected_coupling = dynamic_routing(votes, 3, bias, leaky=False)
        np.testing.assert_allclose(outputs[where], expected_poses, atol=1e-5)
        np.testing.assert_allclose(coupling[where], expected_coupling, atol=1e-5)


def test_window_as_large_as_the_map_equals_dense_capsules(rng):
    poses = rng.normal(size=(2, 3, 3, 2, 4)).astype("float32")
    conv = ConvCapsules2D(5, 3, 3, votes_from="positions")
    dense = DenseCapsules(5, 3)
    outputs = to_numpy(conv(poses))
    dense(poses)
    dense.kernel.assign(to_numpy(conv.kernel).reshape(dense.kernel.shape))
    np.testing.assert_allclose(to_numpy(dense(poses)), outputs[:, 0, 0], atol=1e-5)


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_capsules": -1},
        {"kernel_size": 0},
        {"strides": (1, 0)},
        {"padding": "full"},
        {"votes_from": "type"},
    ],
    ids=str,
)
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}`"):
        ConvCapsules2D(**{"num_capsules": 2, "pose_dim": 3, "kernel_size": 3, **arguments})


@pytest.mark.parametrize("shape", [(2, 6, 6, 4), (2, None, 6, 2, 4), (2, 2, 6, 2, 4)], ids=str)
def test_bad_input(shape):
    with pytest.raises(ValueError, match=r"Received: input shape|does not fit"):
        ConvCapsules2D(2, 3, 3).build(shape)
