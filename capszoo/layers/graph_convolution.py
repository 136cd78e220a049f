"""A convolution over the nodes of graphs."""

import keras
from keras import ops

from capszoo.ops import widen
from capszoo.validation import check_flag
from capszoo.validation import check_positive_int


@keras.saving.register_keras_serializable(package="capszoo")
class GraphConvolution(keras.layers.Layer):
    """What a node knows becomes a weighted mean of what it and the nodes joined to it know.

        outputs = activation(D^(-1/2) (A + I) D^(-1/2) (X W + b))

    with `X` the features of nodes, `A` the adjacency matrix and `D` the diagonal matrix of the row
    sums of `A + I`; without self-loops `A` stands for `A + I`, and an isolated node is given
    nothing. A node that is not there, whose row and column of `A` are zero, gives nothing to any
    other.

    Args:
        units: How many features a node has afterwards.
        activation: Activation, as in `keras.layers.Dense`. Defaults to `None`.
        self_loops: Whether a node counts as joined to itself. Defaults to `True`.
        kernel_initializer: Initializer of `W`. Defaults to `"glorot_uniform"`.
        bias_initializer: Initializer of `b`. Defaults to `"zeros"`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        features: What is known of each node.
        adjacency: 1 where two nodes are joined, else 0.

    Input shape:
        `(batch, nodes, width)` and `(batch, nodes, nodes)`.

    Output shape:
        `(batch, nodes, units)`.

    Raises:
        ValueError: If `units` is not a positive integer or an option unknown.

    Example:

    >>> features, adjacency = np.eye(3)[None], np.array([[[0, 1, 0], [1, 0, 0], [0, 0, 0]]])
    >>> layer = capszoo.layers.GraphConvolution(3, kernel_initializer="identity")
    >>> keras.ops.convert_to_numpy(layer(features, adjacency))[0].round(4).tolist()
    [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]

    Reference:

    - [Kipf and Welling, 2017](https://arxiv.org/abs/1609.02907), equation 2
    """

    def __init__(
        self,
        units,
        activation=None,
        self_loops=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        units = check_positive_int("units", units)
        check_flag("self_loops", self_loops)
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)
        self.self_loops = self_loops
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, features_shape, adjacency_shape=None):
        self.kernel = self.add_weight(
            shape=(features_shape[-1], self.units),
            initializer=self.kernel_initializer,
            name="kernel",
        )
        self.bias = self.add_weight(
            shape=(self.units,), initializer=self.bias_initializer, name="bias"
        )

    def call(self, features, adjacency):
        degrees = ops.sum(widen(adjacency), axis=-1, keepdims=True)
        degrees = degrees + 1.0 if self.self_loops else degrees
        # Of a node joined to nothing, whose row is zero, it does not matter.
        scale = ops.cast(ops.rsqrt(ops.maximum(degrees, 1e-3)), features.dtype)
        given = scale * (ops.matmul(features, self.kernel) + self.bias)
        taken = ops.matmul(ops.cast(adjacency, features.dtype), given)
        return self.activation(scale * (taken + given if self.self_loops else taken))

    def compute_output_shape(self, features_shape, adjacency_shape=None):
        return (*features_shape[:-1], self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "self_loops": self.self_loops,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
