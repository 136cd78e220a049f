"""Cluster routing of votes that are never made all at once, with its gradient written out."""

import keras
import numpy as np
from keras import ops

from capszoo.ops import contiguous
from capszoo.ops import rows_per_tile
from capszoo.ops import scan_tiles

VARIANCE_EPSILON = 1e-8


def combine_in_tiles(children, kernel, offset=None, return_coupling=False, rows=None):
    """Computes what `ClusterRouting` makes of the votes of children by a kernel.

    The votes are made a few rows at a time and never leave the caches as a whole; the gradient
    makes them again. An orthogonal change of basis among the `K` votes of a cluster leaves the
    sum of their squares as it is. In one whose first vector is constant, the first vote is the
    centroid times the root of `K`, and the others hold all of the variance: no vote is compared
    with a mean. With `u[k]` the votes in that basis, `q` the weights over the children, their
    sum before normalization `total` and `d` for a gradient,

        du[0] = q dpose / sqrt(K)
        dw    = (m dpose - pose dpose) / total         of the weight w = (var + 1e-8) ** -1/2
        du[k] = -w ** 3 dw u[k] / K

    Args:
        children: Tensor of shape `(rows, places, children, child_dim)`: each child is seen at
            so many places at once, a window's.
        kernel: Tensor of shape `(children, places * child_dim, votes_per_child, parents,
            pose_dim)`.
        offset: Tensor of shape `(parents, children * votes_per_child, pose_dim)`, with a second
            axis of 1 for all votes alike, that is added to the votes; `None` for nothing.
            Defaults to `None`.
        return_coupling: As in `ClusterRouting`. Defaults to `False`.
        rows: How many rows a tile has. Defaults to what suits the size of their votes.

    Returns:
        Poses of shape `(rows, parents, pose_dim)`, in the dtype of the children; computed in
        float32 from votes of that dtype. With `return_coupling=True` also the coupling
        `(rows, parents, children)`.
    """
    children, kernel = map(ops.convert_to_tensor, (children, kernel))
    _, places, inputs, child_dim = children.shape
    _, summed, per_child, parents, pose_dim = kernel.shape
    width = parents * pose_dim
    dtype = keras.backend.standardize_dtype(children.dtype)
    wide = keras.backend.result_type(dtype, "float32")
    if rows is None:
        rows = rows_per_tile(4 * inputs * per_child * width)

    def make_votes(children, kernel, offset):
        """Returns the children too, `(children, rows, summed)`."""
        children = contiguous(ops.transpose(children, (2, 0, 1, 3)))
        children = ops.reshape(children, (inputs, -1, summed))
        votes = ops.reshape(ops.matmul(children, kernel), (inputs, -1, per_child, width))
        return children, ops.cast(votes, wide) + offset

    def forward(votes):
        centroids = votes[:, :, 0] * per_child**-0.5
        variances = ops.sum(ops.square(votes[:, :, 1:]), axis=2) / per_child
        weights = ops.rsqrt(variances + VARIANCE_EPSILON)
        total = ops.sum(weights, axis=0)
        return centroids, weights, total, weights / total

    def results(centroids, shares):
        poses = ops.sum(shares * centroids, axis=0)
        if not return_coupling:
            return poses
        coupling = ops.mean(ops.reshape(shares, (inputs, -1, parents, pose_dim)), axis=-1)
        coupling = ops.reshape(ops.transpose(coupling, (1, 2, 0)), (-1, parents * inputs))
        # As one tensor: Keras gives a gradient of its own to functions with one result.
        return ops.concatenate([poses, coupling], axis=-1)

    def backward(votes, upstream):
        """Returns the gradient of the votes."""
        centroids, weights, total, shares = forward(votes)
        poses_gradient = upstream[:, :width]
        shares_gradient = centroids * poses_gradient
        if return_coupling:
            coupling = ops.reshape(upstream[:, width:], (-1, parents, inputs)) / pose_dim
            coupling = ops.repeat(ops.transpose(coupling, (2, 0, 1)), pose_dim, axis=-1)
            shares_gradient = shares_gradient + coupling
        mean = ops.sum(shares * shares_gradient, axis=0)
        weights_gradient = (shares_gradient - mean) / total
        scales = -weights_gradient * weights * weights * weights / per_child
        first = shares * poses_gradient * per_child**-0.5
        others = votes[:, :, 1:] * ops.expand_dims(scales, 2)
        return ops.concatenate([ops.expand_dims(first, 2), others], axis=2)

    @ops.custom_gradient
    def combined(children, kernel, offset):
        def forward_tile(carry, children):
            _, votes = make_votes(children, kernel, offset)
            centroids, _, _, shares = forward(votes)
            return carry, (results(centroids, shares),)

        _, (result,) = scan_tiles(forward_tile, (), (children,), rows)

        def gradient(*arguments, upstream=None):
            if upstream is None:
                (upstream,) = arguments

            def backward_tile(carry, children, upstream):
                kernel_gradient, offset_gradient = carry
                children, votes = make_votes(children, kernel, offset)
                votes_gradient = backward(votes, upstream)
                offset_gradient = offset_gradient + ops.sum(votes_gradient, axis=1, keepdims=True)
                votes_gradient = ops.reshape(votes_gradient, (inputs, -1, per_child * width))
                votes_gradient = ops.cast(votes_gradient, dtype)
                new_kernel_gradient = ops.matmul(ops.transpose(children, (0, 2, 1)), votes_gradient)
                kernel_gradient = kernel_gradient + ops.cast(new_kernel_gradient, wide)
                gradient = ops.matmul(votes_gradient, ops.transpose(kernel, (0, 2, 1)))
                gradient = ops.reshape(gradient, (inputs, -1, places, child_dim))
                return (kernel_gradient, offset_gradient), (ops.transpose(gradient, (1, 2, 0, 3)),)

            (kernel_gradient, offset_gradient), (children_gradient,) = scan_tiles(
                backward_tile,
                (ops.zeros(kernel.shape, dtype=wide), ops.zeros(offset.shape, dtype=wide)),
                (children, ops.cast(upstream, wide)),
                rows,
            )
            return children_gradient, ops.cast(kernel_gradient, dtype), offset_gradient

        return ops.cast(result, dtype), gradient

    basis = ops.convert_to_tensor(_orthogonal_basis(per_child), dtype=wide)
    kernel = ops.reshape(ops.cast(kernel, wide), (inputs, summed, per_child, width))
    kernel = ops.reshape(ops.matmul(basis, kernel), (inputs, summed, per_child * width))
    if offset is None:
        offset = ops.zeros((inputs, 1, per_child, width), dtype=wide)
    else:
        per_vote = (parents, inputs * per_child, pose_dim)
        offset = ops.broadcast_to(ops.cast(offset, wide), per_vote)
        offset = ops.reshape(offset, (parents, inputs, per_child, pose_dim))
        offset = ops.reshape(ops.transpose(offset, (1, 2, 0, 3)), (inputs, 1, per_child, width))
        offset = ops.matmul(basis, offset)
    result = combined(children, ops.cast(kernel, dtype), offset)
    poses = ops.reshape(result[:, :width], (-1, parents, pose_dim))
    if not return_coupling:
        return poses
    return poses, ops.reshape(result[:, width:], (-1, parents, inputs))


def _orthogonal_basis(size):
    """Helmert's: a constant vector, then each number against the mean of those before it."""
    basis = np.tril(np.ones((size, size)))
    basis[0] = 1
    for row in range(1, size):
        basis[row, row] = -row
    return basis / np.linalg.norm(basis, axis=-1, keepdims=True)
