"""Attention that scales the capsules of nodes, so that graphs of any size add up alike."""

import keras
from keras import ops

from capszoo.ops import softmax_over_children
from capszoo.ops import widen
from capszoo.validation import check_positive_int


@keras.saving.register_keras_serializable(package="capszoo")
class NodeAttention(keras.layers.Layer):
    """Scales the capsules of nodes by attention, which each type divides among the nodes.

        scores[n, :] = W2 tanh(W1 x[n] + b1) + b2
        a[:, c]      = softmax(scores[:, c])             over the nodes that are there
        y[n, c]      = nodes * a[n, c] * x[n, c]

    with `x[n]` all capsules of a node in a row. A capsule with an even share stays as it is.

    Args:
        units: Size of the hidden layer. Defaults to `None`, a sixteenth of the numbers of a node,
            at least 1.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Poses of the capsules.
        mask: Boolean tensor `(batch, nodes)`, true where there is a node. Defaults to `None`, all
            are there.

    Input shape:
        `(batch, nodes, types, pose_dim)`.

    Output shape:
        As the input, zero where there is no node.

    Raises:
        ValueError: If `units` is not a positive integer.

    Example:

    >>> poses = np.ones((2, 5, 4, 8), "float32")
    >>> layer = capszoo.layers.NodeAttention()
    >>> tuple(layer(poses).shape), layer.count_params()
    ((2, 5, 4, 8), 78)

    Reference:

    - [Xinyi and Chen, 2019](https://openreview.net/forum?id=Byl8BnRcYm)
    """

    def __init__(self, units=None, **kwargs):
        if units is not None:
            units = check_positive_int("units", units)
        super().__init__(**kwargs)
        self.units = units
        self.supports_masking = True

    def build(self, input_shape):
        *_, types, pose_dim = input_shape
        units = max(1, types * pose_dim // 16) if self.units is None else self.units
        self.hidden = keras.layers.Dense(
            units, activation="tanh", dtype=self.dtype_policy, name="hidden"
        )
        self.scores = keras.layers.Dense(types, dtype=self.dtype_policy, name="scores")
        self.hidden.build((None, types * pose_dim))
        self.scores.build((None, units))

    def call(self, inputs, mask=None):
        _, nodes, types, pose_dim = ops.shape(inputs)
        rows = ops.reshape(inputs, (-1, nodes, types * pose_dim))
        presence = None if mask is None else ops.cast(mask, "float32")[:, None]
        scores = ops.transpose(widen(self.scores(self.hidden(rows))), (0, 2, 1))
        shares = softmax_over_children(scores, presence)
        count = nodes if mask is None else ops.sum(presence, axis=-1, keepdims=True)
        scale = ops.transpose(shares * ops.cast(count, "float32"), (0, 2, 1))
        return inputs * ops.expand_dims(ops.cast(scale, inputs.dtype), -1)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "units": self.units}
