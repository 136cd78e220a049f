"""Graph sets of the TU collection, from their text files."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from capszoo.data.graphs import Graph
from capszoo.data.graphs import graph_array
from capszoo.data.splits import deal_folds
from capszoo.data.splits import digest
from capszoo.data.splits import hold_out_tenth


class GraphSet(NamedTuple):
    """What is fixed about a set.

    Attributes:
        folder: The name of its folder, with which the names of its files begin.
        shape: How many nodes the largest graph has, and how many labels of nodes there are.
        class_names: Of its graphs' labels, by their size in the files.
    """

    folder: str
    shape: tuple[int, int]
    class_names: tuple[str, ...]


# Of NCI1 the files do not say which label is which.
SETS = {
    "mutag": GraphSet("MUTAG", (28, 7), ("not mutagenic", "mutagenic")),
    "nci1": GraphSet("NCI1", (111, 37), ("0", "1")),
    "proteins": GraphSet("PROTEINS", (620, 3), ("enzyme", "not enzyme")),
}


def read_graphs(
    name: str, split: str, data_dir: str | os.PathLike | None = None, fold: str = "0"
) -> tuple[np.ndarray, np.ndarray]:
    """Reads one split of a graph set from the folder `graphs` of the data sets.

    A set has ten folds, of which one is the test. Which graph is in which says
    `capszoo.data.splits.deal_folds`, by the SHA-256 of nodes and edges: no seed, a tenth of each
    class in each fold. Validation is a tenth of each class of the other folds.

    Labels of nodes are numbered by their size. What else the files say of nodes and edges is not
    read.

    Args:
        name: A name of `SETS`.
        split: `"train"`, `"validation"` or `"test"`.
        data_dir: Folder of the data sets; `None` stands for that of `CAPSZOO_DATA_DIR`.
        fold: Which tenth is the test. Defaults to `"0"`.

    Returns:
        `Graph`s, an object array of shape (n,), and labels, int64 of shape (n,).

    Raises:
        FileNotFoundError: If a file is not there.
        ValueError: If a file is not as it should be.
    """
    graphs, labels = _read(_folder(name, data_dir), SETS[name])
    keys = [digest(graph.tobytes()) for graph in graphs]
    in_test = deal_folds(labels, keys, 10) == int(fold)
    chosen = in_test if split == "test" else ~in_test
    graphs, labels = graphs[chosen], labels[chosen]
    if split == "test":
        return graphs, labels
    keys = [key for key, one in zip(keys, chosen, strict=True) if one]
    held_out = hold_out_tenth(labels, keys, f"the graphs of {name} to make a validation split")
    chosen = held_out if split == "validation" else ~held_out
    return graphs[chosen], labels[chosen]


def _folder(name, data_dir):
    data_dir = data_dir or os.environ.get("CAPSZOO_DATA_DIR") or None
    if data_dir is None:
        raise FileNotFoundError(
            f"The graphs of {name!r} are not downloaded: put the folder {SETS[name].folder} of the "
            "TU collection into the folder `graphs` of your data sets, and give that folder by "
            "data_dir or CAPSZOO_DATA_DIR."
        )
    return Path(data_dir).expanduser() / "graphs" / SETS[name].folder


def _read(folder, described):
    """All graphs of a set and their labels."""
    adjacency, graph_of_node, classes, labels = (
        _numbers(folder / f"{described.folder}_{part}.txt", columns)
        for part, columns in (
            ("A", 2),
            ("graph_indicator", 1),
            ("graph_labels", 1),
            ("node_labels", 1),
        )
    )
    known, classes = np.unique(classes, return_inverse=True)
    # Nodes and graphs are counted from 1, and the nodes of a graph stand together.
    graph_of_node, edges = graph_of_node - 1, adjacency - 1
    sizes = np.bincount(graph_of_node, minlength=len(classes))
    fits = (
        len(labels) == len(graph_of_node)
        and len(sizes) == len(classes)
        and sizes.min() > 0
        and (np.diff(graph_of_node) >= 0).all()
        and (not edges.size or (edges.min() >= 0 and edges.max() < len(labels)))
        and len(known) == len(described.class_names)
    )
    _, labels = np.unique(labels, return_inverse=True)
    fits = fits and (graph_of_node[edges[:, 0]] == graph_of_node[edges[:, 1]]).all()
    if not fits or (sizes.max(), labels.max() + 1) != described.shape:
        raise ValueError(f"The files in {folder} are not those of {described.folder}.")
    starts = np.cumsum(sizes) - sizes
    edges = edges[np.argsort(graph_of_node[edges[:, 0]], kind="stable")]
    counts = np.bincount(graph_of_node[edges[:, 0]], minlength=len(sizes))
    graphs = [
        Graph(own, pairs - start)
        for own, pairs, start in zip(
            np.split(labels, starts[1:]),
            np.split(edges, np.cumsum(counts)[:-1]),
            starts,
            strict=True,
        )
    ]
    return graph_array(graphs), classes.astype("int64")


def _numbers(path, columns):
    if not path.is_file():
        raise FileNotFoundError(f"There is no file at {path}.")
    try:
        numbers = np.array(path.read_text("ascii").replace(",", " ").split(), "int64")
        return numbers.reshape(-1, columns) if columns > 1 else numbers
    except (ValueError, OverflowError) as error:
        raise ValueError(f"Expected whole numbers in {path}: {error}") from None
