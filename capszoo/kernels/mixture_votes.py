"""Where the kernels of mixtures have their votes from, and how these lie: parents first."""

from collections.abc import Callable
from typing import Any
from typing import NamedTuple

from keras import ops


class VotesSource(NamedTuple):
    """Where votes `(parents, rows, children, pose_dim)` come from, some parents at a time.

    Attributes:
        parents: How many parents there are.
        array: Tensor that can be cut into chunks.
        chunks: How many chunks there are.
        make: Function from a chunk of the array to the votes for a chunk of the parents.
        start: Function that gives what the gradient is collected in: a tuple of tensors.
        collect: Function of what was collected so far, the same chunk of the array and the
            gradient of its votes. It returns what is collected now, and the gradient of the
            chunk.
    """

    parents: int
    array: Any
    chunks: int
    make: Callable
    start: Callable
    collect: Callable


def parents_first(array, trailing=1):
    """Brings `(batch, *spatial, parents, ...)` to `(parents, rows, ...)`.

    `trailing` is how many axes there are after that of the parents.
    """
    return ops.moveaxis(ops.reshape(array, (-1, *array.shape[-1 - trailing :])), 1, 0)


def parents_last(array, spatial):
    """Brings `(parents, rows, ...)` to `(batch, *spatial, parents, ...)`."""
    array = ops.moveaxis(array, 0, 1)
    return ops.reshape(array, (-1, *spatial, *array.shape[1:]))
