"""CapsGNN: capsules of nodes by graph convolutions, of the graph by routing, and of classes."""

import keras
import numpy as np
from keras import ops

from capszoo import routing as routings
from capszoo.kinds import Count
from capszoo.kinds import Depth
from capszoo.kinds import GraphShape
from capszoo.kinds import NonNegative
from capszoo.kinds import Share
from capszoo.layers import CapsuleLength
from capszoo.layers import DenseCapsules
from capszoo.layers import DenseDecoder
from capszoo.layers import GraphCapsules
from capszoo.layers import GraphConvolution
from capszoo.layers import NodeAttention
from capszoo.losses import HistogramLoss
from capszoo.models.inputs import GraphInput
from capszoo.models.kinds import Decoder
from capszoo.models.kinds import RoutingLike
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleClassifier
from capszoo.routing import DynamicRouting

# As in the code of the paper: no bias, and a gradient through the last iteration alone.
PAPER_ROUTING = {"name": "dynamic", "use_bias": False, "stop_gradient": True}


@register_family("capsgnn")
@keras.saving.register_keras_serializable(package="capszoo")
class CapsGNN(CapsuleClassifier):
    """The capsule network for graphs.

        nodes - graph convolutions - capsules of nodes - attention - graph capsules - class capsules

    What is known of a node is made smaller, and graph convolutions with tanh follow each other;
    what each of them gives a node is several capsules. All these, of all nodes, are scaled by
    attention and vote for the capsules of the graph, by a transform for each convolution and type;
    dynamic routing there divides by the number of nodes. Graph capsules vote for class capsules,
    and a class's score is the length of its pose. In training the true class's capsule is decoded
    to the histogram of the labels of the graph's nodes.

    The order of nodes does not count, and neither do rows without a node. In the paper's code the
    adjacency matrix is taken as it comes; here a node counts as joined to itself unless
    `self_loops` says otherwise.

    Args:
        graph_shape: `(nodes, width)`: how many nodes a graph may have, and how many numbers a node
            has, of labels one for each. Defaults to `(24, 3)`.
        num_classes: How many classes there are. Defaults to `3`.
        conv_layers: How many graph convolutions there are. Defaults to `5`.
        conv_types: How many capsules a convolution gives each node. Defaults to `2`.
        conv_dim: Size of their poses. Defaults to `8`.
        self_loops: Whether a node counts as joined to itself. Defaults to `True`.
        graph_capsules: How many capsules a graph has. Defaults to `16`.
        graph_dim: Size of their poses. Defaults to `8`.
        class_dim: Size of a class capsule's pose. Defaults to `8`.
        dropout: Share of what is known of nodes, made smaller, left out in training. Defaults to
            `0.3`.
        routing: How graph and class capsules are computed: a name of `capszoo.routing.names()`, a
            config or a `capszoo.routing.Routing`. Defaults to the paper's, `"dynamic"` without
            bias, the gradient flowing through its last iteration alone.
        decoder: Hidden units of the decoder of histograms, or `None` for none. Defaults to
            `(128,)`.
        reconstruction_weight: Weight of its error, see `capszoo.losses.HistogramLoss`. Defaults to
            `0.1`.
        **kwargs: Arguments of `capszoo.models.CapsuleClassifier` and of
            `capszoo.models.inputs.GraphInput`.

    Input shape:
        A list of graphs, see `capszoo.data.graph_files.as_graph`; or what `to_arrays` makes of it,
        `(batch, nodes, 1 + width + nodes)`.

    Output shape:
        A dictionary: scores `(batch, num_classes)`, poses `(batch, num_classes, class_dim)`,
        coupling `(batch, num_classes, graph_capsules)` and, with a decoder, reconstructions
        `(batch, width)`; `predict` gives the scores.

    Raises:
        ValueError: If a size is not a positive integer or an option unknown.

    Example:

    >>> model = capszoo.models.CapsGNN((10, 2), num_classes=2)
    >>> model.compile()
    >>> water = capszoo.data.Graph(nodes=[1, 0, 0], edges=[(0, 1), (0, 2)])
    >>> hydrogen = capszoo.data.Graph(nodes=[0, 0], edges=[(0, 1)])
    >>> history = model.fit([water, hydrogen], [0, 1], verbose=0)
    >>> model.predict([water], verbose=0).shape
    (1, 2)

    Reference:

    - [Xinyi and Chen, 2019](https://openreview.net/forum?id=Byl8BnRcYm)
    """

    input_end = GraphInput

    def __init__(
        self,
        graph_shape: GraphShape = (24, 3),
        num_classes: Count = 3,
        conv_layers: Depth = 5,
        conv_types: Count = 2,
        conv_dim: Count = 8,
        self_loops: bool = True,
        graph_capsules: Count = 16,
        graph_dim: Count = 8,
        class_dim: Count = 8,
        dropout: Share = 0.3,
        routing: RoutingLike = PAPER_ROUTING,
        decoder: Decoder | None = (128,),
        reconstruction_weight: NonNegative = 0.1,
        **kwargs,
    ):
        super().__init__(
            graph_shape=graph_shape,
            num_classes=num_classes,
            decoder=decoder,
            reconstruction_weight=reconstruction_weight,
            **kwargs,
        )
        self.routing = self.get_layer("class_capsules").routing
        self.reconstruction_loss = HistogramLoss()

    def body(self, features, dtype):
        nodes, adjacency, there = features
        routing = routings.get(self.routing, dtype=dtype)
        types = self.conv_layers * self.conv_types
        poses = GraphCapsules(
            self.graph_capsules,
            self.graph_dim,
            routing=_of_nodes(routing, types),
            kernel_initializer=_as_long(self.conv_dim),
            dtype=dtype,
            name="graph_capsules",
        )(self._node_capsules(nodes, adjacency, there, types, dtype), mask=there)
        *capsules, coupling = DenseCapsules(
            self.num_classes,
            self.class_dim,
            routing=routing,
            kernel_initializer=_as_long(self.graph_dim),
            dtype=dtype,
            name="class_capsules",
        )(poses, return_coupling=True)
        poses = self.poses_alone(capsules, dtype)
        return CapsuleLength(dtype="float32", name="scores")(poses), poses, coupling

    def _node_capsules(self, nodes, adjacency, there, types, dtype):
        """The capsules that all convolutions give each node, scaled by attention."""
        units, found = self.conv_types * self.conv_dim, []
        nodes = keras.layers.Dense(units, dtype=dtype, name="embedding")(nodes)
        if self.dropout:
            nodes = keras.layers.Dropout(self.dropout, dtype=dtype, name="dropout")(nodes)
        for number in range(1, self.conv_layers + 1):
            nodes = GraphConvolution(
                units, "tanh", self.self_loops, dtype=dtype, name=f"conv_{number}"
            )(nodes, adjacency)
            found.append(nodes)
        poses = found[0] if len(found) == 1 else ops.concatenate(found, axis=-1)
        poses = keras.layers.Reshape((-1, types, self.conv_dim), dtype=dtype, name="node_capsules")(
            poses
        )
        return NodeAttention(dtype=dtype, name="attention")(poses, mask=there)

    def node_shares(self, graphs, batch_size: int = 32) -> list[np.ndarray]:
        """Says how much of what the predicted class was given came from each node.

            of_graph[g] = c[k, g] * |v[g]|, divided by their sum over the graph capsules g
            given[g, n] = sum_t c[g, n, t] * |u[n, t]|, divided by their sum over the nodes n
            share[n]    = sum_g of_graph[g] * given[g, n]

        with the couplings `c`, graph capsules `v`, capsules `u` of node `n` and type `t`, and the
        class `k` with the highest score.

        Args:
            graphs: Graphs, as the model takes them.
            batch_size: How many graphs are computed at a time. Defaults to `32`.

        Returns:
            For each graph an array `(nodes,)`, which sums to 1.

        Raises:
            ValueError: If something is no graph or does not fit.

        Example:

        >>> model = capszoo.load("capsgnn_generated_graphs")
        >>> graphs, _ = capszoo.data.load("generated_graphs", "test")
        >>> shares = model.node_shares(graphs[:2])
        >>> len(shares[0]) == graphs[0].size, round(float(shares[0].sum()), 4)
        (True, 1.0)
        """
        packed = self.to_arrays(graphs)
        self.check_data(packed)
        layer, nodes = self.get_layer("graph_capsules"), self.get_layer("attention").output
        seen = keras.Model(
            self.input, [nodes, *(self.output[name] for name in ("scores", "coupling"))]
        )
        shares = []
        for start in range(0, len(packed), batch_size):
            batch = packed[start : start + batch_size]
            there = batch[..., 0] > 0.5
            nodes, scores, of_class = seen.predict_on_batch(batch)
            found = layer(
                ops.convert_to_tensor(nodes),
                mask=ops.convert_to_tensor(there),
                return_coupling=True,
                training=False,
            )
            poses, coupling = (ops.convert_to_numpy(ops.cast(one, "float32")) for one in found)
            lengths = np.linalg.norm(nodes, axis=-1).reshape(len(batch), 1, -1)
            given = (coupling * lengths).reshape(len(batch), coupling.shape[1], there.shape[1], -1)
            given = _as_shares(given.sum(axis=-1) * there[:, None])
            of_class = of_class[np.arange(len(batch)), scores.argmax(axis=-1)]
            of_graph = _as_shares(of_class * np.linalg.norm(poses, axis=-1))
            of_nodes = np.einsum("bg,bgn->bn", of_graph, given)
            shares += [own[mask] for own, mask in zip(of_nodes, there, strict=True)]
        return shares

    @classmethod
    def make_decoder(cls, decoder, shape, dtype):
        if isinstance(decoder, (tuple, list)):
            _, width = shape
            return DenseDecoder((width,), units=decoder, dtype=dtype, name="decoder")
        return super().make_decoder(decoder, shape, dtype)

    def targets(self, x, outputs):
        return self._ends.input.histogram(x)

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        if isinstance(found.get("routing"), dict) and found["routing"]["name"] == "dynamic":
            found["routing"] = {**PAPER_ROUTING, **found["routing"]}
        return found


def _of_nodes(routing, types):
    """The routing of the capsules of nodes, which is one of its own."""
    config = routings.serialize(routing)
    if isinstance(routing, DynamicRouting) and routing.child_types is None:
        config["config"]["child_types"] = types
    return config


def _as_long(child_dim):
    """Initial transforms that keep the length of a pose on average."""
    return keras.initializers.TruncatedNormal(stddev=child_dim**-0.5)


def _as_shares(given):
    """Divides by the sum over the last axis; where nothing is given, nobody has a share."""
    return given / np.maximum(given.sum(axis=-1, keepdims=True), np.finfo("float32").tiny)
