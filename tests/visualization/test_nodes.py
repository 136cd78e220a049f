"""How much each node of a graph gave its class."""

import keras
import numpy as np
import pytest
from keras import ops

import capszoo
from capszoo.data import Graph
from tests.layer_checks import to_numpy


@pytest.fixture(scope="module")
def graphs():
    return list(capszoo.data.load("generated_graphs", "test")[0][:3])


def by_loop(model, graph):
    """The shares of one graph, without any row of padding, one number at a time."""
    packed = model.to_arrays([graph])[:, : graph.size]
    packed = packed[..., : packed.shape[-1] - model.to_arrays([graph]).shape[1] + graph.size]
    outputs = to_numpy(model(packed))
    nodes = to_numpy(_before(model)(packed))[0]
    found = model.get_layer("graph_capsules")(
        ops.convert_to_tensor(nodes[None]), return_coupling=True
    )
    poses, coupling = (one[0] for one in to_numpy(found))
    best = outputs["scores"][0].argmax()
    of_graph = outputs["coupling"][0, best] * np.linalg.norm(poses, axis=-1)
    shares = np.zeros(graph.size)
    for number, weight in enumerate(of_graph / of_graph.sum()):
        given = np.zeros(graph.size)
        for node, kind in np.ndindex(*nodes.shape[:2]):
            child = node * nodes.shape[1] + kind
            given[node] += coupling[number, child] * np.linalg.norm(nodes[node, kind])
        shares += weight * given / given.sum()
    return shares


def _before(model):
    return keras.Model(model.input, model.get_layer("attention").output)


def test_shares(graphs):
    model = capszoo.load("capsgnn_generated_graphs")
    shares = model.node_shares(graphs, batch_size=2)
    for graph, own in zip(graphs, shares, strict=True):
        np.testing.assert_allclose(own, by_loop(model, graph), atol=1e-5)
        assert own.sum() == pytest.approx(1, abs=1e-5)
        assert own.std() > 0


def test_nodes_in_another_order(graphs, rng):
    model, graph = capszoo.load("capsgnn_generated_graphs"), graphs[0]
    order = rng.permutation(graph.size)
    moved = Graph(graph.nodes[order], np.argsort(order)[graph.edges])
    own, other = model.node_shares([graph, moved])
    np.testing.assert_allclose(other, own[order], atol=1e-5)


@pytest.mark.parametrize("graph", [Graph([0], []), Graph([0, 1, 2, 0], [(0, 1)])])
def test_odd_graphs_are_drawn(graph):
    shares = np.full(graph.size, 1 / graph.size)
    figure = capszoo.visualization.draw_nodes(graph, shares, "a class")
    axis, _ = figure.axes
    (dots,) = axis.collections
    assert np.isfinite(dots.get_offsets()).all()
    assert len(dots.get_offsets()) == graph.size


def test_what_is_not_drawn():
    large = Graph(np.zeros(201, "int64"), [])
    assert "this one has 201" in capszoo.visualization.why_no_nodes(large)
    with pytest.raises(ValueError, match="drawn, this one has 201"):
        capszoo.visualization.draw_nodes(large, np.zeros(201), "a class")
    with pytest.raises(ValueError, match=r"for each of 1 nodes. Received: shape \(2,\)"):
        capszoo.visualization.draw_nodes(Graph([0], []), [0.5, 0.5], "a class")
