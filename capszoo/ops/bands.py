"""Bands: maps of children cut along their first axis, so that each part votes by itself."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from capszoo.ops.convolution import conv
from capszoo.ops.convolution import extract_patches
from capszoo.ops.layout import contiguous
from capszoo.ops.votes import maps_per_type
from capszoo.ops.window_grid import same_pads
from capszoo.ops.window_grid import window_grid


@dataclasses.dataclass(frozen=True)
class Bands:
    """How bands of children make the votes for bands of parents.

    Rows of parents see `window` rows of children, a step of the window `strides` rows further
    than the one before. Of a transposed convolution a step gives several rows of parents, `finer`,
    and the first and last of all may be cut off.

    Attributes:
        rows: How many rows of parents a map has.
        window: How many rows of children a step sees.
        pads: For each axis of the map of children how many positions of zeros come before and
            after; what comes after the rows is found anew for each number of bands.
        make: Function from padded bands `(number, rows, *others, types, child_dim)` and kernel to
            votes with positions last, `(children, maps, parents, pose_dim, places)`; a band makes
            one map or several.
        places: At how many places a position sees a child, whose vote is a sum over them.
        arrange: Function of the height of the padded bands and of tensors `(maps, parents,
            pose_dim, places)`, which gives `(number, positions, parents, pose_dim)`, the positions
            of a band row by row.
        strides: How many rows of children lie between two steps. Defaults to `1`.
        finer: How many rows of parents a step gives. Defaults to `1`.
        cut: How many rows of parents are cut off before the first. Defaults to `0`.
        maps: How many maps a band makes. Defaults to `1`.

    Example:

    >>> bands = capszoo.ops.Bands(4, window=3, pads=((1, 1),), make=None, places=3, arrange=None)
    >>> parts = bands.parts(np.arange(1.0, 5.0).reshape(1, 4, 1, 1), number=2)
    >>> np.asarray(parts)[..., 0, 0].tolist()
    [[0.0, 1.0, 2.0, 3.0], [2.0, 3.0, 4.0, 0.0]]
    """

    rows: int
    window: int
    pads: tuple[tuple[int, int], ...]
    make: Callable
    places: int
    arrange: Callable
    strides: int = 1
    finer: int = 1
    cut: int = 0
    maps: int = 1

    def parts(self, poses, number) -> Any:
        """Cuts maps of children into bands that overlap by what two of them see.

        Args:
            poses: Tensor of shape `(batch, *size, types, child_dim)`.
            number: How many bands each map is cut into.

        Returns:
            Tensor of shape `(batch * number, rows, *others, types, child_dim)`.
        """
        (before, _), *others = self.pads
        height = (self._steps(number) - 1) * self.strides + self.window
        starts = [band * self._steps(number) * self.strides for band in range(number)]
        after = max(starts[-1] + height - before - poses.shape[1], 0)
        padded = ops.pad(poses, [(0, 0), (before, after), *others, (0, 0), (0, 0)])
        if number == 1:
            return padded[:, :height]
        parts = ops.stack([padded[:, start : start + height] for start in starts], axis=1)
        return ops.reshape(parts, (-1, *parts.shape[2:]))

    def join(self, parents, height, number) -> Any:
        """Puts what bands gave, positions last, back into maps.

        Args:
            parents: Tensor of shape `(maps, parents, pose_dim, places)`.
            height: How many rows a padded band has.
            number: How many bands each map was cut into.

        Returns:
            Tensor of shape `(batch, rows, positions of a row, parents, pose_dim)`.
        """
        parents = self.arrange(height, parents)
        rows = self._steps(number) * self.finer
        _, positions, *pose = parents.shape
        maps = ops.reshape(parents, (-1, number * rows, positions // rows, *pose))
        return maps[:, self.cut : self.cut + self.rows]

    def _steps(self, number):
        steps = -(-(self.cut + self.rows) // self.finer)
        return -(-steps // number)


def conv_bands(size, kernel_size, strides, padding, votes_from):
    """Says how bands of children make the votes of a convolution, `Bands`.

    Args:
        size: Size of the map of children along each axis.
        kernel_size: Size of the window along each axis.
        strides: Step between windows along each axis.
        padding: `"valid"` or `"same"`.
        votes_from: `"types"` or `"positions"`, as in `capszoo.layers.ConvCapsules2D`.
    """
    same, by_position = padding == "same", votes_from == "positions"
    make = position_votes_by_place if by_position else type_votes_by_place
    return Bands(
        rows=window_grid("inputs", size, kernel_size, strides, padding)[0],
        window=kernel_size[0],
        pads=same_pads(size, kernel_size, strides) if same else ((0, 0),) * len(size),
        make=functools.partial(make, strides=strides),
        places=1 if by_position else math.prod(kernel_size),
        arrange=positions_first,
        strides=strides[0],
    )


def positions_first(height, parents):
    """Puts the places of maps, which are positions row by row, before parents and pose."""
    return ops.transpose(parents, (0, 3, 1, 2))


def type_votes_by_place(poses, kernel, strides=1):
    """Computes `type_votes`, positions last: those of neighbours lie next to each other.

    Args:
        poses: As in `type_votes`, padded.
        kernel: As in `type_votes`, with one vote per child.
        strides: As in `type_votes`. Defaults to `1`.

    Returns:
        Tensor of shape `(types, batch, parents, pose_dim, places)`, the places row by row.

    Example:

    >>> poses, kernel = np.ones((4, 9, 9, 5, 8)), np.ones((1, 3, 3, 8, 1, 10, 16))
    >>> tuple(capszoo.ops.bands.type_votes_by_place(poses, kernel).shape)
    (5, 4, 10, 16, 49)
    """
    *size, types, child_dim = poses.shape[1:]
    kernel_types, *window, _, _, parents, pose_dim = kernel.shape
    outputs = parents * pose_dim
    if keras.backend.backend() == "torch" and kernel_types > 1:
        # One convolution in groups, which gives channels before positions.
        maps = ops.reshape(ops.moveaxis(poses, (-2, -1), (1, 2)), (-1, types * child_dim, *size))
        kernel = ops.reshape(ops.moveaxis(kernel, 0, -4), (*window, child_dim, types * outputs))
        votes = ops.conv(maps, kernel, strides, data_format="channels_first")
        places = math.prod(votes.shape[2:])
        votes = ops.reshape(votes, (-1, types, parents, pose_dim, places))
        return ops.swapaxes(votes, 0, 1)
    maps = maps_per_type(poses)
    if kernel_types == 1:
        # Channels last, on PyTorch too: channels first its convolution of windows of 2x2 takes nine
        # times as long, of 5x5 nearly twice.
        votes = conv(maps, ops.reshape(kernel, (*window, child_dim, outputs)), strides)
        places = math.prod(votes.shape[1:-1])
    else:
        windows = extract_patches(maps, window, strides)
        *grid, seen = windows.shape[1:]
        places = math.prod(grid)
        kernel = ops.reshape(kernel, (types, seen, outputs))
        votes = ops.matmul(ops.reshape(windows, (types, -1, seen)), kernel)
    votes = ops.swapaxes(ops.reshape(votes, (-1, places, outputs)), 1, 2)
    return ops.reshape(contiguous(votes), (types, -1, parents, pose_dim, places))


def position_votes_by_place(poses, kernel, strides=1):
    """Computes `position_votes`, positions last.

    Args:
        poses: As in `position_votes`, padded.
        kernel: As in `position_votes`, with one vote per child.
        strides: As in `position_votes`. Defaults to `1`.

    Returns:
        Tensor of shape `(places of a window * types, batch, parents, pose_dim, places)`.

    Example:

    >>> poses, kernel = np.ones((4, 9, 9, 5, 8)), np.ones((3, 3, 5, 8, 1, 10, 16))
    >>> tuple(capszoo.ops.bands.position_votes_by_place(poses, kernel).shape)
    (45, 4, 10, 16, 49)
    """
    *size, types, child_dim = poses.shape[1:]
    *window, kernel_types, _, _, parents, pose_dim = kernel.shape
    children = math.prod(window) * types
    if kernel_types < types:
        kernel = ops.repeat(kernel, types, axis=len(size))
    kernel = ops.reshape(kernel, (children, child_dim, parents * pose_dim))
    patches = extract_patches(ops.reshape(poses, (-1, *size, types * child_dim)), window, strides)
    places = math.prod(patches.shape[1:-1])
    patches = ops.reshape(patches, (-1, places, children, child_dim))
    votes = ops.matmul(
        ops.expand_dims(ops.swapaxes(kernel, 1, 2), 1), ops.transpose(patches, (2, 0, 3, 1))
    )
    return ops.reshape(votes, (children, -1, parents, pose_dim, places))
