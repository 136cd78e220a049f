"""Cluster routing: the golden vector, a loop, and votes that are all alike."""

import keras
import numpy as np
import pytest

from capszoo.layers import DenseCapsules
from capszoo.routing import ClusterRouting
from tests.layer_checks import gradients
from tests.layer_checks import to_numpy


def test_golden_vector():
    votes = np.array([[[[1, 2], [3, 2.5], [0, 4], [0.5, 8]]]], "float32")
    poses, weights = to_numpy(ClusterRouting(2)(votes, return_coupling=True))
    np.testing.assert_allclose(poses[0, 0], [0.6, 2.666667], atol=1e-5)
    expected = np.mean([[0.2, 0.888889], [0.8, 0.111111]], axis=-1)
    np.testing.assert_allclose(weights[0, 0], expected, atol=1e-5)


def test_against_loops(rng):
    votes = rng.normal(size=(2, 3, 4 * 5, 6)).astype("float32")
    found = to_numpy(ClusterRouting(5)(votes))
    for n, j, d in np.ndindex(2, 3, 6):
        clusters = votes[n, j, :, d].reshape(4, 5)
        closeness = 1 / np.array([np.sqrt(cluster.var() + 1e-8) for cluster in clusters])
        expected = (closeness / closeness.sum() * clusters.mean(axis=1)).sum()
        np.testing.assert_allclose(found[n, j, d], expected, rtol=1e-4, atol=1e-5)


def test_a_wider_cluster_weighs_less(rng):
    votes = rng.normal(size=(1, 1, 2 * 4, 3)).astype("float32")
    _, before = to_numpy(ClusterRouting(4)(votes, return_coupling=True))
    mean = votes[:, :, :4].mean(axis=2, keepdims=True)
    votes[:, :, :4] = mean + 3 * (votes[:, :, :4] - mean)
    _, after = to_numpy(ClusterRouting(4)(votes, return_coupling=True))
    assert after[0, 0, 0] < before[0, 0, 0]


def test_identical_votes_stay_finite():
    votes = np.ones((1, 2, 8, 3), "float32")
    np.testing.assert_allclose(to_numpy(ClusterRouting(4)(votes)), 1.0, atol=1e-6)
    (gradient,) = gradients(lambda x: ClusterRouting(4)(x), votes)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("cluster_size", [1, 0, -2, 2.5, True])
def test_bad_cluster_size(cluster_size):
    with pytest.raises(ValueError, match="cluster_size"):
        ClusterRouting(cluster_size)


@pytest.mark.parametrize("vote_bias", [None, "parents", "votes"])
@pytest.mark.parametrize("cluster_size", [2, 5])
def test_votes_never_made_give_what_votes_give(cluster_size, vote_bias, rng):
    children = rng.normal(size=(3, 7, 4)).astype("float32")
    layer = DenseCapsules(
        6,
        5,
        routing={"name": "cluster", "cluster_size": cluster_size},
        vote_bias=vote_bias,
        bias_initializer=keras.initializers.RandomUniform(-1, 1, seed=1),
    )
    found = to_numpy(layer(children, return_coupling=True))
    votes = layer.compute_votes(keras.ops.convert_to_tensor(children), layer.kernel)
    if vote_bias is not None:
        votes = votes + layer.bias
    expected = to_numpy(ClusterRouting(cluster_size)(votes, return_coupling=True))
    for mine, reference in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, reference, rtol=2e-4, atol=2e-5)
