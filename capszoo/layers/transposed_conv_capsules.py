"""Transposed convolutional capsules: parents on a finer grid than their children."""

import math

import keras
from keras import ops

from capszoo.layers.capsule_maps import CapsuleMaps
from capszoo.ops import Geometry
from capszoo.ops import safe_norm
from capszoo.ops import transposed_type_votes
from capszoo.ops.mean_votes import mean_of_transposed_type_votes
from capszoo.ops.transposed_votes import children_per_position
from capszoo.ops.transposed_votes import transposed_bands
from capszoo.ops.transposed_votes import transposed_grid


class TransposedConvCapsules(CapsuleMaps):
    """Maps of parent capsules on a finer grid than their children.

    What `TransposedConvCapsules1D`, `TransposedConvCapsules2D` and `TransposedConvCapsules3D`
    have in common; described at `TransposedConvCapsules2D`.

    Args:
        num_capsules: How many types of parent capsules there are.
        pose_dim: Size of a parent's pose vector.
        kernel_size: Size of the window in positions, one integer or one for each axis.
        strides: Positions of parents for one of children, one integer or one for each axis.
            Defaults to `1`.
        padding: `"valid"` or `"same"`, as in Keras. Defaults to `"valid"`.
        share_types: Whether all child types use the same transforms. Defaults to `False`.
        routing: How votes are combined: a name of `capszoo.routing.names()`, a config or a
            `capszoo.routing.Routing`. Defaults to `"dynamic"`.
        **kwargs: Arguments of `capszoo.layers.CapsuleLayer`.

    Input shape:
        `(batch, *size, types, child_dim)`, channels last.

    Output shape:
        `(batch, *new_size, num_capsules, pose_dim)`.

    Raises:
        ValueError: If an argument or the shape of the input is not as above.
    """

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
        super().__init__(
            num_capsules,
            pose_dim,
            kernel_size,
            strides=strides,
            padding=padding,
            share_types=share_types,
            routing=routing,
            **kwargs,
        )

    def compute_votes(self, poses, kernel):
        votes = transposed_type_votes(poses, kernel, self.strides, self.padding)
        return self.for_routing(votes)

    def compute_geometry(self, input_shape):
        *size, types, _ = input_shape[1:]
        # Parents see other places of the window from position to position: no canonical form.
        grid = transposed_grid(size, self.kernel_size, self.strides, self.padding)
        bands = transposed_bands(size, self.kernel_size, self.strides, self.padding)
        places = math.prod(self.kernel_size)
        return Geometry(grid, types, places, bands=bands, mean=self._mean_vote)

    def _mean_vote(self, poses, kernel):
        mean = mean_of_transposed_type_votes(poses, kernel, self.strides, self.padding)
        return self.for_routing(mean)

    def arrange_poses(self, poses):
        # A "vote" with a pose for each place of the window: who is seen there.
        child_dim = poses.shape[-1]
        seen = math.prod(self.kernel_size) * child_dim
        one_hot = ops.eye(seen, dtype=poses.dtype)
        one_hot = ops.reshape(one_hot, (1, *self.kernel_size, child_dim, 1, 1, seen))
        return ops.squeeze(self.compute_votes(poses, one_hot), axis=-3)

    def arrange_activations(self, activations):
        seen = self.arrange_poses(ops.expand_dims(activations, -1))
        if not self.routing.explicit_activations:
            return safe_norm(seen)
        size = activations.shape[1:-1]
        counts = children_per_position(size, self.kernel_size, self.strides, self.padding)
        counts = ops.convert_to_tensor(counts.clip(min=1), dtype=activations.dtype)
        return ops.sum(seen, axis=-1) / self.for_routing(counts[None, ..., None])


@keras.saving.register_keras_serializable(package="capszoo")
class TransposedConvCapsules1D(TransposedConvCapsules):
    """Sequences of parent capsules on a finer grid than their children.

    The same layer as `TransposedConvCapsules2D`, where it is described.

    Args:
        num_capsules: How many types of parent capsules there are.
        pose_dim: Size of a parent's pose vector.
        kernel_size: Length of the window in positions.
        strides: Positions of parents for one of children.
            Defaults to `1`.
        padding: `"valid"` or `"same"`, as in `keras.layers.Conv1DTranspose`. Defaults to `"valid"`.
        share_types: Whether all child types use the same transforms. Defaults to `False`.
        routing: How votes are combined: a name of `capszoo.routing.names()`, a config or a
            `capszoo.routing.Routing`. Defaults to `"dynamic"`.
        **kwargs: Arguments of `capszoo.layers.CapsuleLayer`.

    Call arguments:
        inputs: Poses of the children; with a routing that has explicit activations, the pair of
            poses and activations, of the shape of the poses but the last axis.
        return_coupling: Whether the couplings are returned too. Defaults to `False`.

    Input shape:
        `(batch, length, types, child_dim)`, channels last.

    Output shape:
        `(batch, new_length, num_capsules, pose_dim)`, where a size is that
        of the input times the stride with `padding="same"` and `(size - 1) * stride +
        max(kernel_size, stride)` with `"valid"`. With `return_coupling=True` also
        `(batch, new_length, num_capsules, types)`; with a routing that has
        explicit activations, the pair of poses and activations, of the shape of the poses but
        the last axis.

    Raises:
        ValueError: If a size is not a positive integer, the padding or routing is unknown or the
            input has not 4 axes.

    Example:

    >>> children = np.random.normal(size=(2, 5, 4, 8)).astype("float32")
    >>> layer = capszoo.layers.TransposedConvCapsules1D(6, 16, 4, strides=2, padding="same")
    >>> tuple(layer(children).shape)
    (2, 10, 6, 16)

    Reference:

    - [LaLonde, Bagci, 2018](https://arxiv.org/abs/1804.04241)
    """

    rank = 1


