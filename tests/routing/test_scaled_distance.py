"""Scaled-distance routing: the golden vector, a loop, batch mates, lengths."""

import numpy as np
import pytest

from capszoo.layers import DenseCapsules
from capszoo.routing import ScaledDistanceRouting
from tests.layer_checks import to_numpy
from tests.routing.golden import VOTES

LENGTHS = np.array([[1.0, 0.9, 0.8]], "float32")


def test_golden_vector():
    poses = to_numpy(ScaledDistanceRouting(2)(VOTES, LENGTHS))
    expected = [[0.872517, 0.070659], [0.011731, 0.019835]]
    np.testing.assert_allclose(poses[0], expected, rtol=0, atol=1e-5)


def test_against_loops(rng):
    votes, lengths = rng.normal(size=(2, 3, 5, 4)), rng.uniform(0.2, 1, size=(2, 5))
    found = to_numpy(
        ScaledDistanceRouting(3, use_bias=False)(votes.astype("f4"), lengths.astype("f4"))
    )
    for n in range(2):
        short = np.zeros((3, 5, 4))
        for j, i in np.ndindex(3, 5):
            length = np.linalg.norm(votes[n, j, i])
            short[j, i] = votes[n, j, i] / length * min(length, lengths[n, i])
        coupling = np.full((3, 5), 1 / 3)
        for _ in range(3):
            poses = np.zeros((3, 4))
            for j in range(3):
                total = coupling[j] @ short[j]
                length = np.linalg.norm(total)
                poses[j] = length * total / (1 + length**2)
            distance = np.linalg.norm(poses[:, None] - short, axis=-1)
            scale = np.log(0.9 * 2 / 0.1) / (-0.5 * distance.mean())
            coupling = np.exp(scale * distance) / np.exp(scale * distance).sum(axis=0)
        np.testing.assert_allclose(found[n], poses, rtol=1e-3, atol=1e-4)


def test_batch_mean_depends_on_batch_mates(rng):
    votes = rng.normal(size=(3, 2, 5, 4)).astype("float32")
    own, of_batch = ScaledDistanceRouting(), ScaledDistanceRouting(batch_mean=True)
    np.testing.assert_allclose(to_numpy(own(votes))[:1], to_numpy(own(votes[:1])), atol=1e-6)
    assert np.abs(to_numpy(of_batch(votes))[:1] - to_numpy(of_batch(votes[:1]))).max() > 1e-4


def test_votes_are_no_longer_than_their_child(rng):
    poses = 0.1 * rng.normal(size=(1, 6, 8)).astype("float32")
    layer = DenseCapsules(3, 4, routing="scaled_distance", kernel_initializer="normal")
    layer.build(poses.shape)
    layer.kernel.assign(1e3 * to_numpy(layer.kernel))
    longest = np.linalg.norm(poses, axis=-1).max()
    layer.routing.bias.assign(np.zeros((3, 4)))
    # A parent sums at most six votes, and a squash gives at most the square of a length.
    assert np.linalg.norm(to_numpy(layer(poses)), axis=-1).max() < (6 * longest) ** 2


def test_one_parent_is_an_error():
    with pytest.raises(ValueError, match="two parents"):
        DenseCapsules(1, 4, routing="scaled_distance")(np.ones((1, 6, 8)))
