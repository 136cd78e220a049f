"""Graph convolutions, attention over nodes, capsules of a graph: golden vectors, loops, masks."""

import numpy as np
import pytest
from keras import ops

import capszoo
from capszoo.layers import GraphCapsules
from capszoo.layers import GraphConvolution
from capszoo.layers import NodeAttention
from capszoo.ops import LazyVotes
from tests.layer_checks import evaluate
from tests.layer_checks import outputs_of
from tests.layer_checks import run_layer_test
from tests.layer_checks import to_numpy
from tests.layer_checks import value_and_gradients
from tests.routing.golden import sequence

DIVIDED = {"name": "dynamic", "child_types": 3}


@pytest.mark.parametrize("self_loops", [True, False])
def test_convolution_by_hand(self_loops, rng):
    features = rng.normal(size=(2, 5, 3)).astype("float32")
    adjacency = (rng.uniform(size=(2, 5, 5)) < 0.4).astype("float32")
    adjacency = np.maximum(adjacency, np.swapaxes(adjacency, 1, 2))
    adjacency[1, 4] = adjacency[1, :, 4] = 0  # an isolated node
    layer = GraphConvolution(4, "tanh", self_loops, bias_initializer="ones")
    found = to_numpy(layer(features, adjacency))
    kernel = to_numpy(layer.kernel)
    for sample in range(2):
        joined = adjacency[sample] + self_loops * np.eye(5)
        degrees = joined.sum(axis=1)
        for node in range(5):
            total = np.zeros(4)
            for other in np.flatnonzero(joined[node]):
                given = features[sample, other] @ kernel + 1
                total += joined[node, other] * given / np.sqrt(degrees[node] * degrees[other])
            np.testing.assert_allclose(found[sample, node], np.tanh(total), atol=1e-5)
    again = GraphConvolution.from_config(layer.get_config())
    assert again.compute_output_shape((None, None, 3), (None, None, None)) == (None, None, 4)


def test_attention_golden():
    poses = sequence((2, 4, 2, 16))
    mask = np.arange(4) < np.array([[4], [2]])
    layer = NodeAttention()
    layer.build(poses.shape)
    layer.set_weights(
        [
            sequence((32, 2), 5, 13, 6, 20),
            sequence((2,), 1, 5, 2, 10),
            sequence((2, 2), 3, 7, 3, 1),
            sequence((2,), 2, 5, 2, 1),
        ]
    )
    found = evaluate(lambda poses, mask: layer(poses, mask=mask), poses, mask)
    golden = [
        [[-0.099201, 0.039680, -0.039680], [-0.288544, 0.384725, 0.000000]],
        [[-0.359113, -1.795567, 0.718227], [0.064735, -0.194206, 0.258941]],
        [[0.017586, -0.005862, -0.029310], [0.690280, 0.138056, -0.414168]],
        [[-0.060739, 0.045554, -0.015185], [-0.202054, 0.505136, 0.101027]],
    ]
    np.testing.assert_allclose(found[0, ..., :3], golden, atol=1e-5)
    golden = [
        [[0.000000, -0.456649, 0.342487], [0.169940, -0.169940, 0.424850]],
        [[0.343351, 0.000000, -0.343351], [-0.575150, 0.230060, -0.230060]],
    ]
    np.testing.assert_allclose(found[1, :2, :, :3], golden, atol=1e-5)
    assert not found[1, 2:].any()
    np.testing.assert_allclose(outputs_of(layer, poses[:1]), found[:1], atol=1e-5)


def test_against_dense_capsules(rng):
    """The same as dense capsules whose children of one type have equal transforms."""
    poses = rng.normal(size=(2, 4, 3, 5)).astype("float32")
    layer = GraphCapsules(6, 7)
    found, coupling = outputs_of(layer, poses, return_coupling=True)
    dense = capszoo.layers.DenseCapsules(6, 7)
    dense.build((None, 4, 3, 5))
    dense.kernel.assign(np.concatenate([to_numpy(layer.kernel)] * 4))
    expected, couplings = outputs_of(dense, poses, return_coupling=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(coupling, couplings, atol=1e-5)


@pytest.mark.parametrize(
    "routing",
    [
        DIVIDED,
        {"name": "dynamic", "iterations": 1, "use_bias": False},
        {**DIVIDED, "leaky": True, "stop_gradient": True, "iterations": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("masked", [False, True])
def test_votes_that_are_never_made(routing, masked, rng):
    """The kernel gives what the equations give of all the votes, and their gradients."""
    poses = rng.normal(size=(2, 5, 3, 4)).astype("float32")
    mask = np.arange(5) < np.array([[5], [3]]) if masked else None
    mask = np.repeat(mask, 3, axis=-1) if masked else None
    layer = GraphCapsules(4, 6, routing=routing)
    layer.build(poses.shape)

    def routed(x, kernel):
        x = (
            x
            if mask is None
            else x * ops.convert_to_tensor(mask.reshape(2, 5, 3, 1).astype("float32"))
        )
        geometry = layer.compute_geometry(x.shape)
        votes = LazyVotes(x, kernel, geometry, make=layer.compute_votes)
        found = layer.routing.route(votes, mask=mask, return_coupling=True)
        return ops.concatenate([ops.reshape(one, (-1,)) for one in found])

    arrays = poses, to_numpy(layer.kernel)
    found, slopes = value_and_gradients(routed, *arrays)
    with capszoo.kernels.disabled():
        expected, right = value_and_gradients(routed, *arrays)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    for one, other in zip(slopes, right, strict=True):
        assert np.abs(other).max() > 1e-3
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("routing", ["uniform", "scaled_distance", DIVIDED, "interest"], ids=str)
def test_neither_order_nor_padding_counts(routing, rng):
    poses = rng.normal(size=(2, 4, 3, 5)).astype("float32")
    layer = GraphCapsules(6, 5, routing=routing)
    found = outputs_of(layer, poses)
    np.testing.assert_allclose(outputs_of(layer, poses[:, [2, 0, 3, 1]]), found, atol=1e-5)
    padded = np.concatenate([poses, np.full((2, 10, 3, 5), np.nan, "float32")], axis=1)
    mask = np.tile(np.arange(14) < 4, (2, 1))
    again = evaluate(lambda poses, mask: layer(poses, mask=mask), padded, mask)
    np.testing.assert_allclose(again, found, atol=1e-6)


def test_layers():
    run_layer_test(GraphCapsules, {"num_capsules": 4, "pose_dim": 6}, (2, 5, 3, 4), (2, 4, 6), 2)
    run_layer_test(NodeAttention, {"units": 3}, (2, 5, 3, 4), (2, 5, 3, 4), 4)


def test_any_number_of_nodes():
    layer = GraphCapsules(4, 6, routing=DIVIDED)
    assert layer.compute_output_shape((None, None, 3, 5)) == (None, 4, 6)
    layer.build((None, None, 3, 5))
    assert outputs_of(layer, np.ones((1, 2, 3, 5), "float32")).shape == (1, 4, 6)
    with pytest.raises(ValueError, match=r"\(batch, nodes, types, child_dim\)"):
        GraphCapsules(4, 6).build((None, 5, None, 4))
