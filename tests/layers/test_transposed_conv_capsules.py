"""Transposed convolutional capsules: the layer test, loops, a golden vector, activations."""

import numpy as np
import pytest

from capszoo.layers import TransposedConvCapsules1D
from capszoo.layers import TransposedConvCapsules2D
from capszoo.layers import TransposedConvCapsules3D
from tests.layer_checks import outputs_of
from tests.layer_checks import run_layer_test
from tests.layer_checks import to_numpy
from tests.layers.test_conv_capsules import seq
from tests.ops.loops import loop_transposed
from tests.routing.loops import dynamic_routing


@pytest.mark.parametrize(
    ("make", "size", "arguments", "grid"),
    [
        (TransposedConvCapsules1D, (3,), {"strides": 2}, (7,)),
        (
            TransposedConvCapsules2D,
            (2, 3),
            {"strides": (1, 3), "kernel_size": 2, "share_types": True},
            (3, 9),
        ),
        (
            TransposedConvCapsules3D,
            (2, 1, 2),
            {"strides": 2, "padding": "same", "share_types": True},
            (4, 2, 4),
        ),
    ],
)
def test_layer(make, size, arguments, grid):
    arguments = {"num_capsules": 3, "pose_dim": 4, "kernel_size": 3, **arguments}
    run_layer_test(make, arguments, (2, *size, 2, 4), (2, *grid, 3, 4), weights=2)


@pytest.mark.parametrize("share_types", [False, True])
def test_against_loops(share_types, rng):
    poses = rng.normal(size=(2, 2, 3, 3, 2)).astype("float32")
    layer = TransposedConvCapsules2D(
        4, 3, (3, 2), 2, share_types=share_types, kernel_initializer="normal"
    )
    outputs, coupling = outputs_of(layer, poses, return_coupling=True)
    kernel, bias = to_numpy([layer.kernel, layer.routing.bias])
    votes = [
        [
            loop_transposed(
                poses[..., i, :], kernel[0 if share_types else i][..., 0, j, :], (2, 2), "valid"
            )
            for i in range(3)
        ]
        for j in range(4)
    ]
    votes = np.moveaxis(votes, (0, 1), (3, 4))
    assert coupling.shape == (*outputs.shape[:3], 4, 3)
    for where in np.ndindex(outputs.shape[:3]):
        expected_poses, expected_coupling = dynamic_routing(votes[where], 3, bias, leaky=False)
        np.testing.assert_allclose(outputs[where], expected_poses, atol=1e-5)
        np.testing.assert_allclose(coupling[where], expected_coupling, atol=1e-5)


def test_golden_vector_of_segcaps():
    layer = TransposedConvCapsules2D(2, 2, 4, 2, "same", share_types=True)
    poses = seq(1, 2, 2, 2, 2)
    layer.build(poses.shape)
    kernel = seq(4, 4, 4, 2, multiplier=5, modulus=13, offset=6, scale=20)
    layer.kernel.assign(np.moveaxis(kernel, -1, -2).reshape(layer.kernel.shape))
    layer.routing.bias.assign(np.full((2, 2), 0.1))
    (found,) = outputs_of(layer, poses)
    expected = [
        [
            [[0.093807, 0.093768], [-0.041974, -0.041946]],
            [[0.038479, 0.031826], [0.178422, -0.018046]],
        ],
        [
            [[-0.009385, 0.032733], [0.097823, 0.090906]],
            [[-0.042436, 0.060156], [0.040518, 0.103106]],
        ],
    ]
    np.testing.assert_allclose(found[:2, :2], expected, atol=2e-5)
    lengths = [
        [[0.132635, 0.059340], [0.049935, 0.179332], [0.055754, 0.185343], [0.000679, 0.065332]],
        [[0.034052, 0.133542], [0.073618, 0.110782], [0.030516, 0.042382], [0.073848, 0.020132]],
        [[0.075836, 0.085126], [0.117139, 0.050631], [0.020155, 0.054465], [0.025860, 0.030853]],
        [[0.008354, 0.085682], [0.019839, 0.178447], [0.025596, 0.000988], [0.073672, 0.005556]],
    ]
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), lengths, atol=2e-5)


def test_a_batch_of_two_is_two_batches_of_one(rng):
    layer = TransposedConvCapsules2D(2, 2, 4, 2, "same", share_types=True)
    poses = rng.normal(size=(2, 2, 2, 2, 2)).astype("float32")
    found = outputs_of(layer, poses)
    alone = np.concatenate([outputs_of(layer, poses[:1]), outputs_of(layer, poses[1:])])
    np.testing.assert_allclose(found, alone, atol=1e-6)


@pytest.mark.parametrize(("window", "strides"), [((3, 2), (2, 2)), ((1, 2), (2, 1))])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_activations(window, strides, padding, rng):
    """The mean, or the length together, of the children that reach a position."""
    presence = rng.uniform(0.5, 1, size=(2, 2, 3, 2)).astype("float32")
    ones = np.ones((*window, 1, 1))
    seen, squares, reach = (
        np.concatenate(
            [loop_transposed(x[..., i : i + 1], ones, strides, padding) for i in (0, 1)], -1
        )
        for x in (presence, presence**2, np.ones_like(presence))
    )
    assert (reach.min() == 0) == (window == (1, 2))
    for routing, expected in (
        ("em", seen / np.maximum(reach, 1)),
        ("scaled_distance", np.sqrt(squares + 1e-7)),
    ):
        layer = TransposedConvCapsules2D(3, 4, window, strides, padding, routing=routing)
        found = to_numpy(layer.arrange_activations(presence))
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_capsules": -1},
        {"kernel_size": (3, 3, 3)},
        {"strides": (1, 0)},
        {"padding": "full"},
    ],
    ids=str,
)
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}`"):
        TransposedConvCapsules2D(
            **{"num_capsules": 2, "pose_dim": 3, "kernel_size": 3, **arguments}
        )


@pytest.mark.parametrize("shape", [(2, 6, 2, 4), (2, None, 6, 2, 4), (2, 2, 6, 2, 2, 4)], ids=str)
def test_bad_input(shape):
    with pytest.raises(ValueError, match=r"\(batch, height, width, types, child_dim\)"):
        TransposedConvCapsules2D(2, 3, 3).build(shape)
