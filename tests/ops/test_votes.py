"""Votes against loops over children, parents and windows."""

import keras
import numpy as np
import pytest

from capszoo import ops
from tests.layer_checks import to_numpy
from tests.ops.loops import loop_patches
from tests.ops.loops import loop_transposed


@pytest.mark.parametrize("per_child", [1, 2])
def test_dense_votes(per_child, rng):
    poses = rng.normal(size=(3, 5, 4)).astype("float32")
    kernel = rng.normal(size=(5, 4, per_child, 6, 2)).astype("float32")
    votes = to_numpy(ops.dense_votes(poses, kernel))
    assert votes.shape == (3, 6, 5 * per_child, 2)
    for i in range(5):
        for j in range(6):
            for k in range(per_child):
                # The votes of one child stand next to each other.
                np.testing.assert_allclose(
                    votes[:, j, i * per_child + k], poses[:, i] @ kernel[i, :, k, j], atol=1e-5
                )


# Size of a map, of a window, and of what strides of 2 leave with "valid" and "same".
MAPS = {
    1: ((6,), (3,), (2,), (3,)),
    2: ((5, 6), (3, 2), (2, 3), (3, 3)),
    3: ((3, 4, 2), (2, 3, 1), (1, 1, 1), (2, 2, 1)),
}


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(("rank", "per_child"), [(2, 1), (2, 2), (1, 2), (3, 2)])
def test_type_votes(rank, shared, per_child, padding, rng):
    size, window, *grids = MAPS[rank]
    strides = (2,) * rank
    poses = rng.normal(size=(2, *size, 3, 4)).astype("float32")
    kernel = rng.normal(size=(1 if shared else 3, *window, 4, per_child, 5, 2)).astype("float32")
    votes = to_numpy(ops.type_votes(poses, kernel, strides=2, padding=padding))
    for i in range(3):
        patches = loop_patches(poses[..., i, :], window, strides, padding)
        for k in range(per_child):
            for j in range(5):
                transform = kernel[0 if shared else i, ..., k, j, :].reshape(-1, 2)
                np.testing.assert_allclose(
                    votes[..., j, i * per_child + k, :], patches @ transform, atol=1e-4
                )
    assert votes.shape[1:] == (*grids[padding == "same"], 5, 3 * per_child, 2)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_position_votes(rank, shared, padding, rng):
    size, window, *grids = MAPS[rank]
    poses = rng.normal(size=(2, *size, 3, 4)).astype("float32")
    kernel = rng.normal(size=(*window, 1 if shared else 3, 4, 2, 5, 2)).astype("float32")
    votes = to_numpy(ops.position_votes(poses, kernel, strides=2, padding=padding))
    patches = loop_patches(poses.reshape(2, *size, 12), window, (2,) * rank, padding)
    patches = patches.reshape(*patches.shape[:-1], *window, 3, 4)
    # Places row by row, then types, then the votes of one child.
    children = list(np.ndindex(*window, 3, 2))
    for child, (*place, i, k) in enumerate(children):
        seen = patches[(slice(None),) * (rank + 1) + (*place, i)]
        for j in range(5):
            transform = kernel[(*place, 0 if shared else i)][:, k, j]
            np.testing.assert_allclose(votes[..., j, child, :], seen @ transform, atol=1e-4)
    assert votes.shape[1:] == (*grids[padding == "same"], 5, len(children), 2)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(
    ("window", "strides"),
    [((4,), 2), ((1,), 3), ((3, 4), (2, 1)), ((2, 2), (3, 2)), ((2, 3, 1), (2, 2, 1))],
)
def test_transposed_type_votes(window, strides, shared, padding, rng):
    rank = len(window)
    size = (3, 2, 2)[:rank]
    poses = rng.normal(size=(2, *size, 3, 4)).astype("float32")
    kernel = rng.normal(size=(1 if shared else 3, *window, 4, 2, 3, 2)).astype("float32")
    votes = to_numpy(ops.transposed_type_votes(poses, kernel, strides, padding))
    for i in range(3):
        for k in range(2):
            for j in range(3):
                transform = kernel[0 if shared else i][..., k, j, :]
                maps = poses[..., i, :]
                expected = loop_transposed(maps, transform, np.broadcast_to(strides, rank), padding)
                found = votes[..., j, i * 2 + k, :]
                np.testing.assert_allclose(found, expected, atol=1e-4)
    # Of the size of Keras' own, and with its numbers.
    keras_own = keras.ops.conv_transpose(maps, transform.swapaxes(-1, -2), strides, padding)
    np.testing.assert_allclose(found, to_numpy(keras_own), atol=1e-4)


def test_votes_of_rows_are_the_matrix_product(rng):
    poses = rng.normal(size=(2, 5, 9)).astype("float32")
    kernel = rng.normal(size=(5, 3, 1, 4, 3)).astype("float32")
    votes = to_numpy(ops.dense_votes(poses, ops.block_diagonal(kernel)))
    for i in range(5):
        for j in range(4):
            product = poses[:, i].reshape(2, 3, 3) @ kernel[i, :, 0, j]
            np.testing.assert_allclose(votes[:, j, i], product.reshape(2, 9), atol=1e-5)
