"""Cluster routing of votes that are never made all at once, with its gradient written out."""

import keras
import numpy as np
from keras import ops

from capszoo.device import runs_on_cpu
from capszoo.kernels.tiles import rows_per_tile
from capszoo.kernels.tiles import scan_and_keep
from capszoo.kernels.vjp import custom_vjp
from capszoo.ops import contiguous

# Of the sum that a vote is: longer ones take more time to make than to write down and read.
_MIN_SUM_TO_KEEP = 64
# Each is an operation to compile.
_MAX_SLICES = 16


def supports(votes, **_):
    """Tells whether each child's votes are one product of its own."""
    return votes.separable


def run(votes, variance_epsilon, return_coupling):
    """Computes what `ClusterRouting` does, see `combine_in_tiles`."""
    children = votes.children()
    outer = votes.geometry.positions
    outputs = combine_in_tiles(
        ops.reshape(children, (-1, *children.shape[-3:])),
        votes.kernel_per_child(),
        votes.offset,
        variance_epsilon,
        return_coupling=return_coupling,
        keep_votes=False if votes.recompute else None,
    )

    def with_outer_axes(output):
        return ops.reshape(output, (-1, *outer, *output.shape[1:]))

    return keras.tree.map_structure(with_outer_axes, outputs)


def combine_in_tiles(
    children,
    kernel,
    offset,
    variance_epsilon,
    return_coupling=False,
    rows=None,
    keep_votes=None,
):
    """Computes what `ClusterRouting` makes of the votes of children by a kernel.

    The votes are made a few rows at a time and combined while they are in the caches; the
    gradient finds them kept, or makes them again. An orthogonal change of basis among the `K`
    votes of a cluster leaves the sum of their squares as it is. In one whose first vector is
    constant, the first vote is the centroid times the root of `K`, and the others hold all of
    the variance: no vote is compared with a mean. With `u[k]` the votes in that basis, `s` the
    deviations, the roots of the variances, `q` the weights over the children, `total` their sum
    before normalization and `d` for a gradient,

        du[0] = q dpose / sqrt(K)
        dw    = (m dpose - pose dpose) / total         of the weight w = 1 / s
        du[k] = -dw u[k] / (K s ** 3)

    Args:
        children: Tensor of shape `(rows, places, children, child_dim)`: each child is seen at
            so many places at once, a window's.
        kernel: Tensor of shape `(children, places * child_dim, votes_per_child, parents,
            pose_dim)`.
        offset: Tensor of shape `(parents, children * votes_per_child, pose_dim)`, with a second
            axis of 1 for all votes alike, that is added to the votes; `None` for nothing.
        variance_epsilon: Number that is added to every variance.
        return_coupling: As in `ClusterRouting`. Defaults to `False`.
        rows: How many rows a tile has. Defaults to what suits the size of their votes.
        keep_votes: Whether the votes are kept for the gradient, instead of being made again.
            Defaults to what takes less time.

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
    if keep_votes is None:
        keep_votes = summed >= _MIN_SUM_TO_KEEP and _keeps_votes()

    def make_votes(children, kernels):
        """Returns the children `(children, rows, summed)`, the first votes and the others.

        The votes are apart, `(children, rows, width)` and the others next to each other in the
        last axis, so that their gradients need not be joined.
        """
        children = contiguous(ops.transpose(children, (2, 0, 1, 3)))
        children = ops.reshape(children, (inputs, -1, summed))
        if offset is not None:
            children = ops.concatenate([children, ops.ones_like(children[..., :1])], axis=-1)
        return children, *(ops.cast(ops.matmul(children, kernel), wide) for kernel in kernels)

    def forward(first, others):
        centroids = first * per_child**-0.5
        variances = _sum_of_squares(others, per_child - 1) / per_child
        deviations = ops.sqrt(variances + variance_epsilon)
        weights = 1.0 / deviations
        return centroids, deviations, weights, _sum_of_children(weights)

    def results(first, others):
        centroids, _, weights, total = forward(first, others)
        poses = _sum_of_children(weights * centroids) / total
        if not return_coupling:
            return poses
        shares = ops.reshape(weights / total, (inputs, -1, parents, pose_dim))
        coupling = ops.mean(shares, axis=-1)
        coupling = ops.reshape(ops.transpose(coupling, (1, 2, 0)), (-1, parents * inputs))
        # As one tensor: Keras gives a gradient of its own to functions with one result.
        return ops.concatenate([poses, coupling], axis=-1)

    def backward(first, others, upstream):
        """Returns the gradients of the votes."""
        centroids, deviations, weights, total = forward(first, others)
        poses_gradient = upstream[:, :width]
        shares_gradient = centroids * poses_gradient
        if return_coupling:
            coupling = ops.reshape(upstream[:, width:], (-1, parents, inputs)) / pose_dim
            coupling = ops.repeat(ops.transpose(coupling, (2, 0, 1)), pose_dim, axis=-1)
            shares_gradient = shares_gradient + coupling
        mean = _sum_of_children(weights * shares_gradient) / total
        first_gradient = weights * (poses_gradient * per_child**-0.5 / total)
        # Divided last, by what differs between children: XLA does such a division once, not anew
        # for each of the votes it is needed for.
        cubes = deviations * deviations * deviations
        scales = (mean - shares_gradient) / (cubes * total * per_child)
        others = ops.reshape(others, (inputs, -1, per_child - 1, width))
        others_gradient = ops.reshape(
            others * ops.expand_dims(scales, 2), (inputs, -1, (per_child - 1) * width)
        )
        return first_gradient, others_gradient

    def forward_all(children, *kernels):
        def forward_tile(carry, _, children):
            _, *votes = make_votes(children, kernels)
            return carry, (results(*votes),), tuple(votes) if keep_votes else ()

        _, (result,), residuals = scan_and_keep(forward_tile, (), (children,), rows)
        return ops.cast(result, dtype), residuals

    def backward_all(arguments, residuals, upstream):
        children, *kernels = arguments

        def backward_tile(carry, residuals, children, upstream):
            children, *votes = make_votes(children, () if keep_votes else kernels)
            votes = votes or residuals
            votes_gradients = [ops.cast(one, dtype) for one in backward(*votes, upstream)]
            transposed = ops.transpose(children, (0, 2, 1))
            carry = tuple(
                total + ops.cast(ops.matmul(transposed, one), wide)
                for total, one in zip(carry, votes_gradients, strict=True)
            )
            gradient = sum(
                ops.matmul(one, ops.transpose(kernel, (0, 2, 1)))
                for one, kernel in zip(votes_gradients, kernels, strict=True)
            )
            gradient = ops.reshape(gradient[..., :summed], (inputs, -1, places, child_dim))
            return carry, (ops.transpose(gradient, (1, 2, 0, 3)),), ()

        zeros = tuple(ops.zeros(kernel.shape, dtype=wide) for kernel in kernels)
        arrays = (children, ops.cast(upstream, wide))
        sums, (children_gradient,), _ = scan_and_keep(backward_tile, zeros, arrays, rows, residuals)
        return children_gradient, *(ops.cast(one, dtype) for one in sums)

    kernel = ops.reshape(ops.cast(kernel, wide), (inputs, summed, per_child, width))
    if offset is not None:
        # The product adds it: it is what one more number of each child, always 1, is multiplied by.
        per_vote = (parents, inputs * per_child, pose_dim)
        last_rows = ops.broadcast_to(ops.cast(offset, wide), per_vote)
        last_rows = ops.reshape(last_rows, (parents, inputs, per_child, pose_dim))
        last_rows = ops.transpose(last_rows, (1, 2, 0, 3))
        last_rows = ops.reshape(last_rows, (inputs, 1, per_child, width))
        kernel = ops.concatenate([kernel, last_rows], axis=1)
    kernels = (ops.cast(one, dtype) for one in _in_orthogonal_basis(kernel))
    result = custom_vjp(forward_all, backward_all)(children, *kernels)
    poses = ops.reshape(result[:, :width], (-1, parents, pose_dim))
    if not return_coupling:
        return poses
    return poses, ops.reshape(result[:, width:], (-1, parents, inputs))


def _keeps_votes():
    """Tells whether votes that took long to make are kept for the gradient.

    A training step of the network for CIFAR-10 then takes 0.9 times as long on a CPU, 0.87 with
    PyTorch; with TensorFlow, which copies what its loops keep, as long as before.
    """
    if not runs_on_cpu() or keras.backend.backend() == "tensorflow":
        return False
    if keras.backend.backend() == "torch":
        import torch

        return torch.is_grad_enabled()
    return True


def _sum_of_squares(votes, number):
    """Sums the squares of votes that lie next to each other in the last axis."""
    if _sums_slices(number):
        return sum(ops.square(part) for part in ops.split(votes, number, axis=-1))
    votes = ops.reshape(votes, (votes.shape[0], -1, number, votes.shape[-1] // number))
    return ops.sum(ops.square(votes), axis=-2)


def _sum_of_children(array):
    number = array.shape[0]
    if _sums_slices(number):
        return sum(array[child] for child in range(number))
    return ops.sum(array, axis=0)


def _sums_slices(number):
    """Tells whether a sum over a short axis is written out as one of its slices.

    XLA compiles that into one loop together with what comes before and after, and of a sum over
    an axis makes a kernel of its own: 8192 rows of 4 children with 8 votes for 4 parents of 24
    take half the time on a CPU, forward and backward. The others start an operation for each.
    """
    return keras.backend.backend() == "jax" and runs_on_cpu() and number <= _MAX_SLICES


def _in_orthogonal_basis(array):
    """Changes the basis of the third of four axes.

    Returns:
        What belongs to the first vector, `(..., width)`, and to the others, next to each other.
    """
    outer, size = array.shape[:2], array.shape[2]
    basis = ops.convert_to_tensor(_orthogonal_basis(size), dtype=array.dtype)
    # A basis for each: of one for all, XLA makes one product of arrays that it transposes first.
    basis = ops.broadcast_to(basis, (*outer, size, size))
    vectors = basis[:, :, :1], basis[:, :, 1:]
    return [ops.reshape(ops.matmul(some, array), (*outer, -1)) for some in vectors]


def _orthogonal_basis(size):
    """Helmert's: a constant vector, then each number against the mean of those before it."""
    basis = np.tril(np.ones((size, size)))
    basis[0] = 1
    for row in range(1, size):
        basis[row, row] = -row
    return basis / np.linalg.norm(basis, axis=-1, keepdims=True)
