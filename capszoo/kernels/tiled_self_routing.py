"""Self-routing without votes: children are weighted first and transformed afterwards."""

import math

import keras
from keras import ops

from capszoo.kernels.tiles import rows_per_tile
from capszoo.kernels.tiles import scan_tiles
from capszoo.kernels.vjp import custom_vjp
from capszoo.ops import activations_and_shares
from capszoo.ops import contiguous
from capszoo.ops import gate

# Numbers in the votes of a sample: fewer of them are made at once as fast.
_MIN_VOTES_PER_SAMPLE = 1 << 16
# As many as large are in the caches at once. A step on JAX takes 1.5 times as long in tiles that
# are four times as large; the others do not mind.
_TENSORS_OF_A_TILE = 4


def supports(votes, **_):
    """Tells whether each child has a transform of its own, and whether votes are many."""
    return votes.separable and math.prod(votes.shape[1:]) >= _MIN_VOTES_PER_SAMPLE


def run(votes, activations, poses, logit_kernel, logit_bias, leaky, return_coupling):
    """Computes what `SelfRouting` does, see `sum_in_tiles`."""
    coupling = gate(poses, logit_kernel, logit_bias, leaky)
    activations, shares = activations_and_shares(coupling, ops.cast(activations, "float32"))
    *outer, children, child_dim = poses.shape[1:]
    kernel = ops.squeeze(votes.kernel_per_child(), -3)
    parents = sum_in_tiles(
        ops.reshape(poses, (-1, children, child_dim)),
        ops.reshape(shares, (-1, *shares.shape[-2:])),
        kernel,
    )
    if votes.offset is not None:
        of_votes = ops.cast(votes.offset, "float32")
        parents = parents + _sum_of_offsets(ops.reshape(shares, (-1, *shares.shape[-2:])), of_votes)
    parents = ops.reshape(parents, (-1, *outer, *parents.shape[1:]))
    outputs = (parents, activations, *((coupling,) if return_coupling else ()))
    return tuple(ops.cast(output, votes.dtype) for output in outputs)


def sum_in_tiles(children, shares, kernel, rows=None):
    """Sums the votes of children by their shares, and makes none of the votes.

    A share is known before the votes are, so it can be a factor of the child instead:

        v[j] = sum_i shares[j, i] (u[i] @ kernel[i, :, j]) = (shares[j] * u) @ kernel[:, :, j]

    one product of matrices for each parent, whose inner axis is that of all numbers of all
    children. The weighted children are made a few rows at a time, in either direction.

    Args:
        children: Tensor of shape `(rows, children, child_dim)`.
        shares: Tensor of shape `(rows, parents, children)`, in float32.
        kernel: Tensor of shape `(children, child_dim, parents, pose_dim)`.
        rows: How many rows a tile has. Defaults to what suits the size of the weighted children.

    Returns:
        Tensor of shape `(rows, parents, pose_dim)`, in float32 from products of the dtype of the
        children.
    """
    children, shares, kernel = map(ops.convert_to_tensor, (children, shares, kernel))
    number, child_dim, parents, pose_dim = kernel.shape
    dtype = keras.backend.standardize_dtype(children.dtype)
    wide = keras.backend.result_type(dtype, "float32")
    if rows is None:
        rows = rows_per_tile(_TENSORS_OF_A_TILE * 4 * parents * number * child_dim)

    def weighted(children, shares):
        """`(parents, rows, children * child_dim)`."""
        products = ops.expand_dims(children, 0) * ops.expand_dims(ops.cast(shares, dtype), -1)
        return ops.reshape(products, (parents, -1, number * child_dim))

    def forward(children, shares, kernel):
        def forward_tile(carry, children, shares):
            total = ops.matmul(weighted(children, ops.transpose(shares, (1, 0, 2))), kernel)
            return carry, (ops.transpose(ops.cast(total, wide), (1, 0, 2)),)

        _, (result,) = scan_tiles(forward_tile, (), (children, shares), rows)
        return result, ()

    def backward(arguments, _, upstream):
        children, shares, kernel = arguments

        def backward_tile(carry, children, shares, upstream):
            shares = ops.transpose(shares, (1, 0, 2))
            upstream = contiguous(ops.transpose(ops.cast(upstream, dtype), (1, 0, 2)))
            inner = ops.transpose(weighted(children, shares), (0, 2, 1))
            kernel_gradient = carry[0] + ops.cast(ops.matmul(inner, upstream), wide)
            gradient = ops.matmul(upstream, ops.transpose(kernel, (0, 2, 1)))
            gradient = ops.cast(ops.reshape(gradient, (parents, -1, number, child_dim)), wide)
            children_gradient = ops.sum(gradient * ops.expand_dims(shares, -1), axis=0)
            shares_gradient = ops.sum(gradient * ops.cast(children, wide), axis=-1)
            return (kernel_gradient,), (
                children_gradient,
                ops.transpose(shares_gradient, (1, 0, 2)),
            )

        zeros = (ops.zeros(kernel.shape, dtype=wide),)
        (kernel_gradient,), (children_gradient, shares_gradient) = scan_tiles(
            backward_tile, zeros, (children, shares, upstream), rows
        )
        return (
            ops.cast(children_gradient, dtype),
            shares_gradient,
            ops.cast(kernel_gradient, dtype),
        )

    kernel = ops.transpose(ops.cast(kernel, dtype), (2, 0, 1, 3))
    kernel = contiguous(ops.reshape(kernel, (parents, number * child_dim, pose_dim)))
    return custom_vjp(forward, backward)(children, ops.cast(shares, wide), kernel)


def _sum_of_offsets(shares, offset):
    """Sums what is added to the votes, `(parents, children or 1, pose_dim)`, by the shares."""
    parents, _, pose_dim = offset.shape
    offset = ops.broadcast_to(offset, (parents, shares.shape[-1], pose_dim))
    return ops.transpose(ops.matmul(ops.transpose(shares, (1, 0, 2)), offset), (1, 0, 2))