@keras.saving.register_keras_serializable(package="capszoo")
class TransposedConvCapsules2D(TransposedConvCapsules):
    """Maps of parent capsules on a finer grid than their children.

    A parent gets one vote from each child *type*: what a transposed convolution makes of the
    poses of that type. At the position `p` that is the sum, over the positions `q` of the
    children and the places `t` of the window with `p = strides * q + t - cut`, of
    `poses[q] @ kernel[t]`, where `cut` is what `padding="same"` cuts off before the first
    position. Routing then happens at each position by itself.

    Where capsules have explicit activations, a type is as active at a position as its children
    that reach it are on average; where no child reaches it (strides larger than the window), its
    votes and its activation are zero. For a routing that needs lengths, a type is as long as
    these children's poses together.

    Args:
        num_capsules: How many types of parent capsules there are.
        pose_dim: Size of a parent's pose vector.
        kernel_size: Height and width of the window in positions, one integer or two.
        strides: Positions of parents for one of children, down and across, one integer or two.
            Defaults to `1`.
        padding: `"valid"` or `"same"`, as in `keras.layers.Conv2DTranspose`. Defaults to `"valid"`.
        share_types: Whether all child types use the same transforms. Defaults to `False`.
        routing: How votes are combined: a name of `capszoo.routing.names()`, a config or a
            `capszoo.routing.Routing`. Defaults to `"dynamic"`.
        **kwargs: Arguments of `capszoo.layers.CapsuleLayer`.

    Call arguments:
        inputs: Poses of the children; with a routing that has explicit activations, the pair of
            poses and activations, of the shape of the poses but the last axis.
        return_coupling: Whether the couplings are returned too. Defaults to `False`.

    Input shape:
        `(batch, height, width, types, child_dim)`, channels last.

    Output shape:
        `(batch, new_height, new_width, num_capsules, pose_dim)`, where a size is that
        of the input times the stride with `padding="same"` and `(size - 1) * stride +
        max(kernel_size, stride)` with `"valid"`. With `return_coupling=True` also
        `(batch, new_height, new_width, num_capsules, types)`; with a routing that has
        explicit activations, the pair of poses and activations, of the shape of the poses but
        the last axis.

    Raises:
        ValueError: If a size is not a positive integer, the padding or routing is unknown or the
            input has not 5 axes.

    Example:

    >>> children = np.random.normal(size=(2, 5, 5, 4, 8)).astype("float32")
    >>> layer = capszoo.layers.TransposedConvCapsules2D(6, 16, 4, strides=2, padding="same")
    >>> tuple(layer(children).shape)
    (2, 10, 10, 6, 16)

    Reference:

    - [LaLonde, Bagci, 2018](https://arxiv.org/abs/1804.04241)
    """

    rank = 2


@keras.saving.register_keras_serializable(package="capszoo")
class TransposedConvCapsules3D(TransposedConvCapsules):
    """Volumes of parent capsules on a finer grid than their children.

    The same layer as `TransposedConvCapsules2D`, where it is described.

    Args:
        num_capsules: How many types of parent capsules there are.
        pose_dim: Size of a parent's pose vector.
        kernel_size: Depth, height and width of the window in positions, one integer or
            three.
        strides: Positions of parents for one of children along each axis, one integer or three.
            Defaults to `1`.
        padding: `"valid"` or `"same"`, as in `keras.layers.Conv3DTranspose`. Defaults to `"valid"`.
        share_types: Whether all child types use the same transforms. Defaults to `False`.
        routing: How votes are combined: a name of `capszoo.routing.names()`, a config or a
            `capszoo.routing.Routing`. Defaults to `"dynamic"`.
        **kwargs: Arguments of `capszoo.layers.CapsuleLayer`.

    Call arguments:
        inputs: Poses of the children; with a routing that has explicit activations, the pair of
            poses and activations, of the shape of the poses but the last axis.
        return_coupling: Whether the couplings are returned too. Defaults to `False`.

    Input shape:
        `(batch, depth, height, width, types, child_dim)`, channels last.

    Output shape:
        `(batch, new_depth, new_height, new_width, num_capsules, pose_dim)`, where a size is that
        of the input times the stride with `padding="same"` and `(size - 1) * stride +
        max(kernel_size, stride)` with `"valid"`. With `return_coupling=True` also
        `(batch, new_depth, new_height, new_width, num_capsules, types)`; with a routing that has
        explicit activations, the pair of poses and activations, of the shape of the poses but
        the last axis.

    Raises:
        ValueError: If a size is not a positive integer, the padding or routing is unknown or the
            input has not 6 axes.

    Example:

    >>> children = np.random.normal(size=(2, 3, 3, 3, 2, 8)).astype("float32")
    >>> layer = capszoo.layers.TransposedConvCapsules3D(2, 16, 4, strides=2, padding="same")
    >>> tuple(layer(children).shape)
    (2, 6, 6, 6, 2, 16)

    Reference:

    - [LaLonde, Bagci, 2018](https://arxiv.org/abs/1804.04241)
    """

    rank = 3
