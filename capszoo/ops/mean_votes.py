"""The mean of the votes of a window's children, which is one convolution: no vote is made."""

import math

from keras import ops

from capszoo.ops.transposed_votes import transposed_type_votes
from capszoo.ops.votes import type_votes


def mean_of_conv_votes(poses, kernel, strides=1, padding="valid", votes_from="types"):
    """Computes the mean over the children of `type_votes`, or of `position_votes`.

    Types that share a transform are one type, the mean of their poses; the poses of types that do
    not are one pose.

    Args:
        poses: Tensor of shape `(batch, *size, types, child_dim)`.
        kernel: Tensor of shape `(types, *kernel_size, child_dim, 1, parents, pose_dim)`, or with
            the types after the kernel's sizes where votes are from positions; 1 for `types` where
            the transform is shared.
        strides: Step between windows in positions, one integer or one for each axis.
            Defaults to `1`.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.
        votes_from: `"types"` or `"positions"`, whose votes it is the mean of. Defaults to
            `"types"`.

    Returns:
        Tensor of shape `(batch, *new_size, parents, pose_dim)`.

    Example:

    >>> poses, kernel = np.ones((4, 9, 5, 8), "float32"), np.ones((5, 3, 8, 1, 10, 16), "float32")
    >>> tuple(capszoo.ops.mean_votes.mean_of_conv_votes(poses, kernel).shape)
    (4, 7, 10, 16)
    """
    by_position = votes_from == "positions"
    poses, kernel = _as_one_type(poses, kernel, len(poses.shape) - 3 if by_position else 0)
    # The vote of a type is a sum over the places of its window; those of positions are many votes.
    votes = 1 if not by_position else math.prod(kernel.shape[1:-4])
    return ops.squeeze(type_votes(poses, kernel / votes, strides, padding), -2)


def mean_of_transposed_type_votes(poses, kernel, strides=1, padding="valid"):
    """Computes the mean over the children of `capszoo.ops.transposed_type_votes`.

    Args:
        poses: As in `mean_of_conv_votes`.
        kernel: As in `mean_of_conv_votes`, for votes from types.
        strides: How many positions of parents there are for one of children, one integer or one
            for each axis. Defaults to `1`.
        padding: As in `mean_of_conv_votes`. Defaults to `"valid"`.

    Returns:
        As `mean_of_type_votes`.
    """
    votes = transposed_type_votes(*_as_one_type(poses, kernel, 0), strides, padding)
    return ops.squeeze(votes, -2)


def _as_one_type(poses, kernel, axis):
    """Makes one child type of all; `axis` is which of the kernel is of the types."""
    *size, types, child_dim = poses.shape[1:]
    kernel = ops.moveaxis(kernel, axis, -5)
    *window, kernel_types, _, per_child, parents, pose_dim = kernel.shape
    channels = kernel_types * child_dim
    if kernel_types == 1:
        poses = ops.mean(poses, axis=-2, keepdims=True)
    else:
        poses, kernel = ops.reshape(poses, (-1, *size, 1, channels)), kernel / types
    return poses, ops.reshape(kernel, (1, *window, channels, per_child, parents, pose_dim))
