"""Convolutional capsules: the layer test and votes against loops over windows."""

import numpy as np
import pytest

from capszoo.layers import ConvCapsules1D
from capszoo.layers import ConvCapsules2D
from capszoo.layers import ConvCapsules3D
from capszoo.layers import DenseCapsules
from tests.layer_checks import outputs_of
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


@pytest.mark.parametrize(
    ("make", "size", "arguments", "grid"),
    [
        (ConvCapsules1D, (5,), {"strides": 2}, (2,)),
        (
            ConvCapsules3D,
            (3, 3, 4),
            {"padding": "same", "kernel_size": (1, 2, 3), "strides": (2, 3, 2)},
            (2, 1, 2),
        ),
    ],
    ids=["sequence", "volume"],
)
def test_sequences_and_volumes(make, size, arguments, grid):
    arguments = {"num_capsules": 3, "pose_dim": 4, "kernel_size": 3, **arguments}
    run_layer_test(make, arguments, (2, *size, 2, 4), (2, *grid, 3, 4), weights=2)


def seq(*shape, multiplier=7, modulus=11, offset=5, scale=5):
    """The made-up numbers that the golden vectors of convolutional capsules start from."""
    numbers = multiplier * np.arange(np.prod(shape)) % modulus
    return ((numbers - offset) / scale).reshape(shape).astype("float32")


def test_golden_vector_of_segcaps():
    """What the authors' own layer gives, one sample at a time."""
    layer = ConvCapsules2D(2, 2, 3, padding="same", share_types=True)
    poses = seq(2, 3, 3, 2, 2)
    layer.build(poses.shape)
    kernel = seq(3, 3, 2, 4, multiplier=5, modulus=13, offset=6, scale=20)
    layer.kernel.assign(kernel.reshape(layer.kernel.shape))
    layer.routing.bias.assign(np.full((2, 2), 0.1))
    found = outputs_of(layer, poses)[:, 1, 1]
    expected = [
        [[0.081133, 0.128763], [-0.078396, 0.029167]],
        [[-0.035759, 0.092170], [-0.018006, 0.027296]],
    ]
    np.testing.assert_allclose(found, expected, atol=2e-5)

    strided = ConvCapsules2D(2, 2, 3, 2, "same", share_types=True)
    strided.build(poses.shape)
    strided.set_weights(layer.get_weights())
    expected = [
        [[0.098629, 0.118687], [0.016957, 0.007015]],
        [[-0.005380, 0.002294], [0.017582, -0.004307]],
        [[0.017907, 0.005272], [0.083881, -0.039899]],
        [[0.021776, 0.026320], [-0.047829, 0.234029]],
        [[0.050317, 0.188447], [-0.037825, 0.027015]],
        [[0.105328, 0.038995], [0.043002, -0.040203]],
        [[0.013002, 0.017215], [0.049849, -0.016184]],
        [[0.028919, 0.003833], [0.095391, 0.009116]],
    ]
    found = outputs_of(strided, poses).reshape(8, 2, 2)
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_the_layer_of_segcaps_mixes_samples_and_ours_does_not():
    """The authors' layer folds (types, batch) into one axis and unfolds (batch, types)."""
    layer = ConvCapsules2D(2, 2, 3, padding="same", share_types=True)
    poses = seq(2, 3, 3, 2, 2)
    layer.build(poses.shape)
    kernel = seq(3, 3, 2, 4, multiplier=5, modulus=13, offset=6, scale=20)
    layer.kernel.assign(kernel.reshape(layer.kernel.shape))
    found = outputs_of(layer, poses)
    alone = np.concatenate([outputs_of(layer, poses[:1]), outputs_of(layer, poses[1:])])
    np.testing.assert_allclose(found, alone, atol=1e-6)
    folded = poses.transpose(3, 0, 1, 2, 4).reshape(2, 2, 3, 3, 2)
    mixed = outputs_of(layer, folded.transpose(0, 2, 3, 1, 4))
    np.testing.assert_allclose(np.abs(mixed - alone).max(), 0.268, atol=1e-3)


def test_golden_vector_of_3d_ucaps():
    """What the authors' own layer gives: a bias of the votes, agreement by cosine."""
    layer = ConvCapsules3D(
        2,
        2,
        3,
        strides=2,
        padding="same",
        share_types=True,
        vote_bias="parents",
        routing={"name": "dynamic", "agreement": "cosine"},
    )
    poses = np.moveaxis(seq(1, 2, 2, 3, 3, 3, scale=5), (1, 2), (-2, -1))
    layer.build(poses.shape)
    kernel = seq(4, 2, 3, 3, 3, multiplier=5, modulus=13, offset=6, scale=20)
    kernel = np.moveaxis(kernel, (0, 1), (-1, -2))
    layer.kernel.assign(kernel.reshape(layer.kernel.shape))
    bias = seq(4, multiplier=3, modulus=7, offset=3, scale=20)
    layer.bias.assign(bias.reshape(layer.bias.shape))
    expected = [
        [
            [[0.139171, 0.038819], [0.054378, -0.051972]],
            [[-0.110518, 0.014782], [-0.072027, -0.301108]],
        ],
        [
            [[0.125804, -0.080425], [0.229434, -0.234837]],
            [[0.106301, -0.064677], [0.000463, 0.123240]],
        ],
        [
            [[0.262559, 0.036890], [0.224837, 0.082859]],
            [[0.029560, 0.073188], [0.167866, 0.322761]],
        ],
        [
            [[0.030557, 0.069377], [0.233124, 0.411263]],
            [[0.023496, 0.006765], [0.120629, 0.389242]],
        ],
    ]
    found = np.moveaxis(outputs_of(layer, poses)[0].reshape(2, 2, 2, 4), -1, 0)
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("share_types", [False, True])
def test_against_loops(share_types, padding, rng):
    poses = rng.normal(size=(2, 4, 5, 3, 2)).astype("float32")
    layer = ConvCapsules2D(
        4, 3, (3, 2), 2, padding, share_types=share_types, kernel_initializer="normal"
    )
    outputs, coupling = outputs_of(layer, poses, return_coupling=True)
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
    outputs = outputs_of(conv, poses)
    dense(poses)
    dense.kernel.assign(to_numpy(conv.kernel).reshape(dense.kernel.shape))
    np.testing.assert_allclose(outputs_of(dense, poses), outputs[:, 0, 0], atol=1e-5)


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


@pytest.mark.parametrize(
    ("make", "axes"),
    [
        (ConvCapsules1D, "length"),
        (ConvCapsules2D, "height, width"),
        (ConvCapsules3D, "depth, height, width"),
    ],
)
def test_wrong_rank(make, axes):
    for rank in {1, 2, 3} - {make.rank}:
        with pytest.raises(ValueError, match=rf"\(batch, {axes}, types, child_dim\)"):
            make(2, 3, 3).build((2, *(6,) * rank, 2, 4))
        with pytest.raises(ValueError, match="`kernel_size`, expected one positive integer"):
            make(2, 3, (3,) * rank)
