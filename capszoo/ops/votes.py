"""Votes: every child capsule's prediction of every parent capsule's pose.

Votes have the shape `(batch, *spatial, parents, children, pose_dim)`. A routing may ask for
several votes per child; they stand next to each other on the children axis.
"""

import math

from keras import ops

from capszoo.ops.convolution import conv
from capszoo.ops.convolution import extract_patches
from capszoo.ops.layout import contiguous


def dense_votes(poses, kernel):
    """Computes votes with a transform of its own for each child and parent.

    `votes[b, j, i] = poses[b, i] @ kernel[i, :, j]`, as one matrix product batched over the
    children: half the time, forward and backward, of an einsum over all axes at once.

    Args:
        poses: Tensor of shape `(batch, children, child_dim)`.
        kernel: Tensor of shape `(children, child_dim, votes_per_child, parents, pose_dim)`.

    Returns:
        Tensor of shape `(batch, parents, children * votes_per_child, pose_dim)`.

    Example:

    >>> poses, kernel = np.ones((4, 20, 8)), np.ones((20, 8, 1, 10, 16))
    >>> tuple(capszoo.ops.dense_votes(poses, kernel).shape)
    (4, 10, 20, 16)
    """
    children, child_dim, per_child, parents, pose_dim = kernel.shape
    flat_kernel = ops.reshape(kernel, (children, child_dim, per_child * parents * pose_dim))
    votes = ops.matmul(ops.transpose(poses, (1, 0, 2)), flat_kernel)
    votes = ops.reshape(votes, (children, -1, per_child, parents, pose_dim))
    votes = contiguous(ops.transpose(votes, (1, 3, 0, 2, 4)))
    return ops.reshape(votes, (-1, parents, children * per_child, pose_dim))


def type_votes(poses, kernel, strides=1, padding="valid"):
    """Computes one vote per child type: its poses convolved over the window.

    A parent at a position gets one vote from each child *type*: the sum, over the window, of
    the transformed poses of that type.

    Args:
        poses: Tensor of shape `(batch, *size, types, child_dim)`, with one, two or three axes of
            size.
        kernel: Tensor of shape `(types, *kernel_size, child_dim, votes_per_child, parents,
            pose_dim)`; with a first axis of size 1 the transform is shared by all child types.
        strides: Step between windows in positions, one integer or one for each axis.
            Defaults to `1`.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.

    Returns:
        Tensor of shape `(batch, *new_size, parents, types * votes_per_child, pose_dim)`.

    Example:

    >>> poses, kernel = np.ones((4, 9, 9, 5, 8)), np.ones((1, 3, 3, 8, 1, 10, 16))
    >>> tuple(capszoo.ops.type_votes(poses, kernel).shape)
    (4, 7, 7, 10, 5, 16)
    """
    kernel_types, *kernel_size, _, per_child, parents, pose_dim = kernel.shape
    types = poses.shape[-2]
    outputs = per_child * parents * pose_dim
    maps = maps_per_type(poses)
    if kernel_types == 1:
        votes = conv(maps, ops.reshape(kernel, (*kernel_size, -1, outputs)), strides, padding)
    else:
        windows = extract_patches(maps, kernel_size, strides, padding)
        *grid, window = windows.shape[1:]
        votes = ops.matmul(
            ops.reshape(windows, (types, -1, window)), ops.reshape(kernel, (types, window, outputs))
        )
        votes = ops.reshape(votes, (-1, *grid, outputs))
    return votes_of_maps(votes, types, kernel.shape[-3:])


def maps_per_type(poses):
    """Puts the types before the batch, as one axis, so that no transform mixes two of them.

    Args:
        poses: Tensor of shape `(batch, *size, types, child_dim)`.

    Returns:
        Tensor of shape `(types * batch, *size, child_dim)`.
    """
    *size, _, child_dim = poses.shape[1:]
    return ops.reshape(ops.moveaxis(poses, -2, 0), (-1, *size, child_dim))


def votes_of_maps(maps, types, per_vote):
    """Puts what a convolution of `maps_per_type` gave in the order of votes.

    Args:
        maps: Tensor of shape `(types * batch, *new_size, votes_per_child * parents * pose_dim)`.
        types: How many child types there are.
        per_vote: `(votes_per_child, parents, pose_dim)`.

    Returns:
        Tensor of shape `(batch, *new_size, parents, types * votes_per_child, pose_dim)`.
    """
    per_child, parents, pose_dim = per_vote
    # Samples and positions stay next to each other, as one axis.
    votes = ops.transpose(ops.reshape(maps, (types, -1, *per_vote)), (1, 3, 0, 2, 4))
    return ops.reshape(votes, (-1, *maps.shape[1:-1], parents, types * per_child, pose_dim))


def position_votes(poses, kernel, strides=1, padding="valid"):
    """Computes one vote per capsule in the window, by a transform of its own.

    Args:
        poses: Tensor of shape `(batch, *size, types, child_dim)`, with one, two or three axes of
            size.
        kernel: Tensor of shape `(*kernel_size, types, child_dim, votes_per_child, parents,
            pose_dim)`; with 1 for `types` the transform is shared by all child types.
        strides: Step between windows in positions, one integer or one for each axis.
            Defaults to `1`.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.

    Returns:
        Tensor of shape `(batch, *new_size, parents, places * types * votes_per_child,
        pose_dim)`, of as many places as a window has.

    Example:

    >>> poses, kernel = np.ones((4, 9, 9, 5, 8)), np.ones((3, 3, 5, 8, 1, 10, 16))
    >>> tuple(capszoo.ops.position_votes(poses, kernel).shape)
    (4, 7, 7, 10, 45, 16)
    """
    *size, types, child_dim = poses.shape[1:]
    *kernel_size, kernel_types, _, per_child, parents, pose_dim = kernel.shape
    places = math.prod(kernel_size)
    maps = ops.reshape(poses, (-1, *size, types * child_dim))
    patches = extract_patches(maps, kernel_size, strides, padding)
    grid = patches.shape[1:-1]
    if kernel_types < types:
        kernel = ops.repeat(kernel, types, axis=len(size))
    kernel = ops.reshape(kernel, (places * types, child_dim, per_child, parents, pose_dim))
    votes = dense_votes(ops.reshape(patches, (-1, places * types, child_dim)), kernel)
    return ops.reshape(votes, (-1, *grid, *votes.shape[1:]))


def block_diagonal(kernel):
    """Repeats transforms of rows along a diagonal, so that they transform whole matrices.

    With `W` a `side x side` transform, a pose that is the square matrix `P`, flattened, times
    the result is `P @ W`, flattened. Three quarters of the numbers are zeros for poses of 4x4,
    yet one product of whole poses is faster than one of each row: nothing is rearranged.

    Args:
        kernel: Tensor of shape `(..., side, votes_per_child, parents, side)`.

    Returns:
        Tensor of shape `(..., side * side, votes_per_child, parents, side * side)`.

    Example:

    >>> tuple(capszoo.ops.block_diagonal(np.ones((7, 4, 1, 10, 4), "float32")).shape)
    (7, 16, 1, 10, 16)
    """
    *outer, side, per_child, parents, _ = kernel.shape
    identity = ops.cast(ops.eye(side), kernel.dtype)
    identity = ops.reshape(identity, (side, 1, 1, 1, side, 1))
    blocks = ops.reshape(kernel, (*outer, 1, side, per_child, parents, 1, side)) * identity
    return ops.reshape(blocks, (*outer, side * side, per_child, parents, side * side))
