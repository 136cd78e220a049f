"""A user's own graphs: NetworkX's, and folders of JSON files of nodes and links."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from capszoo.data.graphs import Graph
from capszoo.data.graphs import graph_array
from capszoo.data.graphs import graphs_shape
from capszoo.data.image_folder import files_of_splits
from capszoo.data.image_folder import folder_class_names
from capszoo.validation import shown

SUFFIX = ".json"


def as_graph(thing: Any) -> Graph:
    """Makes a graph of what somebody else's program calls one.

    What is known of a node is its `features`, a sequence of numbers, or its `label`, a whole number
    from 0; of nodes without either nothing is known, and all have label 0. Directions and weights
    of edges do not count.

    Args:
        thing: A `Graph`; a graph of NetworkX; or a dictionary of `nodes` and `edges` (or `links`)
            in the node-link form of NetworkX and D3: nodes have an `id`, edges a `source` and a
            `target`.

    Returns:
        A `Graph`.

    Raises:
        ValueError: If it is none of these, an edge has no such node, or some nodes alone have
            features or labels.

    Example:

    >>> nodes = [{"id": "O", "label": 1}, {"id": "H1", "label": 0}, {"id": "H2", "label": 0}]
    >>> edges = [{"source": "O", "target": "H1"}, {"source": "O", "target": "H2"}]
    >>> capszoo.data.graph_files.as_graph({"nodes": nodes, "edges": edges}).edges.tolist()
    [[0, 1], [0, 2]]
    """
    if isinstance(thing, Graph):
        return thing
    # By what they can do: NetworkX is for those who have such graphs.
    if hasattr(thing, "nodes") and hasattr(thing, "edges") and hasattr(thing, "adjacency"):
        return _of_parts(list(thing.nodes(data=True)), [pair[:2] for pair in thing.edges()])
    if not isinstance(thing, dict):
        raise ValueError(
            "Expected a capszoo.data.Graph, a graph of NetworkX or a dictionary of nodes and "
            f"edges. Received: {shown(thing)}"
        )
    nodes: Any = thing.get("nodes")
    edges: Any = thing.get("edges", thing.get("links"))
    if not _are_dictionaries(nodes, ("id",)):
        raise ValueError(f"Expected `nodes`, each with an `id`. Received: {shown(nodes)}")
    if not _are_dictionaries(edges, ("source", "target")):
        raise ValueError(
            f"Expected `edges`, each with `source` and `target`. Received: {shown(edges)}"
        )
    return _of_parts(
        [(_name(node["id"]), node) for node in nodes],
        [(_name(edge["source"]), _name(edge["target"])) for edge in edges],
    )


def read_graph(path: str | os.PathLike) -> Graph:
    """Reads a graph of a JSON file in the node-link form, see `as_graph`.

    Args:
        path: The file.

    Returns:
        A `Graph`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no such graph.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file at {path}.")
    try:
        return as_graph(json.loads(path.read_bytes()))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"Cannot read {path} as a graph: {error}") from None


def load_graphs(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads one split of a folder with a sub-folder of JSON files for each class.

    It may hold `train/`, `validation/` and `test/` with such sub-folders, as a folder of pictures
    does; what is missing is carved from the training graphs by the same rule.

    Args:
        folder: The folder.
        split: `"train"`, `"validation"` or `"test"`.

    Returns:
        `Graph`s, an object array of shape (n,), and labels, int64 of shape (n,): the positions of
        the classes in alphabetical order.

    Raises:
        ValueError: If a file cannot be read, or a class is empty or too small to be split.
    """
    files = files_of_splits(folder, (SUFFIX,), "graphs")[split]
    positions = {name: position for position, name in enumerate(folder_class_names(folder))}
    labels = [positions[path.parent.name] for path in files]
    return graph_array([read_graph(path) for path in files]), np.array(labels, "int64")


def folder_graphs_shape(folder: Path) -> tuple[int, int]:
    """Finds the `(nodes, width)` that all training graphs of a folder fit in."""
    return graphs_shape(load_graphs(folder, "train")[0])


def own_graphs_path(name: str | os.PathLike) -> Path | None:
    """Returns the path of graphs of one's own, a folder; `None` where there is none."""
    path = Path(name).expanduser() if isinstance(name, str | os.PathLike) else None
    return path if path is not None and os.fspath(name) and path.is_dir() else None


def _are_dictionaries(things, keys):
    return isinstance(things, list) and all(
        isinstance(one, dict) and all(key in one for key in keys) for one in things
    )


def _name(thing):
    """What a node is called, as a key: JSON makes lists of tuples."""
    return tuple(map(_name, thing)) if isinstance(thing, list) else thing


def _of_parts(nodes, edges):
    """A graph of pairs of names and what is known of nodes, and pairs of names."""
    try:
        positions = {name: position for position, (name, _) in enumerate(nodes)}
        pairs = [(positions[first], positions[second]) for first, second in edges]
    except KeyError as error:
        raise ValueError(f"Expected edges between nodes. Received: an edge of {error}") from None
    except TypeError:
        raise ValueError("Expected names of nodes that are texts or numbers.") from None
    if len(positions) < len(nodes):
        raise ValueError("Expected nodes with names that differ. Received: two of one name")
    return Graph(_known_of([known for _, known in nodes]), np.array(pairs, "int64"))


def _known_of(nodes):
    for key, allowed in (("features", "a list of numbers"), ("label", "a whole number from 0")):
        values = [known.get(key) for known in nodes]
        given = [value for value in values if value is not None]
        if not given:
            continue
        if len(given) < len(nodes):
            raise ValueError(
                f"Expected `{key}` of every node, or of none. Received: {len(given)} of "
                f"{len(nodes)} nodes with"
            )
        try:
            found = np.array(values)
        except ValueError:
            raise ValueError(f"Expected `{key}` of one length for all nodes.") from None
        if found.dtype.kind not in "iuf" or found.ndim != (2 if key == "features" else 1):
            raise ValueError(
                f"Expected as `{key}` of a node {allowed}. Received: {shown(values[0])}"
            )
        return found
    return np.zeros(len(nodes), "int64")
