"""Votes that are not made yet."""

import dataclasses
from collections.abc import Callable
from typing import Any

from keras import ops


@dataclasses.dataclass(frozen=True)
class UnmadeVotes:
    """What the votes of a capsule layer are made of.

    A routing that works on a few samples at a time may make the votes of these alone.

    Attributes:
        make: Function from a kernel to votes, without the offset.
        kernel: Tensor of shape `(..., votes_per_child, parents, pose_dim)`.
        offset: Tensor that is added to the votes. Defaults to `None`.
        dense_children: Where `make(kernel)` is `capszoo.ops.dense_votes(children, kernel)`,
            these children. Defaults to `None`.
        windows: Where each child in a window has a transform of its own, function that gives
            the windows `(batch, rows, columns, places, children, child_dim)`: a child is a type
            at all the places of a window, or a capsule at one place. Defaults to `None`.
        recompute: Whether none are to be kept for the gradient. Defaults to `False`.
    """

    make: Callable
    kernel: Any
    offset: Any = None
    dense_children: Any = None
    windows: Callable | None = None
    recompute: bool = False

    @property
    def separable(self):
        """Whether the votes of each child are one matrix product of its own."""
        return self.windows is not None or self.dense_children is not None

    def children_by_themselves(self):
        """Gives the children of separable votes.

        Returns:
            Tensor of shape `(batch, *spatial, places, children, child_dim)`. The kernel of a
            child multiplies what it is at all places.
        """
        return self.windows() if self.windows else ops.expand_dims(self.dense_children, 1)

    def made(self):
        """Makes all the votes.

        Returns:
            Tensor of shape `(batch, *spatial, parents, children * votes_per_child, pose_dim)`.
        """
        votes = self.make(self.kernel)
        return votes if self.offset is None else votes + self.offset
