"""CapsGNN, its control and their input end: graphs in, answers out."""

import json

import keras
import numpy as np
import pytest

import capszoo
from capszoo.data import Graph
from capszoo.data.graphs import pack_graphs
from capszoo.data.graphs import resize_packed
from capszoo.models.inputs import GraphInput
from capszoo.training import TrainingBatches
from capszoo.training.batches import EvaluationBatches
from tests.once import ONCE

SMALL = {
    "graph_shape": (20, 3),
    "num_classes": 2,
    "conv_layers": 2,
    "graph_capsules": 4,
    "decoder": (8,),
}
CONTROL = {"graph_shape": (20, 3), "num_classes": 2, "conv_layers": 2, "conv_filters": 8}
FAMILIES = [(capszoo.models.CapsGNN, SMALL), (capszoo.models.GraphConvNet, CONTROL)]
each_family = pytest.mark.parametrize(("family", "arguments"), FAMILIES)
# An isolated node, a node joined to itself, no edge at all, a single node.
ODD = [
    Graph([0, 1, 2], [(0, 1)]),
    Graph([0, 1, 2], [(0, 0), (0, 1)]),
    Graph([0, 1, 2], []),
    Graph([2], []),
]


def small(**changes):
    return capszoo.models.CapsGNN(**{**SMALL, **changes})


def rings_and_paths(count):
    """Graphs that are closed or open; labels of nodes say nothing."""
    random, labels, graphs = np.random.default_rng(0), np.arange(count) % 2, []
    for label in labels:
        size = random.integers(4, 9)
        edges = [(node, (node + 1) % size) for node in range(size - label)]
        graphs.append(Graph(random.integers(3, size=size), edges))
    return graphs, labels


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        # Labels to 2 * 8; five convolutions of 16 to 16; attention of 80 to 5 to 10; transforms of
        # ten types of 8 to 16 * 8, and of 16 capsules of 8 to the classes' 8; the decoder.
        (
            {"graph_shape": (111, 37), "num_classes": 2},
            (37 * 16 + 16)
            + 5 * (16 * 16 + 16)
            + (80 * 5 + 5 + 5 * 10 + 10)
            + 10 * 8 * 16 * 8
            + 16 * 8 * 2 * 8
            + (16 * 128 + 128 + 128 * 37 + 37),
        ),
        ({"decoder": None, "degrees": 6, "dropout": 0.0}, 16 * 10 + 1360 + 465 + 10240 + 3072),
    ],
)
@ONCE
def test_parameters(arguments, count):
    assert capszoo.models.CapsGNN(**arguments).count_params() == count


def test_graphs_in_answers_out(tmp_path):
    graphs, labels = rings_and_paths(60)
    keras.utils.set_random_seed(0)
    model = small(dropout=0.0, degrees=4)
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(graphs, labels.tolist(), 10, 15, 0, validation_data=(graphs[:8], labels[:8]))
    assert model.evaluate(graphs, labels, verbose=0, return_dict=True)["accuracy"] > 0.9
    scores = model.predict(graphs[:5], verbose=0)
    np.testing.assert_allclose(model.predict_on_batch(graphs[:5]), scores, atol=1e-5)
    assert model.encode(graphs[:5]).shape == (5, 2, 8)
    assert model.reconstruct(graphs[:5]).shape == (5, 3)
    assert model.coupling(graphs[:5]).shape == (5, 2, 4)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(graphs[:5], verbose=0), scores, atol=1e-6)
    nx = pytest.importorskip("networkx")
    known = [nx.Graph() for _ in range(5)]
    for one, graph in zip(known, graphs, strict=False):
        one.add_nodes_from((node, {"label": int(label)}) for node, label in enumerate(graph.nodes))
        one.add_edges_from(graph.edges.tolist())
    np.testing.assert_allclose(model.predict(known, verbose=0), scores, atol=1e-6)


@each_family
def test_neither_order_nor_padding_counts(family, arguments, rng):
    graphs, _ = rings_and_paths(6)
    model = family(**arguments, degrees=4)
    for variable in model.trainable_variables:  # biases too, which start at zero
        variable.assign(variable + 0.3 * rng.normal(size=variable.shape))
    scores = model.predict(graphs, verbose=0)
    assert np.ptp(scores, axis=0).min() > 1e-3
    turned = []
    for graph in graphs:
        order = rng.permutation(graph.size)
        nodes = np.empty_like(graph.nodes)
        nodes[order] = graph.nodes
        turned.append(Graph(nodes, order[graph.edges]))
    np.testing.assert_allclose(model.predict(turned, verbose=0), scores, atol=1e-5)
    packed = model.to_arrays(graphs)
    padded = resize_packed(packed, packed.shape[1] + 10)
    np.testing.assert_allclose(model.predict(padded, verbose=0), scores, atol=1e-6)
    alone = np.concatenate([model.predict([graph], verbose=0) for graph in graphs])
    np.testing.assert_allclose(alone, scores, atol=1e-5)


@each_family
def test_odd_graphs(family, arguments):
    # Without self-loops isolated nodes are given nothing.
    model = family(**arguments, self_loops=False, degrees=3)
    model.compile()
    history = model.fit(ODD, [0, 1, 0, 1], verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert np.isfinite(model.predict(ODD, verbose=0)).all()
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@ONCE
def test_degrees_tell_regular_graphs_apart():
    ring = Graph([0] * 4, [(0, 1), (1, 2), (2, 3), (3, 0)])
    clique = Graph([0] * 4, [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2), (1, 3)])
    for degrees, differ in ((None, False), (4, True)):
        first, second = small(degrees=degrees).predict([ring, clique], verbose=0)
        assert np.allclose(first, second, atol=1e-6) != differ


