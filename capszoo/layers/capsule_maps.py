"""Capsule layers over positions: what convolutional and transposed ones have in common."""

import dataclasses
import math

import keras
from keras import ops

from capszoo.layers.capsule_layer import CapsuleLayer
from capszoo.validation import SPATIAL_AXES
from capszoo.validation import check_choice
from capszoo.validation import check_size


class CapsuleMaps(CapsuleLayer):
    """Maps of parent capsules that children in a window vote for.

    A subclass says by `rank` how many axes a map has, 1, 2 or 3.

    Args:
        num_capsules: How many types of parent capsules there are.
        pose_dim: Size of a parent's pose vector.
        kernel_size: Size of the window in positions, one integer or one for each axis.
        strides: Step of the window in positions, one integer or one for each axis.
            Defaults to `1`.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.
        share_types: Whether all child types use the same transforms. Defaults to `False`.
        **kwargs: Arguments of `capszoo.layers.CapsuleLayer`.

    Input shape:
        `(batch, *size, types, child_dim)`, channels last.

    Output shape:
        `(batch, *new_size, num_capsules, pose_dim)`.

    Raises:
        ValueError: If an argument or the shape of the input is not as above.
    """

    rank: int | None = None
    takes_mask = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if cls.rank is not None:
            cls.input_rank = cls.rank + 3
            axes = ", ".join(SPATIAL_AXES[cls.rank])
            cls.input_layout = f"(batch, {axes}, types, child_dim)"

    def __init__(
        self,
        num_capsules,
        pose_dim,
        kernel_size,
        strides=1,
        padding="valid",
        share_types=False,
        **kwargs,
    ):
        kernel_size = check_size("kernel_size", kernel_size, self.rank)
        strides = check_size("strides", strides, self.rank)
        check_choice("padding", padding, ("valid", "same"))
        super().__init__(num_capsules, pose_dim, **kwargs)
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.share_types = share_types

    def compute_kernel_shape(self, input_shape, child_dim):
        return (1 if self.share_types else input_shape[-2], *self.kernel_size, child_dim)

    def call(self, inputs, mask=None, return_coupling=False):
        outputs = super().call(inputs, mask=mask, return_coupling=return_coupling)
        if self.rank < 3:
            return outputs
        poses = inputs[0] if isinstance(inputs, tuple | list) else inputs
        grid = self.compute_geometry(poses.shape).positions
        return keras.tree.map_structure(
            lambda output: ops.reshape(output, (-1, *grid, *output.shape[2:])), outputs
        )

    def lazy_votes(self, poses):
        votes = super().lazy_votes(poses)
        if self.rank < 3:
            return votes
        positions = (math.prod(votes.geometry.positions),)
        geometry = dataclasses.replace(votes.geometry, positions=positions)
        return dataclasses.replace(votes, geometry=geometry)

    def for_routing(self, per_position):
        """Makes one axis of the positions of a volume: on TensorFlow a softmax takes five axes."""
        if self.rank < 3:
            return per_position
        _, *shape = per_position.shape
        grid, rest = shape[: self.rank], shape[self.rank :]
        return ops.reshape(per_position, (-1, math.prod(grid), *rest))

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "share_types": self.share_types,
        }
