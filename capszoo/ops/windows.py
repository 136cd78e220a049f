"""Which children the windows of a convolutional capsule layer share."""

import numpy as np
from keras import ops

from capszoo.ops.convolution import same_pads
from capszoo.ops.convolution import window_grid

# Stands for minus infinity: its exponential is zero, and it has a gradient.
_NOTHING = -1e30


class Windows:
    """The windows over a map of children, and which child each place in each window is.

    Args:
        size: Height and width of the map of children.
        kernel_size: Height and width of a window.
        strides: Step between windows, down and across.
        padding: `"valid"` or `"same"`.

    Attributes:
        grid: How many windows there are, down and across.
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
        self.number = self.grid[0] * self.grid[1]
        self.positions_per_window = kernel_size[0] * kernel_size[1]
        height, width = size
        pads = same_pads(size, kernel_size, strides) if padding == "same" else ((0, 0), (0, 0))
        axes = []
        for new, window, stride, (before, _) in zip(
            self.grid, kernel_size, strides, pads, strict=True
        ):
            axes.append(np.arange(new)[:, None] * stride + np.arange(window) - before)
        rows = axes[0][:, None, :, None]
        columns = axes[1][None, :, None, :]
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        # Which child a place is; places in the padding are the child after the last.
        child = np.where(inside, rows * width + columns, height * width).reshape(-1)
        self._child = child.astype("int32")

        # For each child the places that see it, filled up with the place after the last.
        places = [np.flatnonzero(child == one) for one in range(height * width)]
        most = max(len(own) for own in places)
        self._places = np.full((height * width, most), len(child), "int32")
        for one, own in enumerate(places):
            self._places[one, : len(own)] = own
        self.children_seen = sum(len(own) > 0 for own in places)

    def logsumexp_per_child(self, values):
        """Sums, in log space, what all windows hold on the same child.

        Args:
            values: Tensor of shape `(batch, rows, columns, positions_per_window * types)`.

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
