"""Votes that are not made yet."""

import dataclasses
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class UnmadeVotes:
    """What the votes of a capsule layer are made of.

    Votes are linear in the kernel. A routing that needs only sums of them may make those, and
    one that works on a few samples at a time may make the votes of these.

    Attributes:
        make: Function from a kernel to votes, without the offset.
        kernel: Tensor of shape `(..., votes_per_child, parents, pose_dim)`.
        offset: Tensor that is added to the votes. Defaults to `None`.
        dense_children: Where `make(kernel)` is `capszoo.ops.dense_votes(children, kernel)`,
            these children. Defaults to `None`.
    """

    make: Callable
    kernel: Any
    offset: Any = None
    dense_children: Any = None

    def made(self):
        """Makes all the votes.

        Returns:
            Tensor of shape `(batch, *spatial, parents, children * votes_per_child, pose_dim)`.
        """
        votes = self.make(self.kernel)
        return votes if self.offset is None else votes + self.offset
