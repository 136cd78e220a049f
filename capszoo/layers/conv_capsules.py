"""Convolutional capsules: transforms shared over positions, parents see a window."""

import keras

from capszoo.layers.capsule_layer import CapsuleLayer
from capszoo.ops import conv_votes
from capszoo.ops.convolution import window_grid
from capszoo.validation import check_choice
from capszoo.validation import check_size_pair


@keras.saving.register_keras_serializable(package="capszoo")
class ConvCapsules2D(CapsuleLayer):
    """Maps of parent capsules, each voted for by the child types in its window.

    A parent at a position gets one vote from each child *type*: the convolution of that type's
    poses over the window. Transforms are shared over positions and, by option, over types.
    Routing happens at each position by itself.

    Args:
        num_capsules: How many types of parent capsules there are.
        pose_dim: Size of a parent's pose vector.
        kernel_size: Height and width of the window in positions, one integer or two.
        strides: Step between windows in positions, one integer or two. Defaults to `1`.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.
        share_types: Whether all child types use the same transforms. Defaults to `False`.
        routing: How votes are combined: a name of `capszoo.routing.names()`, a config or a
            `capszoo.routing.Routing`. Defaults to `"dynamic"`.
        kernel_initializer: Initializer of the transforms; `None` stands for the truncated
            normal distribution with standard deviation 0.1 of the dynamic routing paper's
            code. Defaults to `None`.
        kernel_regularizer: Regularizer of the transforms. Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Poses of the children.
        return_coupling: Whether the couplings are returned too. Defaults to `False`.

    Input shape:
        `(batch, height, width, types, child_dim)`, channels last.

    Output shape:
        `(batch, new_height, new_width, num_capsules, pose_dim)`; with `return_coupling=True`
        also `(batch, new_height, new_width, num_capsules, types)`.

    Raises:
        ValueError: If a size is not a positive integer, the padding or routing is unknown, the
            input has not five axes or the window is larger than the map.

    Example:

    >>> children = np.random.normal(size=(2, 9, 9, 4, 8)).astype("float32")
    >>> layer = capszoo.layers.ConvCapsules2D(6, 16, kernel_size=3, strides=2)
    >>> tuple(layer(children).shape)
    (2, 4, 4, 6, 16)

    Reference:

    - Shared over types: [LaLonde, Bagci, 2018](https://arxiv.org/abs/1804.04241)
    """

    input_rank = 5
    input_layout = "(batch, height, width, types, child_dim)"

    def __init__(
        self,
        num_capsules,
        pose_dim,
        kernel_size,
        strides=1,
        padding="valid",
        share_types=False,
        routing="dynamic",
        **kwargs,
    ):
        kernel_size = check_size_pair("kernel_size", kernel_size)
        strides = check_size_pair("strides", strides)
        check_choice("padding", padding, ("valid", "same"))
        super().__init__(num_capsules, pose_dim, routing=routing, **kwargs)
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.share_types = share_types

    def add_kernel(self, input_shape):
        types, child_dim = input_shape[-2:]
        self.add_transform(
            (
                1 if self.share_types else types,
                *self.kernel_size,
                child_dim,
                self.routing.votes_per_child,
                self.num_capsules,
                self.pose_dim,
            )
        )

    def compute_votes(self, poses):
        return conv_votes(poses, self.kernel, self.strides, self.padding)

    def compute_votes_shape(self, input_shape):
        batch, *size, types, _ = input_shape
        grid = window_grid("inputs", size, self.kernel_size, self.strides, self.padding)
        children = types * self.routing.votes_per_child
        return (batch, *grid, self.num_capsules, children, self.pose_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "share_types": self.share_types,
        }
