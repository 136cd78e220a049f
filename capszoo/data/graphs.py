"""Graphs of nodes and edges, and the arrays that a network takes of them."""

import dataclasses
from collections.abc import Iterable
from collections.abc import Sequence

import numpy as np

from capszoo.validation import shown

# What stands before the numbers of a node in its row of a packed graph: 1 where there is a node.
PRESENCE = 1
# Packed graphs are of few sizes, so that what is compiled for one serves many batches: powers of
# two, and three quarters of them.
SMALLEST_SIZE = 8


@dataclasses.dataclass(frozen=True, eq=False)
class Graph:
    """An undirected graph.

    Attributes:
        nodes: What is known of each node: whole numbers from 0 of shape (nodes,), one label each,
            or numbers of shape (nodes, width).
        edges: Which nodes are joined, whole numbers of shape (edges, 2), the positions of nodes.
            Each pair stands there once or twice, in either order; a node may be joined to itself.

    Raises:
        ValueError: If there is no node, something is no number, or an edge has no such node.

    Example:

    >>> water = capszoo.data.Graph(nodes=[1, 0, 0], edges=[(0, 1), (0, 2)])
    >>> water.size
    3
    """

    nodes: np.ndarray
    edges: np.ndarray

    def __post_init__(self):
        nodes, edges = np.asarray(self.nodes), np.asarray(self.edges)
        edges = edges if edges.size else np.zeros((0, 2), "int64")
        if nodes.ndim not in (1, 2) or not len(nodes) or nodes.dtype.kind not in "biuf":
            raise ValueError(
                "Expected the nodes of a graph as numbers of shape (nodes,) or (nodes, width), at "
                f"least one. Received: {nodes.dtype} of shape {nodes.shape}"
            )
        if nodes.ndim == 1 and (nodes.dtype.kind not in "iu" or nodes.min() < 0):
            raise ValueError(
                "Expected the labels of nodes to be whole numbers from 0. "
                f"Received: {nodes.dtype}, the smallest {nodes.min()}"
            )
        if not np.isfinite(nodes).all():
            raise ValueError("Expected the numbers of nodes to be finite. Received: NaN or inf")
        if edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype.kind not in "iu":
            raise ValueError(
                "Expected the edges of a graph as whole numbers of shape (edges, 2). "
                f"Received: {edges.dtype} of shape {edges.shape}"
            )
        if edges.size and (edges.min() < 0 or edges.max() >= len(nodes)):
            raise ValueError(
                f"Expected edges between nodes 0 to {len(nodes) - 1}. "
                f"Received: an edge of node {edges.min() if edges.min() < 0 else edges.max()}"
            )
        object.__setattr__(self, "nodes", nodes)
        object.__setattr__(self, "edges", edges)

    @property
    def size(self) -> int:
        """How many nodes there are."""
        return len(self.nodes)

    @property
    def width(self) -> int:
        """How many numbers a node needs: of labels, one for each up to the highest here."""
        return int(self.nodes.max()) + 1 if self.nodes.ndim == 1 else self.nodes.shape[1]

    def tobytes(self) -> bytes:
        """What the graph consists of, for a digest; the same whatever the dtype."""
        pairs = np.unique(np.sort(self.edges, axis=1), axis=0)
        return self.nodes.astype("float64").tobytes() + pairs.astype("int64").tobytes()


def graph_array(graphs: Sequence[Graph]) -> np.ndarray:
    """An object array of graphs, of shape (n,)."""
    array = np.empty(len(graphs), dtype=object)
    array[:] = graphs
    return array


def graphs_shape(graphs: Iterable[Graph]) -> tuple[int, int]:
    """Finds the `(nodes, width)` that all of some graphs fit in."""
    sizes, widths = zip(*((one.size, one.width) for one in graphs), strict=True)
    return max(sizes), max(widths)


