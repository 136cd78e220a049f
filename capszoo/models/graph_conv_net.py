"""GraphConvNet: graph convolutions and the mean over the nodes, no capsules."""

import keras
from keras import ops

from capszoo.kinds import Count
from capszoo.kinds import Depth
from capszoo.kinds import GraphShape
from capszoo.kinds import Share
from capszoo.layers import GraphConvolution
from capszoo.losses import NegativeLogLikelihood
from capszoo.models.inputs import GraphInput
from capszoo.models.plain_scores import plain_scores
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleClassifier


@register_family("graph_conv_net")
@keras.saving.register_keras_serializable(package="capszoo")
class GraphConvNet(CapsuleClassifier):
    """A graph convolutional network, which capsules are measured beside.

        nodes - graph convolutions, ReLU - mean of all of them over the nodes - dropout - softmax

    It has no capsules: its scores are the one output. The order of nodes does not count, and rows
    without a node are left out, as in `CapsGNN`.

    Args:
        graph_shape: `(nodes, width)`: how many nodes a graph may have, and how many numbers a node
            has, of labels one for each. Defaults to `(24, 3)`.
        num_classes: How many classes there are. Defaults to `3`.
        conv_layers: How many graph convolutions there are. Defaults to `5`.
        conv_filters: How many features each of them gives a node. Defaults to `32`.
        self_loops: Whether a node counts as joined to itself. Defaults to `True`.
        dropout: Share of the pooled features left out in training. Defaults to `0.3`.
        **kwargs: Arguments of `capszoo.models.CapsuleClassifier`, without a decoder, and of
            `capszoo.models.inputs.GraphInput`.

    Input shape:
        A list of graphs, see `capszoo.data.graph_files.as_graph`; or what `to_arrays` makes of it,
        `(batch, nodes, 1 + width + nodes)`.

    Output shape:
        A dictionary of scores `(batch, num_classes)` alone, which sum to 1 (of a single class, a
        number from 0 to 1); `predict` gives them.

    Raises:
        ValueError: If a size is not a positive integer or an option unknown.

    Example:

    >>> model = capszoo.models.GraphConvNet((10, 2), num_classes=2)
    >>> water = capszoo.data.Graph(nodes=[1, 0, 0], edges=[(0, 1), (0, 2)])
    >>> model.predict([water], verbose=0).shape
    (1, 2)

    Reference:

    - [Kipf and Welling, 2017](https://arxiv.org/abs/1609.02907)
    """

    input_end = GraphInput

    def __init__(
        self,
        graph_shape: GraphShape = (24, 3),
        num_classes: Count = 3,
        conv_layers: Depth = 5,
        conv_filters: Count = 32,
        self_loops: bool = True,
        dropout: Share = 0.3,
        **kwargs,
    ):
        super().__init__(graph_shape=graph_shape, num_classes=num_classes, **kwargs)

    def body(self, features, dtype):
        nodes, adjacency, there = features
        found = []
        for number in range(1, self.conv_layers + 1):
            nodes = GraphConvolution(
                self.conv_filters,
                "relu",
                self.self_loops,
                kernel_initializer="he_normal",
                dtype=dtype,
                name=f"conv_{number}",
            )(nodes, adjacency)
            found.append(nodes)
        pooled = keras.layers.GlobalAveragePooling1D(
            data_format="channels_last", dtype=dtype, name="mean"
        )(found[0] if len(found) == 1 else ops.concatenate(found, axis=-1), mask=there)
        if self.dropout:
            pooled = keras.layers.Dropout(self.dropout, dtype=dtype, name="dropout")(pooled)
        return (plain_scores(pooled, self.num_classes),)

    def default_loss(self):
        return NegativeLogLikelihood()
