"""Dynamic routing of dense capsules by passes over the votes, with its gradient written out."""

import functools

import keras
from keras import ops

from capszoo.kernels.tiles import scan_tiles
from capszoo.kernels.vjp import custom_vjp
from capszoo.ops import couple
from capszoo.ops import squash as squash_by_kind
from capszoo.ops import squash_vjp
from capszoo.ops import uniform_coupling


def route_by_passes(
    passes,
    children,
    kernel,
    bias,
    iterations,
    stop_gradient=False,
    squash="standard",
    return_coupling=False,
    rows=None,
):
    """Computes what `route_in_tiles` does, by the same equations, in another order.

    A child's coupling depends on its own votes alone. So an iteration is one pass over the
    children: the votes of some are made, compared with the parents of the iteration before,
    summed up and forgotten; the next iteration makes them again, forward and backward. The
    first iteration, whose coupling is uniform, is one product of children and kernel; the
    gradient of the votes does not depend on votes, so that it takes two products more.

    Args:
        passes: `capszoo.kernels.vote_passes.DynamicVotePasses`.
        children: As in `route_in_tiles`.
        kernel: As in `route_in_tiles`.
        bias: As in `route_in_tiles`.
        iterations: As in `DynamicRouting`.
        stop_gradient: As in `DynamicRouting`. Defaults to `False`.
        squash: As in `DynamicRouting`. Defaults to `"standard"`.
        return_coupling: As in `DynamicRouting`. Defaults to `False`.
        rows: How many samples a pass takes at once. Defaults to all of them.

    Returns:
        As `route_in_tiles`.
    """
    children, kernel, bias = map(ops.convert_to_tensor, (children, kernel, bias))
    inputs, _, parents, pose_dim = kernel.shape
    dtype = keras.backend.standardize_dtype(children.dtype)
    wide = keras.backend.result_type(dtype, "float32")
    parents_of = functools.partial(squash_by_kind, kind=squash)
    uniform = uniform_coupling(parents, passes.leaky)
    if rows is None:
        rows = children.shape[0]

    def forward(children, kernel, bias):
        sums = [passes.sum_votes(children, kernel) * uniform + bias]
        logits = []
        for _ in range(iterations - 1):
            total, new = passes.iterate(children, kernel, parents_of(sums[-1]), *logits[-1:])
            sums.append(total + bias)
            logits.append(new)
        return sums, logits

    def backward(children, kernel, sums, logits, poses_gradient, coupling_gradient):
        """Returns the gradients of children, kernel and bias."""
        couplings, coefficients = [], []
        logits_gradient, bias_gradient = (), 0.0
        if coupling_gradient is not None and logits:
            logits_gradient = (_softmax_vjp(logits[-1], coupling_gradient, passes.leaky),)
        for iteration in reversed(range(iterations)):
            sum_gradient = squash_vjp(sums[iteration], poses_gradient, squash)
            bias_gradient = bias_gradient + ops.sum(sum_gradient, axis=0)
            seen = not stop_gradient or iteration == iterations - 1
            if iteration == 0:
                if seen:
                    coupling = ops.full((1, inputs, 1), uniform, dtype=wide)
                    coefficients.append((coupling, sum_gradient))
                break
            poses_gradient, *logits_gradient = passes.iterate_vjp(
                children, kernel, sum_gradient, logits[iteration - 1], *logits_gradient
            )
            if seen:
                couplings.append((logits[iteration - 1], sum_gradient))
            if not stop_gradient:
                coefficients.append((logits_gradient[0], parents_of(sums[iteration - 1])))
        return *passes.votes_vjp(children, kernel, couplings, coefficients), bias_gradient

    def forward_all(children, kernel, bias):
        def forward_tile(carry, children):
            sums, logits = forward(children, kernel, bias)
            return carry, (parents_of(sums[-1]), *sums, *logits)

        _, (result, *residuals) = scan_tiles(forward_tile, (), (children,), rows)
        if return_coupling:
            if iterations > 1:
                coupling = couple(_parents_first(residuals[-1]), passes.leaky)
            else:
                coupling = ops.full((ops.shape(result)[0], parents, inputs), uniform, dtype=wide)
            # As one tensor: Keras gives a gradient of its own to functions with one result.
            result = ops.concatenate([result, coupling], axis=-1)
        return ops.cast(result, dtype), residuals

    def backward_all(arguments, residuals, upstream):
        children, kernel, bias = arguments

        def backward_tile(carry, children, upstream, *residuals):
            children_gradient, *new = backward(
                children,
                kernel,
                residuals[:iterations],
                residuals[iterations:],
                upstream[..., :pose_dim],
                upstream[..., pose_dim:] if return_coupling else None,
            )
            carry = tuple(old + ops.cast(one, wide) for old, one in zip(carry, new, strict=True))
            return carry, (children_gradient,)

        (kernel_gradient, bias_gradient), (children_gradient,) = scan_tiles(
            backward_tile,
            (ops.zeros(kernel.shape, dtype=wide), ops.zeros(bias.shape, dtype=wide)),
            (children, ops.cast(upstream, wide), *residuals),
            rows,
        )
        return children_gradient, ops.cast(kernel_gradient, dtype), bias_gradient

    routed = custom_vjp(forward_all, backward_all)
    result = routed(children, ops.cast(kernel, dtype), ops.cast(bias, wide))
    if return_coupling:
        return result[..., :pose_dim], result[..., pose_dim:]
    return result


def _parents_first(array):
    return ops.swapaxes(array, -1, -2)


def _softmax_vjp(logits, coupling_gradient, leaky):
    coupling = couple(_parents_first(logits), leaky)
    inner = coupling * coupling_gradient
    return _parents_first(inner - coupling * ops.sum(inner, axis=-2, keepdims=True))
