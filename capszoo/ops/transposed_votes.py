"""Votes for a finer grid: the transposed convolution of each child type's poses."""

import math

import keras
import numpy as np
from keras import ops

from capszoo.ops.bands import Bands
from capszoo.ops.bands import positions_first
from capszoo.ops.bands import type_votes_by_place
from capszoo.ops.votes import maps_per_type
from capszoo.ops.votes import type_votes
from capszoo.ops.votes import votes_of_maps
from capszoo.validation import check_choice
from capszoo.validation import check_size


def transposed_type_votes(poses, kernel, strides=1, padding="valid"):
    """Computes one vote per child type: its poses in a transposed convolution.

    A parent at position `p` gets from each child type the sum, over the positions `q` of the
    children and the places `t` of the window with `p = strides * q + t - cut`, of
    `poses[q] @ kernel[t]`; `cut` is what `padding="same"` cuts off before the first parent.

    Parents whose positions leave the same rest when divided by the strides see the same places
    of the kernel. With each such rest taken as further parents, the votes are those of a plain
    convolution without strides, put next to each other at the end.

    Args:
        poses: Tensor of shape `(batch, *size, types, child_dim)`, with one, two or three axes of
            size.
        kernel: Tensor of shape `(types, *kernel_size, child_dim, votes_per_child, parents,
            pose_dim)`; with a first axis of size 1 the transform is shared by all child types.
        strides: How many positions of parents there are for one of children, one integer or one
            for each axis. Defaults to `1`.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.

    Returns:
        Tensor of shape `(batch, *new_size, parents, types * votes_per_child, pose_dim)`, of the
        size that `keras.ops.conv_transpose` gives.

    Raises:
        ValueError: If `padding` or `strides` is not one of the above.

    Example:

    >>> poses, kernel = np.ones((4, 5, 5, 3, 8)), np.ones((1, 4, 4, 8, 1, 10, 16))
    >>> tuple(capszoo.ops.transposed_type_votes(poses, kernel, 2, "same").shape)
    (4, 10, 10, 10, 3, 16)
    """
    *size, types, _ = poses.shape[1:]
    _, *kernel_size, _, per_child, parents, pose_dim = kernel.shape
    strides = check_size("strides", strides, len(size))
    check_choice("padding", padding, ("valid", "same"))
    if kernel.shape[0] == 1 and _prefers_native():
        per_vote = kernel.shape[-3:]
        filters_first = ops.swapaxes(
            ops.reshape(kernel[0], (*kernel_size, -1, math.prod(per_vote))), -1, -2
        )
        maps = ops.conv_transpose(
            maps_per_type(poses), filters_first, strides, padding, data_format="channels_last"
        )
        return votes_of_maps(maps, types, per_vote)
    taps = [-(-window // stride) for window, stride in zip(kernel_size, strides, strict=True)]
    kernel = _rests_as_parents(kernel, kernel_size, strides, taps)
    poses = ops.pad(poses, [(0, 0), *((tap - 1, tap - 1) for tap in taps), (0, 0), (0, 0)])
    votes = type_votes(poses, kernel)

    # From (grid, rests) to the finer grid: each axis of rests comes after its axis of the grid.
    rank, grid = len(size), votes.shape[1 : len(size) + 1]
    votes = ops.reshape(votes, (-1, *grid, *strides, parents * types * per_child * pose_dim))
    pairs = [axis for pair in zip(range(rank), range(rank, 2 * rank), strict=True) for axis in pair]
    votes = ops.transpose(votes, (0, *(1 + axis for axis in pairs), 2 * rank + 1))
    finer = [positions * stride for positions, stride in zip(grid, strides, strict=True)]
    votes = ops.reshape(votes, (-1, *finer, parents, types * per_child, pose_dim))
    new_size = transposed_grid(size, kernel_size, strides, padding)
    cuts = _cuts(kernel_size, strides, padding)
    return votes[(slice(None), *(slice(c, c + n) for c, n in zip(cuts, new_size, strict=True)))]


def transposed_grid(size, kernel_size, strides, padding):
    """Computes the size of a transposed convolution's output along each axis, as Keras has it."""
    if padding == "same":
        return tuple(old * stride for old, stride in zip(size, strides, strict=True))
    return tuple(
        (old - 1) * stride + max(window, stride)
        for old, window, stride in zip(size, kernel_size, strides, strict=True)
    )


def transposed_bands(size, kernel_size, strides, padding):
    """Says how bands of children make votes on a finer grid, a `capszoo.ops.Bands`.

    Args:
        size: Size of the map of children along each axis.
        kernel_size: Size of the window along each axis.
        strides: How many positions of parents there are for one of children, along each axis.
        padding: `"valid"` or `"same"`.
    """
    rows, *others = transposed_grid(size, kernel_size, strides, padding)
    cut, *cuts = _cuts(kernel_size, strides, padding)
    taps = [-(-window // stride) for window, stride in zip(kernel_size, strides, strict=True)]
    inside = tuple(slice(before, before + new) for before, new in zip(cuts, others, strict=True))

    def make(bands, kernel):
        if _prefers_native():
            # Rows that not all of their children reach lie at both ends.
            first = (taps[0] - 1) * strides[0]
            steps = bands.shape[1] - taps[0] + 1
            votes = transposed_type_votes(bands, kernel, strides, "valid")
            votes = votes[(slice(None), slice(first, first + steps * strides[0]), *inside)]
            _, *grid, parents, types, pose_dim = votes.shape
            votes = ops.reshape(votes, (-1, math.prod(grid), parents, types, pose_dim))
            return ops.transpose(votes, (3, 0, 2, 4, 1))
        rests = _rests_as_parents(kernel, kernel_size, strides, taps)
        beside = [(tap - 1, tap - 1) for tap in taps[1:]]
        bands = ops.pad(bands, [(0, 0), (0, 0), *beside, (0, 0), (0, 0)])
        votes = type_votes_by_place(bands, rests)
        *_, parents, pose_dim = kernel.shape
        # Each rest is a map by itself: whatever the order of positions, routing is at each.
        return ops.reshape(votes, (votes.shape[0], -1, parents, *votes.shape[3:]))

    def arrange(height, maps):
        if _prefers_native():
            return positions_first(height, maps)
        parents, pose_dim, _ = maps.shape[1:]
        rank = len(size)
        wider = [old + tap - 1 for old, tap in zip(size[1:], taps[1:], strict=True)]
        grid = [height - taps[0] + 1, *wider]
        maps = ops.reshape(maps, (-1, *strides, parents * pose_dim, *grid))
        order = [axis for pair in ((rank + 2 + a, 1 + a) for a in range(rank)) for axis in pair]
        maps = ops.transpose(maps, (0, *order, rank + 1))
        finer = [own * stride for own, stride in zip(grid, strides, strict=True)]
        maps = ops.reshape(maps, (-1, *finer, parents * pose_dim))[
            (slice(None), slice(None), *inside)
        ]
        return ops.reshape(maps, (-1, finer[0] * math.prod(others), parents, pose_dim))

    return Bands(
        rows=rows,
        # As many rows of children as reach a row of parents, the one that it stands at the last.
        window=taps[0],
        pads=((taps[0] - 1, taps[0] - 1), *[(0, 0)] * len(others)),
        make=make,
        places=math.prod(taps),
        arrange=arrange,
        finer=strides[0],
        cut=cut,
        maps=1 if _prefers_native() else math.prod(strides),
    )


def children_per_position(size, kernel_size, strides, padding):
    """Counts the positions of children that reach each position of a transposed convolution.

    Args:
        size: Size of the map of children along each axis.
        kernel_size: Size of the window along each axis.
        strides: How many positions of parents there are for one of children, along each axis.
        padding: `"valid"` or `"same"`.

    Returns:
        NumPy array of shape `transposed_grid(size, kernel_size, strides, padding)`.
    """
    new_size = transposed_grid(size, kernel_size, strides, padding)
    counts = np.ones((), "float32")
    for axis, cut in enumerate(_cuts(kernel_size, strides, padding)):
        reached = np.add.outer(np.arange(size[axis]) * strides[axis], np.arange(kernel_size[axis]))
        along = np.bincount(reached.reshape(-1), minlength=cut + new_size[axis])
        counts = np.multiply.outer(counts, along[cut : cut + new_size[axis]])
    return counts


def _cuts(kernel_size, strides, padding):
    """How many positions are cut off before the first along each axis, as Keras does."""
    if padding == "valid":
        return [0] * len(strides)
    return [max(w - s, 0) // 2 for w, s in zip(kernel_size, strides, strict=True)]


def _prefers_native():
    """Tells whether Keras' transposed convolution beats the one by rests, for shared transforms.

    Measured on 2 CPU cores, milliseconds for forward and both gradients, native against rests:

    | window, stride 2 | JAX | PyTorch | TensorFlow |
    |---|---|---|---|
    | 4x4, 2 maps of 16x16, 8 types of 32 to 8 of 32 | 916 / 99 | 219 / 240 | 24 / 130 |
    | 3x3, 4 maps of 16x16, 4 types of 16 to 4 of 16 | 43 / 11 | 30 / 22 | 4 / 20 |
    | 4x4x4, 1 of 8x8x8, 4 types of 16 to 4 of 8 | 263 / 28 | 100 / 55 | 6 / 14 |
    """
    return keras.backend.backend() == "tensorflow"


def _rests_as_parents(kernel, kernel_size, strides, taps):
    """Makes of the places `stride * tap + rest` a window of taps and parents for each rest."""
    kernel_types, *_, child_dim, per_child, parents, pose_dim = kernel.shape
    before = kernel_types
    # One axis at a time: some backends pad and reverse tensors of few axes only.
    for window, stride, tap in zip(kernel_size, strides, taps, strict=True):
        kernel = ops.reshape(kernel, (before, window, -1))
        kernel = ops.pad(kernel, [(0, 0), (0, stride * tap - window), (0, 0)])
        kernel = ops.reshape(kernel, (before, tap, stride, -1))
        # A convolution looks the other way than a transposed one.
        kernel = ops.flip(kernel, axis=1)
        before *= tap * stride
    rank, rests = len(taps), math.prod(strides)
    by_axis = [part for pair in zip(taps, strides, strict=True) for part in pair]
    kernel = ops.reshape(
        kernel, (kernel_types, *by_axis, child_dim * per_child, parents * pose_dim)
    )
    taps_first = (*range(1, 2 * rank, 2), 2 * rank + 1, *range(2, 2 * rank + 1, 2), 2 * rank + 2)
    kernel = ops.transpose(kernel, (0, *taps_first))
    return ops.reshape(
        kernel, (kernel_types, *taps, child_dim, per_child, rests * parents, pose_dim)
    )
