"""A cell of DeepCaps: four layers of capsules, one of them a skip past two."""

import keras
from keras import ops

from capszoo import routing as routings
from capszoo.layers.conv_capsules import ConvCapsules2D
from capszoo.ops import conv
from capszoo.ops import finite
from capszoo.ops import squash
from capszoo.ops.window_grid import window_grid
from capszoo.validation import check_positive_int
from capszoo.validation import check_size

_CONVOLUTIONS = ("entry", "first", "second", "skip")


@keras.saving.register_keras_serializable(package="capszoo")
class CapsuleCell(keras.layers.Layer):
    """Convolves maps of capsules, with a skip around two of the convolutions.

    A layer of capsules without routing is an ordinary convolution over all numbers of all types,
    whose results are squashed capsule by capsule. With `entry`, `first`, `second` and `skip` four
    of them,

        x = entry(inputs)                         with steps of `strides`
        outputs = second(first(x)) + skip(x)

    The sum is not squashed, so poses may be of any length below 2. With a routing the skip are
    convolutional capsules instead, whose child types share one transform.

    Args:
        num_types: How many types of capsules there are.
        pose_dim: Size of a capsule's pose vector.
        kernel_size: Height and width of all windows in positions, one integer or two.
            Defaults to `3`.
        strides: Step between the windows of `entry`, one integer or two. Defaults to `2`.
        routing: The routing of the skip: a name of `capszoo.routing.names()`, a config or a
            `capszoo.routing.Routing`; `None` for a convolution. Defaults to `None`.
        kernel_initializer: Initializer of the convolutions; `None` stands for three times the
            variance of Glorot's, which is what the paper's code comes to and what keeps
            squashed capsules from fading from layer to layer. Defaults to `None`.
        recompute: Whether the gradient makes votes and routing of the skip anew instead of
            keeping what they computed. Defaults to `False`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, height, width, types, child_dim)`.

    Output shape:
        `(batch, new_height, new_width, num_types, pose_dim)`; a step of 2 halves the size, rounded
        up.

    Raises:
        ValueError: If a size is not a positive integer, the routing unknown or one with
            explicit activations.

    Example:

    >>> children = np.random.normal(size=(2, 8, 8, 16, 4)).astype("float32")
    >>> tuple(capszoo.layers.CapsuleCell(32, 8, routing="deepcaps")(children).shape)
    (2, 4, 4, 32, 8)

    Reference:

    - [Rajasegaran et al., 2019](https://arxiv.org/abs/1904.09546)
    """

    def __init__(
        self,
        num_types,
        pose_dim,
        kernel_size=3,
        strides=2,
        routing=None,
        kernel_initializer=None,
        recompute=False,
        **kwargs,
    ):
        num_types = check_positive_int("num_types", num_types)
        pose_dim = check_positive_int("pose_dim", pose_dim)
        kernel_size = check_size("kernel_size", kernel_size, 2)
        strides = check_size("strides", strides, 2)
        super().__init__(**kwargs)
        self.num_types = num_types
        self.pose_dim = pose_dim
        self.kernel_size = kernel_size
        self.strides = strides
        if kernel_initializer is None:
            kernel_initializer = keras.initializers.VarianceScaling(3.0, "fan_avg", "uniform")
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recompute = recompute
        self.routed_skip = None
        if routing is not None:
            self.routed_skip = ConvCapsules2D(
                num_types,
                pose_dim,
                kernel_size,
                padding="same",
                share_types=True,
                routing=routing,
                kernel_initializer="he_normal",
                recompute=recompute,
                dtype=self.dtype_policy,
                name="skip",
            )
            if self.routed_skip.routing.explicit_activations:
                raise ValueError(
                    "CapsuleCell adds poses, so its routing must have no explicit activations. "
                    f"Received: {type(self.routed_skip.routing).__name__}"
                )

    def build(self, input_shape):
        shape = self.compute_output_shape(input_shape)
        filters = self.num_types * self.pose_dim
        self.kernels = {}
        for name in _CONVOLUTIONS[: 3 if self.routed_skip is not None else 4]:
            channels = input_shape[-2] * input_shape[-1] if name == "entry" else filters
            self.kernels[name] = self.add_weight(
                shape=(*self.kernel_size, channels, filters),
                # Cloned: one with a seed would repeat itself otherwise.
                initializer=self.kernel_initializer.clone(),
                name=f"{name}_kernel",
            )
        if self.routed_skip is not None:
            self.routed_skip.build(shape)

    def call(self, inputs):
        poses = self._convolve("entry", finite(inputs), self.strides)
        skip = self.routed_skip
        skipped = self._convolve("skip", poses) if skip is None else skip(poses)
        return self._convolve("second", self._convolve("first", poses)) + skipped

    def _convolve(self, name, poses, strides=1):
        *size, types, child_dim = poses.shape[1:]
        maps = ops.reshape(poses, (-1, *size, types * child_dim))
        maps = conv(maps, self.kernels[name], strides, "same")
        return squash(ops.reshape(maps, (-1, *maps.shape[1:-1], self.num_types, self.pose_dim)))

    def compute_output_shape(self, input_shape):
        if len(input_shape) != 5 or None in input_shape[1:]:
            raise ValueError(
                f"Layer '{self.name}' expects capsules of shape (batch, height, width, types, "
                "child_dim), with all sizes but the batch known. "
                f"Received: input shape {tuple(input_shape)}"
            )
        grid = window_grid("inputs", input_shape[1:3], self.kernel_size, self.strides, "same")
        return (input_shape[0], *grid, self.num_types, self.pose_dim)

    def get_config(self):
        routing = None if self.routed_skip is None else self.routed_skip.routing
        if routing is not None:
            routing = routings.serialize(routing, dtype=self.dtype_policy)
        return {
            **super().get_config(),
            "num_types": self.num_types,
            "pose_dim": self.pose_dim,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "routing": routing,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "recompute": self.recompute,
        }
