"""EM routing of votes that are made, and whose gradient is made, a few samples at a time."""

import math

import keras
from keras import ops

from capszoo.ops import contiguous
from capszoo.ops import rows_per_tile
from capszoo.ops import scan_tiles
from capszoo.routing.written_em import Iteration


def route_by_em_in_tiles(
    steps, children, kernel, activations, beta_use, beta_activation, rows=None
):
    """Computes what `EMRouting` makes of the votes of children by a kernel.

    Args:
        steps: `capszoo.routing.written_em.EMSteps`.
        children: Tensor of shape `(batch, *spatial, children, child_dim)`.
        kernel: Tensor of shape `(children, child_dim, parents, pose_dim)`.
        activations: Tensor of shape `(batch, *spatial, children)`.
        beta_use: Tensor of shape `(parents,)`.
        beta_activation: Tensor of shape `(parents,)`.
        rows: How many samples a tile has. Defaults to what suits the size of their votes.

    Returns:
        Poses of shape `(batch, *spatial, parents, pose_dim)` and activations without the last
        axis, in float32 from votes of the dtype of the children; where asked for also the
        coupling `(batch, *spatial, parents, children)`.
    """
    children, kernel = map(ops.convert_to_tensor, (children, kernel))
    *spatial, inputs, child_dim = children.shape[1:]
    _, _, parents, pose_dim = kernel.shape
    dtype = keras.backend.standardize_dtype(children.dtype)
    wide = keras.backend.result_type(dtype, "float32")
    if rows is None:
        rows = rows_per_tile(4 * math.prod(spatial) * parents * inputs * pose_dim)

    def by_child(children):
        children = ops.reshape(children, (-1, inputs, child_dim))
        return contiguous(ops.transpose(children, (1, 0, 2)))

    def make_votes(children, kernel):
        votes = ops.matmul(children, kernel)
        votes = ops.reshape(votes, (inputs, -1, parents, pose_dim))
        votes = ops.cast(contiguous(ops.transpose(votes, (1, 2, 0, 3))), wide)
        return ops.reshape(votes, (-1, *spatial, parents, inputs, pose_dim))

    @ops.custom_gradient
    def routed(children, kernel, activations, beta_use, beta_activation):
        def forward_tile(carry, children, activations):
            votes = make_votes(by_child(children), kernel)
            kept = steps.forward(votes, activations, beta_use, beta_activation)
            return carry, (steps.result(kept), *(part for one in kept for part in one))

        _, (result, *kept) = scan_tiles(forward_tile, (), (children, activations), rows)

        def gradient(*arguments, upstream=None):
            if upstream is None:
                (upstream,) = arguments

            def backward_tile(carry, children, activations, upstream, *kept):
                size = len(Iteration._fields)
                kept = [
                    _without_zeros(Iteration(*kept[start : start + size]))
                    for start in range(0, len(kept), size)
                ]
                children = by_child(children)
                votes = make_votes(children, kernel)
                votes_gradient, activations_gradient, *betas_gradients = steps.backward(
                    votes, activations, kept, upstream
                )
                votes_gradient = ops.reshape(votes_gradient, (-1, parents, inputs, pose_dim))
                votes_gradient = contiguous(ops.transpose(votes_gradient, (2, 0, 1, 3)))
                votes_gradient = ops.reshape(votes_gradient, (inputs, -1, parents * pose_dim))
                votes_gradient = ops.cast(votes_gradient, dtype)
                children_gradient = ops.matmul(votes_gradient, ops.transpose(kernel, (0, 2, 1)))
                children_gradient = ops.transpose(children_gradient, (1, 0, 2))
                kernel_gradient = ops.matmul(ops.transpose(children, (0, 2, 1)), votes_gradient)
                new = (ops.cast(kernel_gradient, wide), *betas_gradients)
                return tuple(old + part for old, part in zip(carry, new, strict=True)), (
                    ops.reshape(children_gradient, (-1, *spatial, inputs, child_dim)),
                    activations_gradient,
                )

            zeros = tuple(
                ops.zeros(one.shape, dtype=wide) for one in (kernel, beta_use, beta_activation)
            )
            sums, (children_gradient, activations_gradient) = scan_tiles(
                backward_tile, zeros, (children, activations, upstream, *kept), rows
            )
            kernel_gradient, *betas_gradients = sums
            kernel_gradient = ops.cast(kernel_gradient, dtype)
            return (children_gradient, kernel_gradient, activations_gradient, *betas_gradients)

        return result, gradient

    kernel = ops.reshape(ops.cast(kernel, dtype), (inputs, child_dim, parents * pose_dim))
    others = (ops.cast(one, wide) for one in (activations, beta_use, beta_activation))
    return steps.outputs(routed(children, kernel, *others), pose_dim)


def _without_zeros(kept):
    """The iteration as it was, but with ones to divide by in rows that only fill up a tile."""
    fills = ops.equal(kept.mass, 0.0)
    return kept._replace(
        mass=ops.where(fills, 1.0, kept.mass),
        variances=ops.where(ops.expand_dims(fills, -1), 1.0, kept.variances),
    )
