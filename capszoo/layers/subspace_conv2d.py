"""Capsules of a convolution that hold the part of a window that lies in a subspace."""

import math

import keras
from keras import ops

from capszoo.layers.subspaces import mean_squash
from capszoo.layers.subspaces import orthonormal
from capszoo.layers.subspaces import threshold
from capszoo.ops import conv2d
from capszoo.ops.window_grid import window_grid
from capszoo.validation import check_choice
from capszoo.validation import check_positive_int
from capszoo.validation import check_size


@keras.saving.register_keras_serializable(package="capszoo")
class SubspaceConv2D(keras.layers.Layer):
    """Projects the window around each position onto the subspace of each capsule type.

    With `x` the window and `W[j]` the basis of capsule type `j`, a pose is what of `x` lies in its
    subspace, in coordinates of an orthonormal basis, times a scale that is learnt:

        y[j] = s[j] (W[j]^T W[j])^(-1/2) W[j]^T x + b[j],    |y[j] - b[j]| = s[j] |P[j] x|

    with `P[j]` the projector. There is no routing: how present a capsule is, its length, says how
    much of the window its subspace explains. For given weights all this is one convolution with
    another kernel; `folded=True` is that convolution, and `folded_weights` gives its weights.

    Args:
        num_types: How many capsule types there are.
        pose_dim: Size of a pose: how many dimensions a subspace has, fewer than the window has
            numbers.
        kernel_size: Height and width of the window, one integer or two.
        strides: Step between windows, one integer or two. Defaults to `1`.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.
        activation: What follows: `"squash"` for lengths below one by the mean square of a pose,
            `"threshold"` for poses shortened by a bound that is learnt, see
            `capszoo.layers.subspaces`, or `None`. Defaults to `"threshold"`.
        threshold_initial: The root of the bound at first. Defaults to `0.3`.
        folded: Whether the kernel is used as it is, of one that was projected before.
            Defaults to `False`.
        kernel_initializer: Initializer of the bases. Defaults to `"glorot_uniform"`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, new_height, new_width, num_types, pose_dim)`.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, the input not of four
            axes, or a pose has more numbers than the window.

    Example:

    >>> features = np.random.normal(size=(2, 8, 8, 16)).astype("float32")
    >>> tuple(capszoo.layers.SubspaceConv2D(4, 6, 3, strides=2)(features).shape)
    (2, 3, 3, 4, 6)

    Reference:

    - [Edraki, Rahnavard, Shah, 2020](https://arxiv.org/abs/2002.02924)
    """

    def __init__(
        self,
        num_types,
        pose_dim,
        kernel_size,
        strides=1,
        padding="valid",
        activation="threshold",
        threshold_initial=0.3,
        folded=False,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        num_types = check_positive_int("num_types", num_types)
        pose_dim = check_positive_int("pose_dim", pose_dim)
        check_choice("padding", padding, ("valid", "same"))
        if activation is not None:
            check_choice("activation", activation, ("squash", "threshold"))
        super().__init__(**kwargs)
        self.num_types = num_types
        self.pose_dim = pose_dim
        self.kernel_size = check_size("kernel_size", kernel_size, rank=2)
        self.strides = check_size("strides", strides, rank=2)
        self.padding = padding
        self.activation = activation
        self.threshold_initial = threshold_initial
        self.folded = folded
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        self.compute_output_shape(input_shape)
        channels = input_shape[-1]
        size = math.prod(self.kernel_size) * channels
        if self.pose_dim > size:
            raise ValueError(
                f"Layer '{self.name}' projects windows of {size} numbers: expected `pose_dim` to "
                f"be at most that. Received: pose_dim={self.pose_dim}"
            )
        self.kernel = self.add_weight(
            shape=(*self.kernel_size, channels, self.num_types * self.pose_dim),
            initializer=self.kernel_initializer,
            name="kernel",
        )
        self.scale = self.add_weight(shape=(self.num_types,), initializer="ones", name="scale")
        self.bias = self.add_weight(shape=(self.num_types,), initializer="zeros", name="bias")
        self.bound = None
        if self.activation == "threshold":
            self.bound = self.add_weight(
                shape=(self.num_types,),
                initializer=keras.initializers.Constant(self.threshold_initial),
                name="bound",
            )

    def projection(self):
        """The kernel of the convolution that this is: orthonormal bases, times their scales."""
        kernel = ops.convert_to_tensor(self.kernel)
        if not self.folded:
            kernel = orthonormal(kernel, self.num_types, self.pose_dim)
        return kernel * ops.repeat(ops.convert_to_tensor(self.scale), self.pose_dim)

    def folded_weights(self):
        """The weights of the same layer with `folded=True`.

        Returns:
            List of arrays, for `set_weights`.
        """
        kernel = ops.convert_to_tensor(self.kernel)
        if not self.folded:
            kernel = orthonormal(kernel, self.num_types, self.pose_dim)
        return [ops.convert_to_numpy(kernel), *self.get_weights()[1:]]

    def call(self, inputs):
        kernel = ops.cast(self.projection(), inputs.dtype)
        features = conv2d(inputs, kernel, self.strides, self.padding)
        poses = ops.reshape(features, (-1, *features.shape[1:3], self.num_types, self.pose_dim))
        # One for a capsule, shared by the numbers of its pose.
        poses = poses + ops.expand_dims(ops.convert_to_tensor(self.bias), -1)
        if self.activation == "squash":
            return mean_squash(poses)
        if self.activation == "threshold":
            return threshold(poses, ops.convert_to_tensor(self.bound))
        return poses

    def compute_output_shape(self, input_shape):
        if len(input_shape) != 4 or None in input_shape[1:]:
            raise ValueError(
                f"Layer '{self.name}' expects features of shape (batch, height, width, channels), "
                f"with all sizes but the batch known. Received: input shape {tuple(input_shape)}"
            )
        grid = window_grid("inputs", input_shape[1:3], self.kernel_size, self.strides, self.padding)
        return (input_shape[0], *grid, self.num_types, self.pose_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "num_types": self.num_types,
            "pose_dim": self.pose_dim,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "activation": self.activation,
            "threshold_initial": self.threshold_initial,
            "folded": self.folded,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
