"""Convolutional capsules: transforms shared over positions, parents see a window."""

import math

import keras
from keras import ops

from capszoo.layers.capsule_maps import CapsuleMaps
from capszoo.ops import Geometry
from capszoo.ops import Windows
from capszoo.ops import extract_patches
from capszoo.ops import position_votes
from capszoo.ops import safe_norm
from capszoo.ops import type_votes
from capszoo.ops.bands import conv_bands
from capszoo.ops.mean_votes import mean_of_conv_votes
from capszoo.ops.window_grid import window_grid
from capszoo.validation import check_choice


class ConvCapsules(CapsuleMaps):
    """Maps of parent capsules, each voted for by the children in its window.

    What layers of one to three axes have in common; the options are those of `ConvCapsules2D`.

    Args:
        num_capsules: How many types of parent capsules there are.
        pose_dim: Size of a parent's pose vector.
        kernel_size: Size of the window in positions, one integer or one for each axis.
        strides: Step between windows in positions, one integer or one for each axis.
            Defaults to `1`.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.
        votes_from: `"types"` or `"positions"`. Defaults to `"types"`.
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
        votes_from="types",
        share_types=False,
        routing="dynamic",
        **kwargs,
    ):
        check_choice("votes_from", votes_from, ("types", "positions"))
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
        self.votes_from = votes_from

    def compute_kernel_shape(self, input_shape, child_dim):
        types, *window, child_dim = super().compute_kernel_shape(input_shape, child_dim)
        if self.votes_from == "types":
            return (types, *window, child_dim)
        return (*window, types, child_dim)

    def build(self, input_shape):
        super().build(input_shape)
        self.windows = None
        if self.votes_from == "positions" and self.routing.competes_across_positions:
            size = self._poses_shape(input_shape)[1:-2]
            self.windows = Windows(size, self.kernel_size, self.strides, self.padding)

    def compute_votes(self, poses, kernel):
        make = position_votes if self.votes_from == "positions" else type_votes
        return self.for_routing(make(poses, kernel, self.strides, self.padding))

    def compute_geometry(self, input_shape):
        *size, types, _ = input_shape[1:]
        grid = window_grid("inputs", size, self.kernel_size, self.strides, self.padding)
        places = math.prod(self.kernel_size)
        if self.votes_from == "positions":
            places, types = 1, places * types
        bands = conv_bands(size, self.kernel_size, self.strides, self.padding, self.votes_from)
        gather = None if self.share_types else self._gather
        return Geometry(grid, types, places, gather, bands=bands, mean=self._mean_vote)

    def _mean_vote(self, poses, kernel):
        arguments = (self.strides, self.padding, self.votes_from)
        return self.for_routing(mean_of_conv_votes(poses, kernel, *arguments))

    def _gather(self, poses):
        """The children of each window, `(batch, *positions, places, children, child_dim)`."""
        *size, types, child_dim = poses.shape[1:]
        maps = ops.reshape(poses, (-1, *size, types * child_dim))
        patches = extract_patches(maps, self.kernel_size, self.strides, self.padding)
        geometry = self.compute_geometry(poses.shape)
        per_window = (geometry.places, geometry.children, child_dim)
        return self.for_routing(ops.reshape(patches, (-1, *geometry.positions, *per_window)))

    def arrange_poses(self, poses):
        # The child that is the whole window of a type has all the poses in it, one after another.
        children = ops.swapaxes(self._gather(poses), -3, -2)
        *outer, places, child_dim = children.shape[1:]
        return ops.reshape(children, (-1, *outer, places * child_dim))

    def arrange_activations(self, activations):
        types = activations.shape[-1]
        patches = extract_patches(activations, self.kernel_size, self.strides, self.padding)
        patches = self.for_routing(patches)
        if self.votes_from == "positions":
            return patches
        # The child is the whole window of a type: as long as its poses together, as active as
        # they are on average.
        patches = ops.reshape(
            patches, (-1, *patches.shape[1:-1], math.prod(self.kernel_size), types)
        )
        if self.routing.explicit_activations:
            return ops.mean(patches, axis=-2)
        return safe_norm(patches, axis=-2)

    def routing_arguments(self):
        return {} if self.windows is None else {"windows": self.windows}

    def get_config(self):
        return {**super().get_config(), "votes_from": self.votes_from}


@keras.saving.register_keras_serializable(package="capszoo")
class ConvCapsules1D(ConvCapsules):
    """Sequences of parent capsules, each voted for by the children in its window.

    The same layer as `ConvCapsules2D`, where the options are described.

    Args:
        num_capsules: How many types of parent capsules there are.
        pose_dim: Size of a parent's pose vector.
        kernel_size: Length of the window in positions.
        strides: Step between windows in positions. Defaults to `1`.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.
        votes_from: `"types"` or `"positions"`. Defaults to `"types"`.
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
        `(batch, new_length, num_capsules, pose_dim)`; activations and
        couplings as of `ConvCapsules2D`.

    Raises:
        ValueError: If a size is not a positive integer, the padding or routing is unknown, the
            input has not 4 axes or the window is larger than the map.

    Example:

    >>> children = np.random.normal(size=(2, 9, 4, 8)).astype("float32")
    >>> layer = capszoo.layers.ConvCapsules1D(6, 16, kernel_size=3, strides=2)
    >>> tuple(layer(children).shape)
    (2, 4, 6, 16)
    """

    rank = 1


@keras.saving.register_keras_serializable(package="capszoo")
class ConvCapsules2D(ConvCapsules):
    """Maps of parent capsules, each voted for by the children in its window.

    The children of a parent are either the child *types*, each with one vote that is the
    convolution of its poses over the window (`votes_from="types"`), or all the capsules in the
    window, each with a vote of its own (`votes_from="positions"`, as in matrix capsules). The
    first costs one vote per type, the second as many as the window has positions. Transforms
    are shared over positions of the map and, by option, over types.

    Routing happens at each position by itself, but for EM and variational Bayes routing with
    votes from positions: there the parents at all positions that see a child compete for it.

    Args:
        num_capsules: How many types of parent capsules there are.
        pose_dim: Size of a parent's pose vector.
        kernel_size: Height and width of the window in positions, one integer or two.
        strides: Step between windows in positions, one integer or two. Defaults to `1`.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.
        votes_from: `"types"` or `"positions"`, see above. Defaults to `"types"`.
        share_types: Whether all child types use the same transforms. Defaults to `False`.
        routing: How votes are combined: a name of `capszoo.routing.names()`, a config or a
            `capszoo.routing.Routing`. Defaults to `"dynamic"`.
        transform: `"full"`, or `"matrix"` for poses that are square matrices, multiplied by a
            square matrix. Defaults to `"full"`.
        vote_bias: What is added to the votes: `None`, `"parents"` for one trainable vector per
            parent or `"votes"` for one per vote; shared over positions. Defaults to `None`.
        kernel_initializer: Initializer of the transforms; `None` stands for the truncated
            normal distribution with standard deviation 0.1 of the dynamic routing paper's
            code. Defaults to `None`.
        bias_initializer: Initializer of the vote bias. Defaults to `"zeros"`.
        kernel_regularizer: Regularizer of the transforms. Defaults to `None`.
        recompute: Whether the gradient makes votes and routing anew instead of keeping what
            they computed: less memory, more time; see `CapsuleLayer`. Defaults to `False`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Poses of the children; with a routing that has explicit activations, the pair of
            poses and activations `(batch, height, width, types)`.
        return_coupling: Whether the couplings are returned too. Defaults to `False`.

    Input shape:
        `(batch, height, width, types, child_dim)`, channels last.

    Output shape:
        `(batch, new_height, new_width, num_capsules, pose_dim)`; with `return_coupling=True`
        also `(batch, new_height, new_width, num_capsules, children)`; the children of a window
        stand row by row, types fastest. With a routing that has explicit activations, the pair
        of poses and activations `(batch, new_height, new_width, num_capsules)`.

    Raises:
        ValueError: If a size is not a positive integer, the padding or routing is unknown, the
            input has not five axes or the window is larger than the map.

    Example:

    >>> children = np.random.normal(size=(2, 9, 9, 4, 8)).astype("float32")
    >>> layer = capszoo.layers.ConvCapsules2D(6, 16, kernel_size=3, strides=2)
    >>> tuple(layer(children).shape)
    (2, 4, 4, 6, 16)

    Reference:

    - Votes from positions: [Hinton, Sabour, Frosst, 2018](https://openreview.net/forum?id=HJWLfGWRb)
    - Votes from types, shared: [LaLonde, Bagci, 2018](https://arxiv.org/abs/1804.04241)
    """

    rank = 2


@keras.saving.register_keras_serializable(package="capszoo")
class ConvCapsules3D(ConvCapsules):
    """Volumes of parent capsules, each voted for by the children in its window.

    The same layer as `ConvCapsules2D`, where the options are described.

    Args:
        num_capsules: How many types of parent capsules there are.
        pose_dim: Size of a parent's pose vector.
        kernel_size: Depth, height and width of the window in positions, one integer or
            three.
        strides: Step between windows in positions, one integer or three. Defaults to `1`.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.
        votes_from: `"types"` or `"positions"`. Defaults to `"types"`.
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
        `(batch, new_depth, new_height, new_width, num_capsules, pose_dim)`; activations and
        couplings as of `ConvCapsules2D`.

    Raises:
        ValueError: If a size is not a positive integer, the padding or routing is unknown, the
            input has not 6 axes or the window is larger than the map.

    Example:

    >>> children = np.random.normal(size=(2, 5, 5, 5, 4, 8)).astype("float32")
    >>> layer = capszoo.layers.ConvCapsules3D(6, 16, kernel_size=3, strides=2)
    >>> tuple(layer(children).shape)
    (2, 2, 2, 2, 6, 16)
    """

    rank = 3
