"""Routing by mixtures of votes that are made, and differentiated, a few samples at a time."""

import math

import keras
from keras import ops

from capszoo.kernels.mixture_vjp import Residuals
from capszoo.kernels.mixture_votes import VotesSource
from capszoo.kernels.mixture_votes import parents_first
from capszoo.kernels.mixture_votes import parents_last
from capszoo.kernels.tiles import chunks_per_tile
from capszoo.kernels.tiles import rows_per_tile
from capszoo.kernels.tiles import scan_tiles
from capszoo.kernels.vjp import custom_vjp
from capszoo.ops import contiguous
from capszoo.ops import widen


def supports(votes, **_):
    """Tells whether each child's votes are one product of its own, of one vote a child."""
    return votes.separable and votes.offset is None and votes.kernel.shape[-3] == 1


def run(votes, activations, steps, parameters):
    """Computes what the steps say, see `route_by_mixture_in_tiles`."""
    children, kernel = votes.children(), ops.squeeze(votes.kernel_per_child(), 2)
    *outer, places, inputs, child_dim = children.shape[1:]
    # A child's places are as good as a longer pose.
    children = ops.swapaxes(children, -3, -2)
    children = ops.reshape(children, (-1, *outer, inputs, places * child_dim))
    return route_by_mixture_in_tiles(steps, children, kernel, activations, *parameters)


def route_by_mixture_in_tiles(
    steps, children, kernel, activations, *parameters, rows=None, chunks=None
):
    """Computes what the steps of a routing make of the votes of children by a kernel.

    Args:
        steps: `capszoo.kernels.mixture_vjp.MixtureSteps`.
        children: Tensor of shape `(batch, *spatial, children, child_dim)`.
        kernel: Tensor of shape `(children, child_dim, parents, pose_dim)`.
        activations: Tensor of shape `(batch, *spatial, children)`.
        *parameters: Tensors of shape `(parents,)`.
        rows: How many samples a tile has. Defaults to what suits the size of their votes.
        chunks: How many chunks of parents a tile has, a divisor of their number. Defaults to
            what suits the size of the votes of a parent.

    Returns:
        The outputs of the steps, of shape `(batch, *spatial, parents, ...)`, in float32, of votes
        of the dtype of the children.
    """
    children, kernel = map(ops.convert_to_tensor, (children, kernel))
    *spatial, inputs, child_dim = children.shape[1:]
    _, _, parents, pose_dim = kernel.shape
    dtype = keras.backend.standardize_dtype(children.dtype)
    wide = keras.backend.result_type(dtype, "float32")
    bytes_per_parent = 4 * math.prod(spatial) * inputs * pose_dim
    if rows is None:
        rows = rows_per_tile(parents * bytes_per_parent)
    if chunks is None:
        chunks = chunks_per_tile(parents, rows * bytes_per_parent)
    size = parents // chunks

    def source(children, kernel):
        """Votes of a few samples: children `(inputs, rows, child_dim)`."""
        # Here and not in the chunks: XLA's faster products want their factors in order.
        transposed = contiguous(ops.transpose(children, (0, 2, 1)))

        def make(kernel):
            votes = ops.matmul(children, kernel[0])
            votes = ops.reshape(votes, (inputs, -1, size, pose_dim))
            return widen(contiguous(ops.transpose(votes, (2, 1, 0, 3))), wide)

        def collect(collected, kernel, votes_gradient):
            gradient = contiguous(ops.transpose(votes_gradient, (2, 1, 0, 3)))
            gradient = ops.cast(ops.reshape(gradient, (inputs, -1, size * pose_dim)), dtype)
            kernel_gradient = ops.matmul(transposed, gradient)
            gradient = ops.matmul(gradient, ops.transpose(kernel[0], (0, 2, 1)))
            return (collected[0] + ops.cast(gradient, wide),), ops.expand_dims(kernel_gradient, 0)

        def start():
            return (ops.zeros_like(children, dtype=wide),)

        return VotesSource(parents, kernel, chunks, make, start, collect)

    def by_child(children):
        children = ops.reshape(children, (-1, inputs, child_dim))
        return contiguous(ops.transpose(children, (1, 0, 2)))

    def forward(children, kernel, activations, *parameters):
        def forward_tile(carry, children, activations):
            activations = ops.reshape(activations, (-1, inputs))
            votes = source(by_child(children), kernel)
            residuals = steps.forward(votes, activations, *parameters)
            outputs = (
                steps.result(residuals, *parameters),
                *(part for one in residuals for part in one),
            )
            return carry, tuple(parents_last(output, spatial) for output in outputs)

        _, (result, *residuals) = scan_tiles(forward_tile, (), (children, activations), rows)
        return result, residuals

    def backward(arguments, residuals, upstream):
        children, kernel, activations, *parameters = arguments

        def backward_tile(carry, children, activations, upstream, *residuals):
            first_parents = [
                parents_first(one, trailing=len(one.shape) - len(spatial) - 2) for one in residuals
            ]
            number = len(Residuals._fields)
            iterations = [
                _without_zeros(Residuals(*first_parents[start : start + number]))
                for start in range(0, len(residuals), number)
            ]
            (children_gradient,), kernel_gradient, activations_gradient, *gradients = (
                steps.backward(
                    source(by_child(children), kernel),
                    ops.reshape(activations, (-1, inputs)),
                    parameters,
                    iterations,
                    parents_first(upstream),
                )
            )
            new = (ops.cast(kernel_gradient, wide), *gradients)
            children_gradient = ops.transpose(children_gradient, (1, 0, 2))
            return tuple(old + part for old, part in zip(carry, new, strict=True)), (
                ops.reshape(children_gradient, (-1, *spatial, inputs, child_dim)),
                ops.reshape(activations_gradient, (-1, *spatial, inputs)),
            )

        zeros = tuple(ops.zeros(one.shape, dtype=wide) for one in (kernel, *parameters))
        sums, (children_gradient, activations_gradient) = scan_tiles(
            backward_tile, zeros, (children, activations, upstream, *residuals), rows
        )
        kernel_gradient, *gradients = sums
        children_gradient, kernel_gradient = (
            ops.cast(one, dtype) for one in (children_gradient, kernel_gradient)
        )
        return (children_gradient, kernel_gradient, activations_gradient, *gradients)

    kernel = ops.reshape(ops.cast(kernel, dtype), (inputs, child_dim, chunks, size * pose_dim))
    kernel = ops.transpose(kernel, (2, 0, 1, 3))
    others = (ops.cast(one, wide) for one in (activations, *parameters))
    result = custom_vjp(forward, backward)(children, kernel, *others)
    return steps.outputs(result, pose_dim)


def _without_zeros(residuals):
    """The iteration as it was, but with ones to divide by in rows that only fill up a tile."""
    fills = ops.equal(residuals.mass, 0.0)
    return residuals._replace(
        mass=ops.where(fills, 1.0, residuals.mass),
        variances=ops.where(ops.expand_dims(fills, -1), 1.0, residuals.variances),
    )
