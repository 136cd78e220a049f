"""Routing of votes that are made a few rows at a time, whose gradient is few outer products."""

import keras
from keras import ops

from capszoo.kernels.tiles import scan_tiles
from capszoo.kernels.vjp import custom_vjp
from capszoo.ops import contiguous


def route_votes_in_tiles(forward, backward, children, kernel, weights, rows):
    """Routes votes that never leave the caches as a whole; the gradient makes them again.

    Votes come as `(rows, parents, children, pose_dim)`, in float32 whatever the children are.

    Args:
        forward: Function of votes and weights. It returns the result, one tensor with a row for
            each of the votes', and a list of residuals of as many rows.
        backward: Function of votes, the list of residuals, the gradient of the result and the
            weights. It returns the gradient of the votes as the factors of outer products, a list
            of `(rows, parents, children)` and one of `(rows, parents, pose_dim)`, and a list of
            gradients of the weights, which rows of zeros leave as they are.
        children: Tensor of shape `(rows, children, child_dim)`.
        kernel: Tensor of shape `(children, child_dim, parents, pose_dim)`.
        weights: List of tensors, the weights of the routing.
        rows: How many rows a tile has.

    Returns:
        The result for all rows, in the dtype of the children.
    """
    children, kernel, *weights = map(ops.convert_to_tensor, (children, kernel, *weights))
    inputs, child_dim, parents, pose_dim = kernel.shape
    dtype = keras.backend.standardize_dtype(children.dtype)
    wide = keras.backend.result_type(dtype, "float32")

    def make_votes(children, kernel):
        votes = ops.reshape(ops.matmul(children, kernel), (inputs, -1, parents, pose_dim))
        return ops.cast(contiguous(ops.transpose(votes, (1, 2, 0, 3))), wide)

    def by_child(children):
        return contiguous(ops.transpose(children, (1, 0, 2)))

    def forward_all(children, kernel, *weights):
        def forward_tile(carry, children):
            result, residuals = forward(make_votes(by_child(children), kernel), weights)
            return carry, (result, *residuals)

        _, (result, *residuals) = scan_tiles(forward_tile, (), (children,), rows)
        return ops.cast(result, dtype), residuals

    def backward_all(arguments, residuals, upstream):
        children, kernel, *weights = arguments
        transposed_kernel = ops.transpose(kernel, (0, 2, 1))

        def backward_tile(carry, children, upstream, *residuals):
            children = by_child(children)
            votes = make_votes(children, kernel)
            *factors, new = backward(votes, list(residuals), upstream, weights)
            votes_gradient = sum_of_products(*factors)
            votes_gradient = ops.reshape(votes_gradient, (inputs, -1, parents * pose_dim))
            votes_gradient = ops.cast(votes_gradient, dtype)
            children_gradient = ops.matmul(votes_gradient, transposed_kernel)
            kernel_gradient = ops.matmul(ops.transpose(children, (0, 2, 1)), votes_gradient)
            new = (ops.cast(kernel_gradient, wide), *new)
            carry = tuple(total + part for total, part in zip(carry, new, strict=True))
            return carry, (ops.transpose(children_gradient, (1, 0, 2)),)

        zeros = tuple(ops.zeros(one.shape, dtype=wide) for one in (kernel, *weights))
        arrays = (children, ops.cast(upstream, wide), *residuals)
        sums, (children_gradient,) = scan_tiles(backward_tile, zeros, arrays, rows)
        kernel_gradient, *weights_gradients = sums
        return children_gradient, ops.cast(kernel_gradient, dtype), *weights_gradients

    kernel = ops.reshape(ops.cast(kernel, dtype), (inputs, child_dim, parents * pose_dim))
    weights = [ops.cast(weight, wide) for weight in weights]
    return custom_vjp(forward_all, backward_all)(children, kernel, *weights)


def sum_of_products(coefficients, directions):
    """Sums outer products of `(rows, parents, children)` and `(rows, parents, pose_dim)`.

    The children come first in the result: `(children, rows, parents, pose_dim)`.
    """
    if keras.backend.backend() == "jax":
        # Fused into one pass that writes in place.
        return sum(
            ops.expand_dims(ops.transpose(coefficient, (2, 0, 1)), -1) * direction
            for coefficient, direction in zip(coefficients, directions, strict=True)
        )
    coefficients = ops.transpose(ops.stack(coefficients, axis=2), (0, 1, 3, 2))
    products = ops.matmul(coefficients, ops.stack(directions, axis=2))
    return contiguous(ops.transpose(products, (2, 0, 1, 3)))