@ONCE
@pytest.mark.parametrize("routing", ["uniform", "em"])
def test_other_routings(routing):
    graphs, labels = rings_and_paths(8)
    model = small(routing=routing)
    model.compile()
    assert np.isfinite(model.fit(graphs, labels, verbose=0).history["loss"]).all()


BAD_ARRAYS = {
    "shape": (lambda packed: packed[..., :-1], "with width 3, as `model.to_arrays"),
    "none": (lambda packed: packed[:0], "Expected at least one graph"),
    "nan": (lambda packed: np.where(packed > 0, np.nan, 0.0), "NaN or infinite"),
    "one way": (lambda packed: put(packed, (0, 0, 4 + 2)), "the same either way round"),
    "two": (lambda packed: packed * 2, "0 or 1 for each node"),
    "nobody": (lambda packed: packed * [[[0]], [[1]]], "1 of 2 without, the first at row 0"),
    "behind": (lambda packed: put(packed, (0, 5, 1)), "zeros in rows without a node"),
    "large": (
        lambda packed: np.pad(np.ones((2, 30, 1)), [(0, 0), (0, 0), (0, 33)]),
        r"at most 20 nodes; graph_shape=\(30, 3\) would fit",
    ),
}


def put(packed, place):
    packed[place] = 1
    return packed


@ONCE
@pytest.mark.parametrize(("change", "match"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_bad_arrays(change, match):
    packed = pack_graphs([ODD[0], ODD[0]], (20, 3))
    with pytest.raises(ValueError, match=match):
        small().predict(change(packed), verbose=0)


@ONCE
@pytest.mark.parametrize(
    ("graphs", "match"),
    [
        (ODD[0], r"Received: one graph. Write \[graph\]"),
        ([], "at least one graph"),
        (["graph"], "Expected a capszoo.data.Graph, a graph of NetworkX"),
        ([Graph([[1.0, 2.0]], [])], "nodes of 3 numbers. Received: 2"),
        ([Graph(np.zeros(10_000, int), [])], r"graph_shape=\(10000, 3\) would fit"),
    ],
)
def test_bad_graphs(graphs, match):
    with pytest.raises(ValueError, match=match):
        small().predict(graphs, verbose=0)


@ONCE
@pytest.mark.parametrize(
    ("family", "arguments", "match"),
    [
        (*FAMILIES[0], r"expected \(nodes, width\)"),
        (*FAMILIES[1], "no capsules to decode: expected None"),
    ],
)
def test_bad_arguments(family, arguments, match):
    wrong = {"graph_shape": (3,)} if family is capszoo.models.CapsGNN else {"decoder": "layer"}
    if "decoder" in wrong:
        wrong = {"decoder": keras.layers.Dense(3)}
    with pytest.raises(ValueError, match=match):
        family(**{**arguments, **wrong})


def test_batches_of_graphs_alike_in_size():
    graphs, _ = rings_and_paths(50)
    graphs[7] = Graph(np.zeros(20, int), [])
    packed = pack_graphs(graphs, (20, 3))
    assert packed.shape[1] == 20
    batches = TrainingBatches(packed, np.arange(50), 8, input_end=GraphInput)
    trims = keras.backend.backend() != "tensorflow"
    found = [batches[index] for index in range(len(batches))]
    assert sorted(label for _, labels in found for label in labels) == list(range(50))
    sizes = sorted(examples.shape[1] for examples, _ in found)
    assert sizes == ([8] * 6 + [20] if trims else [20] * 7)
    for examples, labels in found:
        np.testing.assert_array_equal(resize_packed(examples, 20), packed[labels])
    order = batches.order
    batches.on_epoch_end()
    assert not np.array_equal(batches.order, order)
    measured = EvaluationBatches(packed, np.arange(50), 8, input_end=GraphInput)
    assert measured[1][0].shape[1] == (8 if trims else 20)
    np.testing.assert_array_equal(measured[1][1], np.arange(8, 16))


@ONCE
def test_a_folder_of_ones_own_trains(tmp_path, run):
    graphs, labels = rings_and_paths(30)
    for number, (graph, label) in enumerate(zip(graphs, labels, strict=True)):
        path = tmp_path / "data" / ("ring", "path")[label] / f"{number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        nodes = [{"id": k, "label": int(one)} for k, one in enumerate(graph.nodes)]
        edges = [{"source": int(a), "target": int(b)} for a, b in graph.edges]
        path.write_text(json.dumps({"nodes": nodes, "edges": edges}))
    report = capszoo.training.train(
        "graph_conv_net", data=tmp_path / "data", epochs=1, output=tmp_path / "run", verbose=0
    )
    assert report["test_graphs"] == 3
    code, out, _ = run("predict", tmp_path / "run", path, "--json")
    (found,) = json.loads(out)
    assert code == 0
    assert found["graph"] == str(path)
    assert {name for name, _ in found["classes"]} == {"ring", "path"}
    path.write_text("[]")
    code, out, err = run("predict", tmp_path / "run", path)
    assert code == 2
    assert "as a graph: Expected a capszoo.data.Graph" in " ".join(err.split())
    model = capszoo.load(tmp_path / "run")
    assert model.graph_shape == (8, 3)
    assert model.predict(graphs, verbose=0).shape == (30, 2)
