"""Graphs: generated ones, the sets of the TU collection, the user's own, packed into arrays."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import capszoo
from capszoo.data import graph_sets
from capszoo.data.graph_files import as_graph
from capszoo.data.graphs import Graph
from capszoo.data.graphs import pack_graphs
from capszoo.data.graphs import resize_packed
from capszoo.data.splits import deal_folds
from tests.once import ONCE

pytestmark = ONCE
PATH = Graph([2, 0, 1], [(0, 1), (1, 2)])
LOOP = Graph([0, 1], [(0, 0)])
SPLITS = ("train", "validation", "test")


def degrees(graph):
    pairs = np.unique(np.sort(graph.edges, axis=1), axis=0)
    return np.bincount(pairs.ravel(), minlength=graph.size)


def test_generated_graphs_are_alike_everywhere():
    graphs, labels = capszoo.data.load("generated_graphs", "test")
    assert np.bincount(labels).tolist() == [120, 120, 120]
    assert (graphs[0].size, graphs[0].edges[:2].tolist()) == (12, [[11, 10], [10, 1]])
    graphs[:] = None
    assert capszoo.data.load("generated_graphs", "test")[0][0] is not None


def test_each_graph_holds_the_motif_of_its_label():
    nx = pytest.importorskip("networkx")
    for graph, label in zip(*capszoo.data.load("generated_graphs", "validation"), strict=True):
        known = nx.Graph(graph.edges.tolist())
        assert nx.is_connected(known)
        assert len(known) == graph.size
        rings = nx.cycle_basis(known)
        # A tree and a ring have one circle, a tree and a star none, a clique of four has three.
        assert sorted(map(len, rings)) == [[6], [], [3, 3, 3]][label]
        assert label != 1 or degrees(graph).max() >= 5


def test_packed():
    packed = pack_graphs([PATH, LOOP], (20, 3))
    assert packed.dtype == np.uint8
    assert packed.shape == (2, 8, 12)
    expected = np.zeros((2, 8, 12))
    expected[0, :3, 0] = expected[1, :2, 0] = 1
    for row, node, label in ((0, 0, 2), (0, 1, 0), (0, 2, 1), (1, 0, 0), (1, 1, 1)):
        expected[row, node, 1 + label] = 1
    for row, first, second in ((0, 0, 1), (0, 1, 0), (0, 1, 2), (0, 2, 1), (1, 0, 0)):
        expected[row, first, 4 + second] = 1
    np.testing.assert_array_equal(packed, expected)
    larger = pack_graphs([PATH, LOOP, Graph(np.zeros(17, int), [])], (20, 3))
    assert larger.shape == (3, 20, 24)
    np.testing.assert_array_equal(resize_packed(larger[:2], 8), packed)
    np.testing.assert_array_equal(resize_packed(packed, 20), larger[:2])


def test_numbers_of_nodes():
    packed = pack_graphs([Graph([[0.5, -1.0], [2.0, 3.0]], [(1, 0)])], (4, 2))
    assert packed.dtype == np.float32
    np.testing.assert_array_equal(packed[0, :2, :5], [[1, 0.5, -1, 0, 1], [1, 2, 3, 1, 0]])


@pytest.mark.parametrize(
    ("graph", "match"),
    [
        (Graph(np.zeros(10_000, int), []), r"at most 8 nodes; graph_shape=\(10000, 3\) would fit"),
        (Graph([3], []), "labels of nodes from 0 to 2. Received: a label 3 at row 1"),
        (Graph([[1.0, 2.0]], []), "nodes of 3 numbers. Received: 2 numbers at row 1"),
        ("graph", "Expected graphs. Received: 'graph' at row 1"),
    ],
)
def test_what_does_not_fit(graph, match):
    with pytest.raises(ValueError, match=match):
        pack_graphs([PATH, graph], (8, 3))


@pytest.mark.parametrize(
    ("nodes", "edges", "match"),
    [
        ([], [], "at least one"),
        ([0, -1], [], "whole numbers from 0"),
        ([0.5], [], "whole numbers from 0"),
        ([[np.nan]], [], "finite"),
        ([0, 1], [(0, 2)], "between nodes 0 to 1. Received: an edge of node 2"),
        ([0, 1], [(0, 1, 1)], r"\(edges, 2\)"),
        ([0, 1], [(0.0, 1.0)], "whole numbers of shape"),
    ],
)
def test_no_graph(nodes, edges, match):
    with pytest.raises(ValueError, match=match):
        Graph(nodes, edges)


def test_networkx():
    nx = pytest.importorskip("networkx")
    graph = nx.DiGraph([("a", "b"), ("b", "a"), ("b", "c")])
    assert as_graph(graph).nodes.tolist() == [0, 0, 0]
    nx.set_node_attributes(graph, {"a": 2, "b": 0, "c": 1}, "label")
    found = as_graph(graph)
    np.testing.assert_array_equal(pack_graphs([found], (3, 3)), pack_graphs([PATH], (3, 3)))
    nx.set_node_attributes(graph, {"a": [1.0, 2.0], "b": [0.0, 0.0], "c": [3.0, 0.5]}, "features")
    again = as_graph(json.loads(json.dumps(nx.node_link_data(graph, edges="links"))))
    assert again.nodes.tolist() == [[1, 2], [0, 0], [3, 0.5]]
    assert again.tobytes() == as_graph(graph).tobytes() != found.tobytes()


def node_link(labels, edges):
    return {
        "nodes": [{"id": k, "label": label} for k, label in enumerate(labels)],
        "edges": [{"source": first, "target": second} for first, second in edges],
    }


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ([], "dictionary of nodes"),
        ({"nodes": [3], "edges": []}, "each with an `id`"),
        ({"nodes": [{"id": 0}]}, "each with `source` and `target`"),
        (node_link([0, 1], [(0, 2)]), "an edge of 2"),
        (node_link([0, None], []), "of every node, or of none. Received: 1 of 2"),
        (node_link(["C", "N"], []), "a whole number from 0. Received: 'C'"),
        ({"nodes": [{"id": 0}, {"id": 0}], "edges": []}, "two of one name"),
        ({"nodes": [{"id": 0, "features": [1]}, {"id": 1, "features": []}], "edges": []}, "one l"),
    ],
)
def test_no_node_link(content, match):
    with pytest.raises(ValueError, match=match):
        as_graph(content)


def test_a_folder_of_graphs(tmp_path):
    for name, size in (("short", 3), ("long", 9)):
        (tmp_path / name).mkdir()
        for number in range(20):
            graph = node_link([number % 4] * size, [(k, k + 1) for k in range(size - 1)])
            (tmp_path / name / f"{number}.json").write_text(json.dumps(graph))
    assert capszoo.data.class_names(tmp_path, kind="graphs") == ["long", "short"]
    assert capszoo.data.example_shape(tmp_path, kind="graphs") == (9, 4)
    parts = {split: capszoo.data.load(tmp_path, split, kind="graphs") for split in SPLITS}
    assert [len(labels) for _, labels in parts.values()] == [32, 4, 4]
    assert all(
        [graph.size for graph in graphs] == [(9, 3)[label] for label in labels]
        for graphs, labels in parts.values()
    )
    (tmp_path / "short" / "0.json").write_text("{")
    with pytest.raises(ValueError, match=r"Cannot read .*0\.json as a graph"):
        capszoo.data.load(tmp_path, kind="graphs")


def write_set(folder, graphs, labels):
    """Writes graphs in the form of the TU collection, as a set called MUTAG."""
    folder = folder / "graphs" / "MUTAG"
    folder.mkdir(parents=True)
    lines = {"A": [], "graph_indicator": [], "graph_labels": labels, "node_labels": []}
    for number, graph in enumerate(graphs, start=1):
        start = len(lines["node_labels"]) + 1
        lines["A"] += [f"{start + a}, {start + b}" for a, b in graph.edges]
        lines["graph_indicator"] += [number] * graph.size
        lines["node_labels"] += graph.nodes.tolist()
    for part, rows in lines.items():
        (folder / f"MUTAG_{part}.txt").write_text("".join(f"{row}\n" for row in rows))
    return folder


def test_files_of_the_collection(tmp_path, monkeypatch, rng):
    monkeypatch.setitem(
        graph_sets.SETS, "mutag", graph_sets.GraphSet("MUTAG", (5, 3), ("no", "yes"))
    )
    graphs = [Graph(rng.integers(3, size=5), rng.integers(5, size=(k % 5, 2))) for k in range(60)]
    graphs[7] = Graph([0, 1, 2, 0, 2], [])
    folder = write_set(tmp_path, graphs, [(1, -1)[k % 2] for k in range(60)])
    folds = [graph_sets.read_graphs("mutag", "test", tmp_path, str(fold)) for fold in range(10)]
    assert [np.bincount(labels).tolist() for _, labels in folds] == [[3, 3]] * 10
    found = {graph.tobytes(): label for fold in folds for graph, label in zip(*fold, strict=True)}
    assert found == {graph.tobytes(): 1 - k % 2 for k, graph in enumerate(graphs)}
    parts = [graph_sets.read_graphs("mutag", split, tmp_path, "3") for split in SPLITS]
    assert [len(labels) for _, labels in parts] == [49, 5, 6]  # a tenth of 54
    assert {graph.tobytes() for graphs, _ in parts for graph in graphs} == set(found)
    # As a number too.
    _, labels = capszoo.data.load("mutag", "test", data_dir=tmp_path, fold=3)
    np.testing.assert_array_equal(labels, folds[3][1])
    (folder / "MUTAG_A.txt").write_text("1, 60\n")
    with pytest.raises(ValueError, match="are not those of MUTAG"):
        graph_sets.read_graphs("mutag", "test", tmp_path)
    (folder / "MUTAG_A.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"no file at .*MUTAG_A\.txt"):
        graph_sets.read_graphs("mutag", "test", tmp_path)


def test_a_set_that_is_not_there(monkeypatch):
    monkeypatch.delenv("CAPSZOO_DATA_DIR", raising=False)
    with pytest.raises(FileNotFoundError, match="put the folder NCI1 of the TU collection"):
        capszoo.data.load("nci1")


@pytest.mark.parametrize(("name", "count"), [("mutag", 188), ("nci1", 4110), ("proteins", 1113)])
def test_the_real_sets(name, count):
    folder = os.environ.get("CAPSZOO_DATA_DIR")
    if not folder or not (Path(folder) / "graphs").is_dir():
        pytest.skip("there is no folder graphs in the one named by CAPSZOO_DATA_DIR")
    parts = [capszoo.data.load(name, split, fold="9") for split in SPLITS]
    assert sum(len(labels) for _, labels in parts) == count
    shapes = [capszoo.data.graphs.graphs_shape(graphs) for graphs, _ in parts]
    assert tuple(np.max(shapes, axis=0)) == capszoo.data.example_shape(name)


def test_folds_are_dealt_by_the_keys_alone(rng):
    labels, keys = rng.integers(3, size=100), [rng.bytes(8) for _ in range(100)]
    order = rng.permutation(100)
    folds = deal_folds(labels, keys, 10)
    np.testing.assert_array_equal(
        deal_folds(labels[order], [keys[k] for k in order], 10), folds[order]
    )
