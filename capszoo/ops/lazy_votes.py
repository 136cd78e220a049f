"""Votes that are not made yet."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from capszoo.ops.bands import Bands
from capszoo.ops.votes import dense_votes


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Which children vote for which parents.

    Attributes:
        positions: Sizes of the map of parents; `()` where parents have no position.
        children: How many children a parent has; `None` where that is not known yet.
        places: At how many places a child is seen at once. Its votes are a sum over them.
            Defaults to `1`.
        gather: Where each child has a transform of its own, function from the poses as the layer
            is given them to the children `(batch, *positions, places, children, child_dim)`;
            `None` where children share transforms. Defaults to `None`.
        bands: How the votes of bands of the map are made, a `Bands`; `None` where they are not.
            Defaults to `None`.
        mean: Function from poses and kernel to the mean of the votes over the children, `(batch,
            *positions, parents, pose_dim)`, without an offset, for which no vote is made; `None`
            where there is none. Defaults to `None`.
        shared_types: Of how many types the children are, where those of a type share one transform
            and the poses as the layer is given them are `(batch, *positions, children, child_dim)`,
            the types fastest or on an axis of their own. Defaults to `0`, where they do not.

    Example:

    >>> capszoo.ops.Geometry.dense(20).children
    20
    """

    positions: tuple
    children: int | None
    places: int = 1
    gather: Callable | None = None
    bands: Bands | None = None
    mean: Callable | None = None
    shared_types: int = 0

    @classmethod
    def dense(cls, children):
        """Every child votes for every parent, by a transform of its own."""

        def gather(poses):
            return ops.reshape(poses, (-1, 1, children, poses.shape[-1]))

        return cls((), children, gather=gather)


@dataclasses.dataclass(frozen=True)
class LazyVotes:
    """What the votes of a capsule layer are made of.

    In the canonical form, of which kernels make the votes they want, a child `i` is seen at
    `places` `p` and has transforms of its own:

        votes[..., j, i] = sum_p children[..., p, i] @ kernel_per_child[i, p, :, j] + offset[j, i]

    Nothing is gathered, padded or multiplied before it is asked for.

    Attributes:
        poses: Tensor, the children's poses as the layer is given them.
        kernel: Tensor of transforms as the layer has them, `(..., votes_per_child, parents,
            pose_dim)`.
        geometry: `Geometry`.
        make: Function from poses and kernel to all the votes without the offset, the
            straightforward way. Defaults to `dense_votes`.
        offset: Tensor that is added to the votes, as it broadcasts to them. Defaults to `None`.
        recompute: Whether no votes are to be kept for the gradient. Defaults to `False`.

    Example:

    >>> poses, kernel = np.ones((4, 20, 8)), np.ones((20, 8, 1, 10, 16))
    >>> votes = capszoo.ops.LazyVotes(poses, kernel, capszoo.ops.Geometry.dense(20))
    >>> votes.shape, tuple(votes.children().shape), tuple(votes.made().shape)
    ((4, 10, 20, 16), (4, 1, 20, 8), (4, 10, 20, 16))
    """

    poses: Any
    kernel: Any
    geometry: Geometry
    make: Callable = dense_votes
    offset: Any = None
    recompute: bool = False

    @property
    def shape(self):
        """`(batch, *positions, parents, children * votes_per_child, pose_dim)`."""
        per_child, parents, pose_dim = self.kernel.shape[-3:]
        children = self.geometry.children and self.geometry.children * per_child
        return (self.poses.shape[0], *self.geometry.positions, parents, children, pose_dim)

    @property
    def dtype(self):
        """The name of the dtype that votes are made in."""
        return keras.backend.standardize_dtype(self.poses.dtype)

    @property
    def separable(self):
        """Whether each child has a transform of its own: whether there is the canonical form."""
        return self.geometry.gather is not None

    @property
    def dense(self):
        """Whether the votes are `dense_votes`, one of a child for a parent, and nothing more."""
        whole = self.geometry.positions == () and self.geometry.places == 1
        return self.separable and whole and self.kernel.shape[-3] == 1 and self.offset is None

    @property
    def shared(self):
        """Whether children of a type vote by one transform, once for each parent, no more."""
        once = self.kernel.shape[-3] == 1 and self.offset is None
        return self.geometry.shared_types > 0 and once

    def children(self):
        """Gathers the children: `(batch, *positions, places, children, child_dim)`."""
        return self.geometry.gather(self.poses)

    def kernel_per_child(self):
        """The transforms, `(children, places * child_dim, votes_per_child, parents, pose_dim)`."""
        per_child = (self.geometry.children, self.geometry.places * self.poses.shape[-1])
        return ops.reshape(self.kernel, (*per_child, *self.kernel.shape[-3:]))

    def dense_factors(self):
        """The factors of dense votes: `(batch, children, child_dim)` and `(children, ...)`."""
        return ops.squeeze(self.children(), 1), ops.squeeze(self.kernel_per_child(), 2)

    def made(self):
        """Makes all the votes, a tensor of `shape`."""
        votes = self.make(self.poses, self.kernel)
        return votes if self.offset is None else votes + self.offset

    def given_to(self, function, *tensors):
        """Calls a function with all the votes.

        With `recompute` neither the votes nor what the function makes of them is kept: the
        gradient makes them anew.

        Args:
            function: Function of the votes and the tensors.
            *tensors: Tensors; so are called what the function is to have a gradient for, beside
                variables.

        Returns:
            As the function.
        """
        if not self.recompute:
            return function(self.made(), *tensors)
        fields = ["poses"]
        if keras.backend.backend() == "tensorflow":
            # TensorFlow's gradient is one of arguments and variables alone. The others also have
            # one of what a function refers to, and would keep a transform as an argument.
            fields += [name for name in ("kernel", "offset") if getattr(self, name) is not None]
        # As they are seen here: TensorFlow would hand over a variable without its cast.
        own = {name: ops.cast(getattr(self, name), self.dtype) for name in fields}

        def of_tensors(*arrays):
            again = dataclasses.replace(self, **dict(zip(own, arrays, strict=False)))
            return function(again.made(), *arrays[len(own) :])

        return keras.remat(of_tensors)(*own.values(), *tensors)