def padded_size(size: int, most: int) -> int:
    """Finds to how many nodes graphs are padded, the largest of which has `size`.

    Args:
        size: Number of nodes.
        most: What is not exceeded.

    Returns:
        The next of 8, 12, 16, 24, 32, 48 and so on, but at most `most`.

    Example:

    >>> [capszoo.data.graphs.padded_size(size, most=111) for size in (1, 17, 60, 100)]
    [8, 24, 64, 111]
    """
    power = SMALLEST_SIZE
    while power < size:
        power *= 2
    smaller = 3 * power // 4
    fits = power > SMALLEST_SIZE and smaller >= size
    return min(smaller if fits else power, most)


def pack_graphs(graphs: Sequence[Graph], shape: tuple[int, int]) -> np.ndarray:
    """Makes one array of graphs: a row for each node, which holds its row of the adjacency matrix.

    A row is 1 where there is a node, then its numbers (of a label, a 1 at its place), then 1 for
    each node that it is joined to, and zeros. All graphs have as many rows as `padded_size` says.

    Args:
        graphs: `Graph`s.
        shape: `(nodes, width)`: the most nodes of a graph, and how many numbers a node has.

    Returns:
        Array of shape `(n, nodes, 1 + width + nodes)` with `nodes` of `padded_size`: uint8 where
        that holds every number, else float32.

    Raises:
        ValueError: If there is no graph, or one does not fit.

    Example:

    >>> water = capszoo.data.Graph(nodes=[1, 0, 0], edges=[(0, 1), (0, 2)])
    >>> capszoo.data.graphs.pack_graphs([water], shape=(3, 2))[0]
    array([[1, 0, 1, 0, 1, 1],
           [1, 1, 0, 1, 0, 0],
           [1, 1, 0, 1, 0, 0]], dtype=uint8)
    """
    most, width = shape
    if not len(graphs):
        raise ValueError("Expected at least one graph. Received: none.")
    for row, graph in enumerate(graphs):
        _check_fits(row, graph, most, width)
    size = padded_size(max(graph.size for graph in graphs), most)
    small = all(graph.nodes.ndim == 1 or _is_small(graph.nodes) for graph in graphs)
    packed = np.zeros((len(graphs), size, PRESENCE + width + size), "uint8" if small else "float32")
    for rows, graph in zip(packed, graphs, strict=True):
        rows[: graph.size, 0] = 1
        if graph.nodes.ndim == 1:
            rows[np.arange(graph.size), PRESENCE + graph.nodes] = 1
        else:
            rows[: graph.size, PRESENCE : PRESENCE + width] = graph.nodes
        first, second = graph.edges.T
        rows[first, PRESENCE + width + second] = 1
        rows[second, PRESENCE + width + first] = 1
    return packed


def resize_packed(packed: np.ndarray, size: int) -> np.ndarray:
    """Cuts nodes that are not there off packed graphs, or adds some.

    Args:
        packed: Array as `pack_graphs` makes it.
        size: How many rows a graph is to have; no node may stand behind.

    Returns:
        Array of shape `(n, size, 1 + width + size)`.

    Example:

    >>> packed = np.zeros((5, 48, 1 + 7 + 48))
    >>> capszoo.data.graphs.resize_packed(packed, 24).shape
    (5, 24, 32)
    """
    left = size - packed.shape[1]
    if left > 0:
        return np.pad(packed, [(0, 0), (0, left), (0, left)])
    return packed[:, :size, : packed.shape[2] + left]


def _is_small(numbers):
    return bool(((numbers >= 0) & (numbers <= 255) & (numbers == np.floor(numbers))).all())


def _check_fits(row, graph, most, width):
    if not isinstance(graph, Graph):
        raise ValueError(f"Expected graphs. Received: {shown(graph)} at row {row}")
    if graph.size > most:
        raise ValueError(
            f"Expected graphs of at most {most} nodes; graph_shape=({graph.size}, {width}) would "
            f"fit. Received: one of {graph.size} nodes at row {row}"
        )
    if graph.nodes.ndim == 2 and graph.width != width:
        raise ValueError(
            f"Expected nodes of {width} numbers. Received: {graph.width} numbers at row {row}"
        )
    if graph.width > width:
        raise ValueError(
            f"Expected labels of nodes from 0 to {width - 1}. Received: a label {graph.width - 1} "
            f"at row {row}"
        )
