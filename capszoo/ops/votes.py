"""Votes: every child capsule's prediction of every parent capsule's pose.

Votes have the shape `(batch, *spatial, parents, children, pose_dim)`. A routing may ask for
several votes per child; they stand next to each other on the children axis.
"""

from keras import ops

from capszoo.ops.convolution import conv2d
from capszoo.ops.convolution import extract_patches


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
    votes = ops.transpose(votes, (1, 3, 0, 2, 4))
    return ops.reshape(votes, (-1, parents, children * per_child, pose_dim))


def conv_votes(poses, kernel, strides=1, padding="valid"):
    """Computes votes by convolving each capsule type, transforms shared over positions.

    A parent at a position gets one vote from each child *type*: the sum, over the window, of
    the transformed poses of that type.

    Args:
        poses: Tensor of shape `(batch, height, width, types, child_dim)`.
        kernel: Tensor of shape `(types, kernel_height, kernel_width, child_dim,
            votes_per_child, parents, pose_dim)`; with a first axis of size 1 the transform is
            shared by all child types.
        strides: Step between windows in positions, one integer or two. Defaults to `1`.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.

    Returns:
        Tensor of shape `(batch, new_height, new_width, parents, types * votes_per_child,
        pose_dim)`.

    Example:

    >>> poses, kernel = np.ones((4, 9, 9, 5, 8)), np.ones((1, 3, 3, 8, 1, 10, 16))
    >>> tuple(capszoo.ops.conv_votes(poses, kernel).shape)
    (4, 7, 7, 10, 5, 16)
    """
    height, width, types, child_dim = poses.shape[1:]
    kernel_types, *kernel_size, _, per_child, parents, pose_dim = kernel.shape
    outputs = per_child * parents * pose_dim
    # Types join the batch, so that a transform never mixes two of them.
    maps = ops.reshape(ops.transpose(poses, (3, 0, 1, 2, 4)), (-1, height, width, child_dim))
    if kernel_types == 1:
        flat_kernel = ops.reshape(kernel, (*kernel_size, child_dim, outputs))
        votes = conv2d(maps, flat_kernel, strides, padding)
        rows, columns = votes.shape[1:3]
    else:
        patches = extract_patches(maps, kernel_size, strides, padding)
        rows, columns, window = patches.shape[1:]
        patches = ops.reshape(patches, (types, -1, window))
        votes = ops.matmul(patches, ops.reshape(kernel, (types, window, outputs)))
    votes = ops.reshape(votes, (types, -1, rows, columns, per_child, parents, pose_dim))
    votes = ops.transpose(votes, (1, 2, 3, 5, 0, 4, 6))
    return ops.reshape(votes, (-1, rows, columns, parents, types * per_child, pose_dim))
