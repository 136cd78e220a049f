"""Cells of convolved capsules: by hand, with and without a routed skip."""

import itertools

import numpy as np
import pytest

from capszoo.layers import CapsuleCell
from tests.layer_checks import outputs_of
from tests.layer_checks import run_layer_test
from tests.layer_checks import to_numpy


@pytest.mark.parametrize(("routing", "weights"), [(None, 4), ("deepcaps", 5)])
def test_layer(routing, weights):
    run_layer_test(
        CapsuleCell,
        {"num_types": 3, "pose_dim": 4, "routing": routing},
        (2, 5, 4, 2, 3),
        (2, 3, 2, 3, 4),
        weights=weights,
        atol=1e-5,
    )


def convolved(poses, kernel, strides):
    """Squashed capsules of a convolution with padding `"same"`, position by position."""
    batch, height, width = poses.shape[:3]
    maps = poses.reshape(batch, height, width, -1)
    grid = [-(-size // strides) for size in (height, width)]
    pads = [
        max((new - 1) * strides + 3 - size, 0)
        for new, size in zip(grid, (height, width), strict=True)
    ]
    maps = np.pad(maps, [(0, 0), *[(pad // 2, pad - pad // 2) for pad in pads], (0, 0)])
    found = np.zeros((batch, *grid, kernel.shape[-1]))
    for row, column in itertools.product(*map(range, grid)):
        top, left = row * strides, column * strides
        window = maps[:, top : top + 3, left : left + 3].reshape(batch, -1)
        found[:, row, column] = window @ kernel.reshape(-1, kernel.shape[-1])
    found = found.reshape(batch, *grid, 3, 4)
    length = np.linalg.norm(found, axis=-1, keepdims=True)
    return length / (1 + length**2) * found


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("routing", [None, "dynamic"])
def test_by_hand(routing, strides, rng):
    poses = rng.normal(size=(2, 5, 4, 2, 3)).astype("float32")
    cell = CapsuleCell(3, 4, strides=strides, routing=routing)
    outputs = outputs_of(cell, poses)
    kernels = {name: to_numpy(kernel) for name, kernel in cell.kernels.items()}
    entered = convolved(poses, kernels["entry"], strides)
    if routing is None:
        skipped = convolved(entered, kernels["skip"], 1)
    else:
        skipped = to_numpy(cell.routed_skip(entered.astype("float32")))
    inner = convolved(entered, kernels["first"], 1)
    expected = convolved(inner, kernels["second"], 1) + skipped
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_convolutions_start_differently():
    cell = CapsuleCell(2, 3, kernel_initializer={"class_name": "Zeros", "config": {}})
    cell.build((None, 4, 4, 2, 3))
    assert not any(weight.any() for weight in cell.get_weights())
    cell = CapsuleCell(2, 3)
    cell.build((None, 4, 4, 2, 3))
    for one, other in itertools.combinations(cell.get_weights(), 2):
        assert not np.array_equal(one, other)
        # Three times Glorot's variance of 54 numbers in and out.
        assert one.var() == pytest.approx(3 / 54, rel=0.3)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"num_types": 0}, "`num_types`"),
        ({"pose_dim": 1.5}, "`pose_dim`"),
        ({"kernel_size": 0}, "`kernel_size`"),
        ({"strides": (1, 2, 3)}, "`strides`"),
        ({"routing": "em"}, "no explicit activations. Received: EMRouting"),
    ],
)
def test_bad_arguments(arguments, match):
    with pytest.raises(ValueError, match=match):
        CapsuleCell(**{"num_types": 3, "pose_dim": 4, **arguments})


@pytest.mark.parametrize("shape", [(2, 5, 4, 6), (2, None, 4, 2, 3)])
def test_bad_input(shape):
    with pytest.raises(ValueError, match=r"\(batch, height, width, types, child_dim\)"):
        CapsuleCell(3, 4).build(shape)
