"""The input end for graphs: nodes, what is known of them, and which of them are joined."""

from typing import Any
from typing import ClassVar

import keras
import numpy as np
from keras import ops

from capszoo.data.graph_files import as_graph
from capszoo.data.graphs import PRESENCE
from capszoo.data.graphs import Graph
from capszoo.data.graphs import pack_graphs
from capszoo.data.graphs import padded_size
from capszoo.data.graphs import resize_packed
from capszoo.kinds import Count
from capszoo.kinds import GraphShape
from capszoo.kinds import checked
from capszoo.models.arrays import check_finite
from capszoo.models.arrays import is_array
from capszoo.models.arrays import to_numpy
from capszoo.models.inputs.input_end import InputEnd
from capszoo.models.kinds import Policy
from capszoo.validation import check_graph_shape

# How many nodes a graph has at most, and how many numbers a node, where nothing else is said.
LARGEST_SHAPE = (256, 256)


class GraphInput(InputEnd):
    """Graphs as a model's input.

        graphs - one array - features of nodes, adjacency, mask

    Graphs become an array of one row for each node, see `capszoo.data.graphs.pack_graphs`, with as
    many rows as the largest of them needs, rounded up: so there are few shapes, and each is
    compiled once. Rows without a node count for nothing.

    Args:
        graph_shape: `(nodes, width)`: how many nodes a graph may have, and how many numbers a node
            has, of labels one for each.
        degrees: How many numbers say besides to how many others a node is joined: one for each
            degree from 0, the last for all that are higher. Defaults to `None`, none.
        dtype: Taken as the other input ends take it. Defaults to `None`.

    Attributes:
        inputs: The symbolic array, `(batch, nodes, 1 + width + nodes)`.
        prepared: The same.
        features: Three symbolic tensors: what is known of nodes `(batch, nodes, width + degrees)`,
            the adjacency matrix `(batch, nodes, nodes)` and the mask `(batch, nodes)`, true where
            there is a node.
        target: The symbolic histogram of nodes, see `histogram`.

    Raises:
        ValueError: If the shape is none.

    Example:

    >>> graphs = capszoo.models.inputs.GraphInput((100, 2))
    >>> water = capszoo.data.Graph(nodes=[1, 0, 0], edges=[(0, 1), (0, 2)])
    >>> graphs.to_arrays([water]).shape, graphs.features[0].shape
    ((1, 8, 11), (None, None, 2))
    """

    # See `InputEnd`. Graphs come as such and become what the body takes at once.
    unit: ClassVar[str] = "graphs"
    shape_argument: ClassVar[str] = "graph_shape"
    default_data: ClassVar[str] = "generated_graphs"
    default_limit: ClassVar[tuple[int, ...] | None] = LARGEST_SHAPE
    unprepared: ClassVar[dict[str, Any]] = {}
    loads_arrays: ClassVar[bool] = False

    @checked
    def __init__(
        self, graph_shape: GraphShape, degrees: Count | None = None, dtype: Policy | None = None
    ):
        self.graph_shape = check_graph_shape(graph_shape)
        self.degrees = degrees
        self.inputs = self.prepared = keras.Input((None, None), name="graphs")
        present, nodes, adjacency = self._parts(self.inputs)
        # Of a part of what is unknown Keras knows nothing.
        nodes = keras.layers.Reshape((-1, self.graph_shape[1]), name="nodes")(nodes)
        if degrees:
            number = ops.cast(ops.minimum(ops.sum(adjacency, axis=-1), degrees - 1), "int32")
            known = ops.one_hot(number, degrees, dtype=nodes.dtype)
            # A row without a node has no degree.
            nodes = ops.concatenate([nodes, known * ops.expand_dims(present, -1)], axis=-1)
        self.features = (nodes, adjacency, present > 0.5)
        self.target = self.histogram(self.inputs)

    def _parts(self, packed):
        _, width = self.graph_shape
        last = PRESENCE + width
        return packed[..., 0], packed[..., PRESENCE:last], packed[..., last:]

    def histogram(self, packed):
        """Computes the mean of what is known of the nodes: of labels, the share of each.

        Args:
            packed: Tensor `(batch, nodes, 1 + width + nodes)`.

        Returns:
            Tensor `(batch, width)`.
        """
        present, nodes, _ = self._parts(ops.cast(packed, "float32"))
        count = ops.maximum(ops.sum(present, axis=-1, keepdims=True), 1.0)
        return ops.sum(nodes, axis=-2) / count

    def to_arrays(self, x: Any, training: bool = False) -> Any:
        """Makes an array of graphs; what is one already is given back.

        Args:
            x: Graphs, a list or object array of whatever `capszoo.data.graph_files.as_graph` takes.
                What is neither, such as a pipeline, is given back.
            training: Taken as the other input ends take it. Defaults to `False`.

        Returns:
            Array of shape `(n, nodes, 1 + width + nodes)`.

        Raises:
            ValueError: If something is no graph or does not fit.
        """
        if isinstance(x, (Graph, dict)) or hasattr(x, "adjacency"):
            raise ValueError("Expected a list of graphs. Received: one graph. Write [graph].")
        if is_array(x) and to_numpy(x).dtype.kind != "O":
            return x
        if not isinstance(x, (list, tuple)) and not is_array(x):
            return x
        return pack_graphs([as_graph(one) for one in x], self.graph_shape)

    @staticmethod
    def trim(x: np.ndarray) -> np.ndarray:
        """Cuts rows off that are no node in any graph of a batch, to one of the few sizes."""
        there = np.flatnonzero(x[..., 0].any(axis=0))
        largest = int(there[-1]) + 1 if len(there) else 1
        return resize_packed(x, padded_size(largest, x.shape[1]))

    @staticmethod
    def sizes(x: np.ndarray) -> np.ndarray:
        """How many nodes each graph of an array has: those of one size make batches that trim."""
        return np.count_nonzero(x[..., 0], axis=-1)

    def check(self, x) -> None:
        """Raises `ValueError` unless an array holds graphs that the model takes."""
        most, width = self.graph_shape
        numbers = to_numpy(x)
        if numbers.dtype.kind == "O":
            raise ValueError(
                "Expected the batches of a pipeline to hold packed graphs: "
                "`model.to_arrays(graphs)` makes them."
            )
        if numbers.ndim != 3 or numbers.shape[2] != PRESENCE + width + numbers.shape[1]:
            raise ValueError(
                "Expected graphs, or an array of shape (batch, nodes, 1 + width + nodes) with "
                f"width {width}, as `model.to_arrays(graphs)` makes it. "
                f"Received: {numbers.dtype} of shape {numbers.shape}"
            )
        if not numbers.size:
            raise ValueError("Expected at least one graph. Received: none (an empty array).")
        check_finite(numbers, "graphs")
        present, _, adjacency = self._parts(numbers)
        binary = all(np.isin(part, (0, 1)).all() for part in (present, adjacency))
        if not binary or (adjacency != np.swapaxes(adjacency, 1, 2)).any():
            raise ValueError(
                "Expected packed graphs with 0 or 1 for each node and each pair of nodes, the same "
                "either way round. Received: others"
            )
        if (numbers * (1 - present[..., None])).any():
            raise ValueError("Expected zeros in rows without a node. Received: others")
        empty = np.flatnonzero(~present.any(axis=1))
        if len(empty):
            raise ValueError(
                f"Expected graphs of at least one node. Received: {len(empty)} of {len(numbers)} "
                f"without, the first at row {empty[0]}"
            )
        largest = int(present.sum(axis=1, dtype="int64").max())
        if largest > most:
            raise ValueError(
                f"Expected graphs of at most {most} nodes; graph_shape=({largest}, {width}) would "
                f"fit. Received: one of {largest} nodes"
            )

    @staticmethod
    def check_shape(shape: Any) -> tuple[int, int]:
        """Returns a shape as `(nodes, width)`, or raises `ValueError`."""
        return check_graph_shape(shape)

    def synthetic(self, count: int = 3) -> np.ndarray:
        """Makes rings with chords, each larger than the one before: alike everywhere.

        Args:
            count: How many graphs. Defaults to `3`.

        Returns:
            uint8 array `(count, nodes, 1 + width + nodes)`.
        """
        most, width = self.graph_shape
        graphs = []
        for index in range(count):
            size = min(most, 5 + 3 * index)
            place = np.arange(size)
            edges = [np.stack([place, (place + step) % size], 1) for step in (1, 2 + index)]
            graphs.append(Graph((place * place + index) % width, np.concatenate(edges)))
        return pack_graphs(graphs, self.graph_shape)
