"""Inverted attention, a few children at a time, for XLA on a CPU."""

import keras
from keras import ops

from capszoo.device import runs_on_cpu
from capszoo.kernels import tiled_inverted_attention
from capszoo.kernels.chunked_dynamic import even_rows
from capszoo.kernels.chunked_passes import ChunkedPasses
from capszoo.kernels.tiles import scan_tiles
from capszoo.kernels.vjp import custom_vjp
from capszoo.ops import softmax_over_parents
from capszoo.ops import standardize
from capszoo.ops import standardize_vjp

# Below, a product for each child is too small to be quick.
_MIN_ROWS = 32


def supports(votes, **arguments):
    """Tells whether chunks beat tiles here."""
    rows = votes.shape[0]
    if keras.backend.backend() != "jax" or not runs_on_cpu() or not isinstance(rows, int):
        return False
    return rows >= _MIN_ROWS and tiled_inverted_attention.supports(votes, **arguments)


def run(votes, scale, bias, iterations, return_coupling=False):
    """Computes what `InvertedAttentionRouting` does, see `attend_by_passes`."""
    return tiled_inverted_attention.run_by(
        attend_in_chunks, votes, scale, bias, iterations, return_coupling
    )


def attend_in_chunks(children, kernel, scale, bias, iterations, return_coupling):
    """Does `attend_by_passes` by `ChunkedPasses`, in tiles of rows that are nearly alike."""
    rows = even_rows(children.shape[0])
    passes = ChunkedPasses()
    return attend_by_passes(
        passes, children, kernel, scale, bias, iterations, return_coupling, rows
    )


def attend_by_passes(
    passes, children, kernel, scale, bias, iterations, return_coupling=False, rows=None
):
    """Computes what `attend_in_tiles` does, by the same equations, in another order.

    An iteration is one pass over the children, as in `route_by_passes`: one of dynamic routing
    whose logits are not summed up, with the poses divided by the root of their size.

    Args:
        passes: `capszoo.kernels.vote_passes.DynamicVotePasses`.
        children: As in `attend_in_tiles`.
        kernel: As in `attend_in_tiles`.
        scale: As in `attend_in_tiles`.
        bias: As in `attend_in_tiles`.
        iterations: As in `InvertedAttentionRouting`.
        return_coupling: As in `InvertedAttentionRouting`. Defaults to `False`.
        rows: How many rows a pass takes at once. Defaults to all of them.

    Returns:
        As `attend_in_tiles`.
    """
    children, kernel, scale, bias = map(ops.convert_to_tensor, (children, kernel, scale, bias))
    inputs, _, parents, pose_dim = kernel.shape
    dtype = keras.backend.standardize_dtype(children.dtype)
    wide = keras.backend.result_type(dtype, "float32")
    root = pose_dim**0.5
    if rows is None:
        rows = children.shape[0]

    def forward(children, kernel, scale, bias):
        sums, logits = [passes.sum_votes(children, kernel) / parents], []
        for _ in range(iterations - 1):
            poses = standardize(sums[-1]) * scale + bias
            total, new = passes.iterate(children, kernel, poses / root)
            sums.append(total)
            logits.append(new)
        return sums, logits

    def backward(weights, sums, logits, poses_gradient, coupling_gradient):
        """Returns the gradients of children, kernel, scale and bias."""
        children, kernel, scale, bias = weights
        couplings, coefficients = [], []
        scale_gradient = bias_gradient = 0.0
        logits_gradient = ()
        if coupling_gradient is not None and logits:
            logits_gradient = (_softmax_vjp(logits[-1], coupling_gradient),)
        for iteration in reversed(range(iterations)):
            standardized = standardize(sums[iteration])
            scale_gradient += ops.sum(poses_gradient * standardized, axis=(0, 1))
            bias_gradient += ops.sum(poses_gradient, axis=(0, 1))
            sum_gradient = standardize_vjp(sums[iteration], poses_gradient * scale)
            if iteration == 0:
                uniform = ops.full((1, inputs, 1), 1.0 / parents, dtype=wide)
                coefficients.append((uniform, sum_gradient))
                break
            query_gradient, new = passes.iterate_vjp(
                children, kernel, sum_gradient, logits[iteration - 1], *logits_gradient
            )
            logits_gradient = ()
            couplings.append((logits[iteration - 1], sum_gradient))
            poses = standardize(sums[iteration - 1]) * scale + bias
            coefficients.append((new, poses / root))
            poses_gradient = query_gradient / root
        gradients = passes.votes_vjp(children, kernel, couplings, coefficients)
        return *gradients, scale_gradient, bias_gradient

    def forward_all(children, kernel, scale, bias):
        def forward_tile(carry, children):
            sums, logits = forward(children, kernel, scale, bias)
            return carry, (standardize(sums[-1]) * scale + bias, *sums, *logits)

        _, (result, *residuals) = scan_tiles(forward_tile, (), (children,), rows)
        if return_coupling:
            if iterations > 1:
                coupling = softmax_over_parents(_parents_first(residuals[-1]))
            else:
                shape = (ops.shape(result)[0], parents, inputs)
                coupling = ops.full(shape, 1.0 / parents, dtype=wide)
            # As one tensor: Keras gives a gradient of its own to functions with one result.
            result = ops.concatenate([result, coupling], axis=-1)
        return ops.cast(result, dtype), residuals

    def backward_all(arguments, residuals, upstream):
        children, *weights = arguments

        def backward_tile(carry, children, upstream, *residuals):
            children_gradient, *new = backward(
                (children, *weights),
                residuals[:iterations],
                residuals[iterations:],
                upstream[..., :pose_dim],
                upstream[..., pose_dim:] if return_coupling else None,
            )
            carry = tuple(old + ops.cast(one, wide) for old, one in zip(carry, new, strict=True))
            return carry, (children_gradient,)

        zeros = tuple(ops.zeros(one.shape, dtype=wide) for one in weights)
        arrays = (children, ops.cast(upstream, wide), *residuals)
        sums, (children_gradient,) = scan_tiles(backward_tile, zeros, arrays, rows)
        kernel_gradient, *others = sums
        return children_gradient, ops.cast(kernel_gradient, dtype), *others

    wide_weights = (ops.cast(one, wide) for one in (scale, bias))
    attend = custom_vjp(forward_all, backward_all)
    result = attend(children, ops.cast(kernel, dtype), *wide_weights)
    return (result[..., :pose_dim], result[..., pose_dim:])[: 1 + return_coupling]


def _parents_first(array):
    return ops.swapaxes(array, -1, -2)


def _softmax_vjp(logits, coupling_gradient):
    coupling = softmax_over_parents(_parents_first(logits))
    inner = coupling * coupling_gradient
    return _parents_first(inner - coupling * ops.sum(inner, axis=-2, keepdims=True))
