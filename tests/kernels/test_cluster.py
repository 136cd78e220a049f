"""Kernels of cluster routing: what is apart from the equations that all are held to."""

import functools

import keras
import numpy as np
import pytest
from keras import ops

from capszoo.kernels import tiled_cluster
from capszoo.layers import ConvCapsules2D
from capszoo.ops import dense_votes
from capszoo.routing import ClusterRouting
from tests.layer_checks import evaluate
from tests.layer_checks import value_and_gradients

combine_in_tiles = functools.partial(tiled_cluster.combine_in_tiles, variance_epsilon=1e-8)

PLACES, CHILDREN, CHILD_DIM, PER_CHILD, PARENTS, POSE_DIM = 3, 4, 2, 5, 6, 7


def some_arguments(rng, rows, offset):
    children = rng.normal(size=(rows, PLACES, CHILDREN, CHILD_DIM))
    kernel = rng.normal(size=(CHILDREN, PLACES * CHILD_DIM, PER_CHILD, PARENTS, POSE_DIM))
    votes = {None: 1, "parents": 1, "votes": CHILDREN * PER_CHILD}[offset]
    shift = rng.normal(size=(PARENTS, votes, POSE_DIM)) * (offset is not None)
    return [array.astype("float32") for array in (children, kernel, shift)]


def at_once(children, kernel, offset):
    children = ops.reshape(ops.transpose(children, (0, 2, 1, 3)), (-1, CHILDREN, kernel.shape[1]))
    votes = dense_votes(children, kernel) + offset
    return ops.concatenate(ClusterRouting(PER_CHILD).call(votes, return_coupling=True), axis=-1)


def compare(tiled, reference, *arguments):
    """Compares values, and gradients of each number by another weight."""
    found, mine = value_and_gradients(tiled, *arguments)
    expected, theirs = value_and_gradients(reference, *arguments)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("rows", "offset", "keep_votes"),
    [(1, "votes", True), (4, "parents", True), (11, None, True), (11, "parents", False)],
)
def test_votes_kept_or_not(rows, offset, keep_votes, rng):
    arguments = some_arguments(rng, rows, offset)

    def tiled(*arguments):
        outputs = combine_in_tiles(*arguments, return_coupling=True, rows=4, keep_votes=keep_votes)
        return ops.concatenate(outputs, axis=-1)

    compare(tiled, at_once, *arguments)

    def poses(children, kernel, shift):
        return combine_in_tiles(children, kernel, None if offset is None else shift, rows=4)

    found, expected = evaluate(poses, *arguments), evaluate(at_once, *arguments)
    np.testing.assert_allclose(found, expected[..., :POSE_DIM], atol=1e-5)


@pytest.mark.parametrize(("children", "per_child"), [(1, 2), (16, 17), (20, 18)])
def test_few_and_many_children_and_votes(children, per_child, rng):
    """Short sums may be computed in another way than long ones."""
    poses = rng.normal(size=(6, PLACES, children, CHILD_DIM)).astype("float32")
    kernel = rng.normal(size=(children, PLACES * CHILD_DIM, per_child, 2, 3)).astype("float32")

    def tiled(poses, kernel):
        return ops.concatenate(
            combine_in_tiles(poses, kernel, None, return_coupling=True, rows=4), axis=-1
        )

    def reference(poses, kernel):
        poses = ops.reshape(ops.transpose(poses, (0, 2, 1, 3)), (-1, children, kernel.shape[1]))
        votes = dense_votes(poses, kernel)
        return ops.concatenate(ClusterRouting(per_child).call(votes, return_coupling=True), axis=-1)

    compare(tiled, reference, poses, kernel)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("vote_bias", [None, "parents", "votes"])
def test_of_a_convolutional_layer(padding, vote_bias, rng):
    layer = ConvCapsules2D(
        4,
        6,
        (3, 2),
        strides=(2, 1),
        padding=padding,
        routing={"name": "cluster", "cluster_size": 3},
        vote_bias=vote_bias,
        bias_initializer=keras.initializers.RandomUniform(-1, 1, seed=1),
    )
    poses = rng.normal(size=(2, 7, 6, 3, 5)).astype("float32")
    layer.build(poses.shape)

    def reference(poses):
        votes = layer.compute_votes(poses, layer.kernel)
        if vote_bias is not None:
            votes = votes + layer.bias
        return layer.routing.call(votes, return_coupling=True)

    found = evaluate(lambda poses: layer(poses, return_coupling=True), poses)
    expected = evaluate(reference, poses)
    for mine, reference in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, reference, rtol=2e-4, atol=2e-5)
