"""Graphs with one of three motifs planted in a random tree: made by a formula, found nowhere."""

import functools

import numpy as np

from capszoo.data.graphs import Graph
from capszoo.data.graphs import graph_array

MOTIFS = ("ring", "star", "clique")
COUNTS = {"train": 600, "validation": 150, "test": 360}
# How many labels of nodes there are, which say nothing.
LABELS = 3
TREE_SIZES = (6, 18)
MOST_NEIGHBOURS = 3
MOTIF_SIZE = 6


@functools.cache
def _made(split):
    random = np.random.default_rng([2019, list(COUNTS).index(split)])
    labels = random.permutation(np.arange(COUNTS[split]) % len(MOTIFS))
    return [_graph(MOTIFS[label], random) for label in labels], labels.astype("int64")


def generated_graphs(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Makes one split of graphs that tell which motif was planted in them.

    A graph is a random tree of 6 to 18 nodes, in which each node is joined to one drawn from those
    before it that has fewer than three neighbours, and a motif of six nodes, joined to it by one
    edge: a ring, a star of one node in the middle of five, or a clique of four with a tail of two.
    Labels of nodes are drawn from three and say nothing, and neither does the number of nodes;
    their order is drawn too. The seed is fixed, each split has its own, and motifs are equally
    many. Graph convolutions, which take means, tell rings from cliques by the `degrees` of nodes.

    Args:
        split: `"train"` (600 graphs), `"validation"` (150) or `"test"` (360).

    Returns:
        `Graph`s, an object array of shape (n,), and labels, int64 of shape (n,): the positions of
        the motifs in `MOTIFS`.

    Example:

    >>> graphs, labels = capszoo.data.generated_graphs.generated_graphs("test")
    >>> graphs[0].size, capszoo.data.generated_graphs.MOTIFS[labels[0]]
    (12, 'ring')
    """
    graphs, labels = _made(split)
    return graph_array(graphs), labels.copy()


def _graph(motif, random):
    tree = int(random.integers(TREE_SIZES[0], TREE_SIZES[1] + 1))
    neighbours, edges = np.zeros(tree, int), []
    for node in range(1, tree):
        free = np.flatnonzero(neighbours[:node] < MOST_NEIGHBOURS)
        edges.append((int(random.choice(free)), node))
        neighbours[list(edges[-1])] += 1
    edges += [(tree + first, tree + second) for first, second in _motif(motif)]
    # By the last of its nodes, which is none in the middle.
    edges.append((int(random.integers(tree)), tree + MOTIF_SIZE - 1))
    size = tree + MOTIF_SIZE
    order = random.permutation(size)
    return Graph(random.integers(LABELS, size=size), order[np.array(edges)])


def _motif(motif):
    if motif == "ring":
        return [(node, (node + 1) % MOTIF_SIZE) for node in range(MOTIF_SIZE)]
    if motif == "star":
        return [(0, node) for node in range(1, MOTIF_SIZE)]
    clique = [(first, second) for second in range(4) for first in range(second)]
    return [*clique, (3, 4), (4, 5)]
