"""Which children the windows of a convolutional capsule layer share."""

import math

import numpy as np
from keras import ops

from capszoo.ops.window_grid import same_pads
from capszoo.ops.window_grid import window_grid

# Stands for minus infinity: its exponential is zero, and it has a gradient.
_NOTHING = -1e30


class Windows:
    """The windows over a map of children, and which child each place in each window is.

    Args:
        size: Size of the map of children along each of its one, two or three axes.
        kernel_size: Size of a window along each axis.
        strides: Step between windows along each axis.
        padding: `"valid"` or `"same"`.

    Attributes:
        grid: How many windows there are along each axis.
        number: How many windows there are.
        positions_per_window: How many positions a window has.
        children_seen: How many positions of the map any window sees.

    Example:

    >>> windows = capszoo.ops.Windows((4, 4), (3, 3), (1, 1), "valid")
    >>> windows.grid, windows.number, windows.positions_per_window
    ((2, 2), 4, 9)
    """

    def __init__(self, size, kernel_size, strides, padding):
        self.grid = window_grid("inputs", size, kernel_size, strides, padding)
        self.number = math.prod(self.grid)
        self.positions_per_window = math.prod(kernel_size)
        rank, children = len(size), math.prod(size)
        pads = same_pads(size, kernel_size, strides) if padding == "same" else [(0, 0)] * rank
        child, inside = 0, True
        for axis, (new, window) in enumerate(zip(self.grid, kernel_size, strict=True)):
            starts = np.arange(new) * strides[axis] - pads[axis][0]
            along = starts[:, None] + np.arange(window)
            # All windows stand before all places in a window.
            shape = np.ones(2 * rank, int)
            shape[[axis, rank + axis]] = new, window
            along = along.reshape(shape)
            child = child * size[axis] + along
            inside = inside & (along >= 0) & (along < size[axis])
        # Which child a place is; places in the padding are the child after the last.
        child = np.where(inside, child, children).reshape(-1)
        self._child = child.astype("int32")

        # For each child the places that see it, filled up with the place after the last.
        seen = np.bincount(child, minlength=children)[:children]
        self._places = np.full((children, seen.max()), len(child), "int32")
        in_order = np.argsort(child, kind="stable")[: seen.sum()]
        own = np.arange(len(in_order)) - np.repeat(np.cumsum(seen) - seen, seen)
        self._places[child[in_order], own] = in_order
        self.children_seen = int(np.count_nonzero(seen))

    def children(self):
        """Which position of the map each place of each window is.

        Returns:
            Integer array `(number, positions_per_window)`; places in the padding have the number
            after the last.
        """
        return self._child.reshape(self.number, self.positions_per_window)

    def logsumexp_per_child(self, values):
        """Sums, in log space, what all windows hold on the same child.

        Args:
            values: Tensor of shape `(batch, *grid, positions_per_window * types)`.

        Returns:
            Tensor of the same shape: at each place the total of its child. Places in the
            padding get zero.
        """
        return self._per_child(values, ops.logsumexp, _NOTHING)

    def sum_per_child(self, values):
        """Sums what all windows hold on the same child.

        Args:
            values: As `logsumexp_per_child` takes them.

        Returns:
            As `logsumexp_per_child`.
        """
        return self._per_child(values, ops.sum, 0.0)

    def _per_child(self, values, reduce, nothing):
        shape = (-1, *values.shape[1:])
        types = values.shape[-1] // self.positions_per_window
        values = ops.reshape(values, (-1, len(self._child), types))
        nothing = ops.full_like(values[:, :1], nothing)
        by_place = ops.concatenate([values, nothing], axis=1)
        totals = reduce(ops.take(by_place, self._places, axis=1), axis=2)
        totals = ops.concatenate([totals, ops.zeros_like(nothing)], axis=1)
        return ops.reshape(ops.take(totals, self._child, axis=1), shape)
