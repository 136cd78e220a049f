"""Votes against loops over children, parents and windows."""

import numpy as np
import pytest

from capszoo import ops
from tests.layer_checks import to_numpy
from tests.ops.loops import loop_patches


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


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("per_child", [1, 2])
@pytest.mark.parametrize("shared", [False, True])
def test_type_votes(shared, per_child, padding, rng):
    poses = rng.normal(size=(2, 5, 6, 3, 4)).astype("float32")
    kernel = rng.normal(size=(1 if shared else 3, 3, 2, 4, per_child, 5, 2)).astype("float32")
    votes = to_numpy(ops.type_votes(poses, kernel, strides=2, padding=padding))
    for i in range(3):
        patches = loop_patches(poses[:, :, :, i], (3, 2), (2, 2), padding)
        for k in range(per_child):
            for j in range(5):
                transform = kernel[0 if shared else i, :, :, :, k, j].reshape(-1, 2)
                np.testing.assert_allclose(
                    votes[:, :, :, j, i * per_child + k], patches @ transform, atol=1e-4
                )
    assert votes.shape[1:] == ((2, 3) if padding == "valid" else (3, 3)) + (5, 3 * per_child, 2)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("shared", [False, True])
def test_position_votes(shared, padding, rng):
    poses = rng.normal(size=(2, 5, 6, 3, 4)).astype("float32")
    kernel = rng.normal(size=(3, 2, 1 if shared else 3, 4, 2, 5, 2)).astype("float32")
    votes = to_numpy(ops.position_votes(poses, kernel, strides=2, padding=padding))
    patches = loop_patches(poses.reshape(2, 5, 6, 12), (3, 2), (2, 2), padding)
    patches = patches.reshape(*patches.shape[:3], 3, 2, 3, 4)
    child = 0
    for row in range(3):
        for column in range(2):
            for i in range(3):
                for k in range(2):
                    for j in range(5):
                        transform = kernel[row, column, 0 if shared else i, :, k, j]
                        np.testing.assert_allclose(
                            votes[:, :, :, j, child],
                            patches[:, :, :, row, column, i] @ transform,
                            atol=1e-4,
                        )
                    child += 1
    assert votes.shape[4] == child


def test_votes_of_rows_are_the_matrix_product(rng):
    poses = rng.normal(size=(2, 5, 9)).astype("float32")
    kernel = rng.normal(size=(5, 3, 1, 4, 3)).astype("float32")
    votes = to_numpy(ops.dense_votes(poses, ops.block_diagonal(kernel)))
    for i in range(5):
        for j in range(4):
            product = poses[:, i].reshape(2, 3, 3) @ kernel[i, :, 0, j]
            np.testing.assert_allclose(votes[:, j, i], product.reshape(2, 9), atol=1e-5)
