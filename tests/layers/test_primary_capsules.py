"""Primary capsules against a loop over positions, types and numbers."""

import keras
import numpy as np
import pytest

from capszoo.layers import PrimaryCapsules
from capszoo.layers import PrimaryCapsules1D
from capszoo.layers import PrimaryCapsules3D
from tests.layer_checks import outputs_of
from tests.layer_checks import run_layer_test
from tests.layer_checks import to_numpy
from tests.ops.loops import loop_patches


@pytest.mark.parametrize(
    ("arguments", "grid"),
    [
        ({}, (4, 5)),
        (
            {
                "strides": 2,
                "padding": "same",
                "scale": 0.25,
                "squash": "exponential",
                "kernel_regularizer": "l2",
                "bias_initializer": "ones",
            },
            (3, 4),
        ),
        ({"squash_power": 3, "activity_regularizer": "l1"}, (4, 5)),
        ({"squash": None, "strides": (1, 2)}, (4, 3)),
    ],
    ids=["plain", "options", "restrained", "unsquashed"],
)
def test_layer(arguments, grid):
    layer, _ = run_layer_test(
        PrimaryCapsules,
        {"num_types": 3, "pose_dim": 4, "kernel_size": 3, **arguments},
        (2, 6, 7, 2),
        (2, *grid, 3, 4),
        weights=2,
    )
    if "activity_regularizer" not in arguments:  # tested below
        assert len(layer.losses) == ("kernel_regularizer" in arguments)


def test_long_capsules_cost_what_is_asked(rng):
    layer = PrimaryCapsules(3, 4, 2, activity_regularizer=keras.regularizers.L1(0.5))
    poses = to_numpy(layer(rng.normal(size=(2, 4, 4, 1)).astype("float32")))
    expected = 0.5 * np.linalg.norm(poses, axis=-1).sum() / 2
    np.testing.assert_allclose(to_numpy(layer.losses[0]), expected, rtol=1e-4)
    assert layer.get_config()["activity_regularizer"]["class_name"] == "L1"


def test_a_steeper_squash(rng):
    x = rng.normal(size=(2, 4, 4, 1)).astype("float32")
    layer, plain = PrimaryCapsules(3, 4, 2, squash_power=4), PrimaryCapsules(3, 4, 2, squash=None)
    for one in (layer, plain):
        one.build(x.shape)
    plain.set_weights(layer.get_weights())
    poses = to_numpy(plain(x))
    n = np.linalg.norm(poses, axis=-1, keepdims=True)
    np.testing.assert_allclose(to_numpy(layer(x)), n**4 / (1 + n**4) * poses / n, atol=1e-5)


def test_against_loops(rng):
    x = rng.normal(size=(2, 5, 6, 2)).astype("float32")
    layer = PrimaryCapsules(3, 4, (2, 3), strides=2, scale=0.5)
    outputs = layer(x)
    layer.bias.assign(rng.normal(size=12))
    outputs = outputs_of(layer, x)
    kernel, bias = to_numpy([layer.kernel, layer.bias])
    for row in range(2):
        for column in range(2):
            window = x[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 3]
            for kind in range(3):
                # A capsule's numbers are neighbouring filters at one position.
                filters = slice(4 * kind, 4 * kind + 4)
                s = np.einsum("nhwc,hwcf->nf", window, kernel[..., filters]) * 0.5 + bias[filters]
                n2 = (s**2).sum(-1, keepdims=True)
                np.testing.assert_allclose(
                    outputs[:, row, column, kind], s * n2 / (1 + n2) / np.sqrt(n2), atol=1e-5
                )


@pytest.mark.parametrize(
    ("make", "size", "strides", "grid"),
    [(PrimaryCapsules1D, (6,), (2,), (3,)), (PrimaryCapsules3D, (3, 2, 4), (2, 1, 3), (2, 2, 2))],
)
def test_sequences_and_volumes(make, size, strides, grid, rng):
    arguments = {"num_types": 3, "pose_dim": 4, "kernel_size": 2, "strides": strides}
    arguments |= {"padding": "same", "squash": None}
    layer, _ = run_layer_test(make, arguments, (2, *size, 2), (2, *grid, 3, 4), weights=2)
    x = rng.normal(size=(2, *size, 2)).astype("float32")
    patches = loop_patches(x, (2,) * len(size), strides, "same")
    expected = patches @ to_numpy(layer.kernel).reshape(-1, 12) + to_numpy(layer.bias)
    found = outputs_of(layer, x).reshape(expected.shape)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    with pytest.raises(ValueError, match=r"Received: input shape \(2, 6, 6, 1\)"):
        make(3, 4, 2).build((2, 6, 6, 1))


def test_a_capsule_sees_one_pixel():
    layer = PrimaryCapsules(3, 8, 1)
    x = np.zeros((1, 4, 5, 2), "float32")
    before = outputs_of(layer, x)
    x[0, 1, 2] = 1
    changed = (outputs_of(layer, x) != before).any(axis=(0, 4))
    expected = np.zeros((4, 5, 3), bool)
    expected[1, 2] = True
    np.testing.assert_array_equal(changed, expected)


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_types": 0},
        {"pose_dim": -1},
        {"kernel_size": 0},
        {"kernel_size": (3, 3, 3)},
        {"strides": 1.5},
        {"padding": "full"},
        {"squash": "standart"},
        {"scale": "big"},
        {"squash_power": 1},
        {"squash_power": 3, "squash": "exponential"},
    ],
    ids=str,
)
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}`"):
        PrimaryCapsules(**{"num_types": 3, "pose_dim": 4, "kernel_size": 3, **arguments})


@pytest.mark.parametrize("shape", [(2, 6, 6), (2, None, 6, 1), (2, 2, 6, 1)], ids=str)
def test_bad_input(shape):
    with pytest.raises(ValueError, match=r"Received: input shape|does not fit"):
        PrimaryCapsules(3, 4, 3).build(shape)
