"""Attention routing: the golden vector of AR-CapsNet, and what it is not."""

import numpy as np
import pytest

from capszoo.layers import CapsuleLength
from capszoo.layers import DenseCapsules
from capszoo.routing import AttentionRouting
from tests.layer_checks import to_numpy

# (batch, parents, children, pose_dim); weights by (parent, pose, child, child scored), (parent,
# pose, pose) and (parent, pose).
VOTES = np.array(
    [
        [[[0.04, -0.29], [0.01, 0.29]], [[0.59, 0.69], [-0.09, 0.06]]],
        [[[-0.36, 0.39], [-0.32, -0.39]], [[0.21, -0.04], [0.64, 0.44]]],
    ],
    "float32",
)
ATTENTION = np.array(
    [
        [[[-2.0, 0.0], [1.5, -1.0]], [[0.5, -2.0], [-0.5, 1.5]]],
        [[[2.0, -0.5], [1.0, -1.5]], [[0.0, 2.0], [-1.0, 1.0]]],
    ],
    "float32",
)
KERNEL = np.array([[[-1, 2 / 3], [1, 1 / 3]], [[0, -2 / 3], [-1 / 3, -1]]], "float32")
BIAS = np.array([[-0.2, 0.0], [0.2, -0.1]], "float32")
COUPLING = [
    [[0.204240, 0.795760], [0.437823, 0.562177]],
    [[0.842241, 0.157759], [0.790012, 0.209988]],
]
SUMS = np.array(
    [
        [[0.016127, 0.171541], [0.207720, 0.335829]],
        [[-0.353690, 0.266948], [0.300295, 0.060794]],
    ]
)
POSES = [
    [[-0.044557, 0.067827], [0.087830, -0.518517]],
    [[0.397468, -0.145765], [0.177825, -0.346086]],
]
SCORES = [[0.057384, 0.371869], [0.299356, 0.275134]]


def routing_of_the_vector(**arguments):
    routing = AttentionRouting(**arguments)
    routing.build(VOTES.shape)
    # Children before the pose: as votes stand.
    routing.attention_kernel.assign(ATTENTION.transpose(0, 2, 1, 3).reshape(2, 4, 2))
    routing.pose_kernel.assign(KERNEL)
    routing.bias.assign(BIAS)
    return routing


def test_golden_vector():
    poses, coupling = routing_of_the_vector()(VOTES, return_coupling=True)
    np.testing.assert_allclose(to_numpy(coupling), COUPLING, atol=2e-5)
    np.testing.assert_allclose(to_numpy(poses), POSES, atol=2e-5)
    np.testing.assert_allclose(to_numpy(CapsuleLength()(poses)) / 2**0.5, SCORES, atol=2e-5)


def test_not_the_released_reading():
    """The released code reads (parents, pose) as (pose, parents): capsules mix."""
    poses = to_numpy(routing_of_the_vector()(VOTES))
    official = np.swapaxes(POSES, -1, -2)
    assert np.abs(poses - official).max() > 0.02
    assert np.abs(np.swapaxes(poses, -1, -2) - official).max() < 2e-5


def test_without_activation():
    poses = to_numpy(routing_of_the_vector(activation=None)(VOTES))
    expected = np.einsum("bjd,jde->bje", SUMS, KERNEL) + BIAS
    np.testing.assert_allclose(poses, expected, atol=2e-5)


def test_every_vote_counts_for_every_score(rng):
    """A score sees all children's votes: changing one of them changes the share of another."""
    votes = rng.normal(size=(1, 2, 3, 2)).astype("float32")
    routing = AttentionRouting()
    _, before = to_numpy(routing(votes, return_coupling=True))
    votes[:, :, 0] += 1.0
    _, after = to_numpy(routing(votes, return_coupling=True))
    ratio = before[..., 1] / before[..., 2], after[..., 1] / after[..., 2]
    assert np.abs(np.log(ratio[0]) - np.log(ratio[1])).min() > 1e-3


def test_huge_votes(rng):
    votes = (1e6 * rng.normal(size=(2, 3, 4, 5))).astype("float32")
    assert np.isfinite(to_numpy(AttentionRouting()(votes))).all()


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_weights_start_as_large_for_any_number_of_parents(dtype):
    deviations = []
    for parents in (1, 16):
        layer = DenseCapsules(parents, 8, routing="attention", dtype=dtype)
        layer.build((None, 16, 4))
        deviations.append(to_numpy(layer.routing.attention_kernel.value).std())
    assert deviations[0] == pytest.approx(deviations[1], rel=0.1)
