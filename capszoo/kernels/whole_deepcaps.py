"""3-D routing of votes that are all made, with its gradient written out."""

import math

import keras
from keras import ops

from capszoo.kernels.vjp import custom_vjp
from capszoo.ops import agreement
from capszoo.ops import couple
from capszoo.ops import squash
from capszoo.ops import squash_vjp
from capszoo.ops import sum_children


def supports(votes, **_):
    """Tells whether few passes over the votes beat automatic differentiation here.

    On JAX they do not: XLA fuses its passes, and these take 1.1 times as long.
    """
    return keras.backend.backend() != "jax"


def run(votes, bias, iterations, return_coupling=False):
    """Computes what `DeepCapsRouting` does, see `route_whole`."""

    def of_made(made, bias):
        return route_whole(made, bias, iterations, return_coupling)

    return votes.given_to(of_made, bias)


def route_whole(votes, bias, iterations, return_coupling=False):
    """Computes what `DeepCapsRouting` says of all votes at once.

    With `b[t]` the logits of iteration `t`, `c[t]` the coupling, `s[t]` the parents before the
    squash `v[t]` and `d` for a gradient, sums going over parents and positions,

        ds[t] = squash'(s[t]) dv[t]
        db[t] = db[t + 1] + c[t] * (votes . ds[t] - sum of c[t] * (votes . ds[t]))
        dv[t - 1] = sum over children of db[t] * votes

    and the gradient of the votes is a sum of few outer products, written once:

        dvotes[j, i] = sum over t of c[t][j, i] ds[t][j] + db[t][j, i] v[t - 1][j]

    Args:
        votes: Tensor of shape `(batch, *spatial, parents, children, pose_dim)`.
        bias: Tensor of shape `(parents, pose_dim)`, added before the squash.
        iterations: As in `DeepCapsRouting`.
        return_coupling: As in `DeepCapsRouting`. Defaults to `False`.

    Returns:
        Poses of shape `(batch, *spatial, parents, pose_dim)`, in the dtype of the votes; computed
        in float32. With `return_coupling=True` also the coupling
        `(batch, *spatial, parents, children)`.
    """
    *spatial, parents, children, pose_dim = votes.shape[1:]
    positions = math.prod(spatial)
    dtype = keras.backend.standardize_dtype(votes.dtype)
    wide = keras.backend.result_type(dtype, "float32")
    uniform = 1.0 / (positions * parents)

    def by_map(poses):
        poses = ops.reshape(poses, (-1, positions, parents, pose_dim))
        return ops.reshape(ops.transpose(poses, (0, 2, 1, 3)), (-1, parents, positions * pose_dim))

    def by_choice(maps):
        maps = ops.reshape(maps, (-1, parents, positions, pose_dim))
        return ops.reshape(ops.transpose(maps, (0, 2, 1, 3)), (-1, positions * parents, pose_dim))

    def squash_maps(poses):
        return by_choice(squash(by_map(poses)))

    def forward(votes, bias):
        bias = ops.tile(bias, (positions, 1))
        couplings, sums = [], []
        logits = None
        for iteration in range(iterations):
            if logits is None:
                total = ops.sum(votes, axis=2) * uniform
            else:
                couplings.append(couple(logits))
                total = sum_children(couplings[-1], votes)
            sums.append(total + bias)
            if iteration < iterations - 1:
                agreed = agreement(votes, squash_maps(sums[-1]))
                logits = agreed if logits is None else logits + agreed
        result = squash_maps(sums[-1])
        if return_coupling:
            # As one tensor: Keras gives a gradient of its own to functions with one result.
            coupling = couplings[-1] if couplings else ops.full_like(votes[..., 0], uniform)
            result = ops.concatenate([result, coupling], axis=-1)
        return result, (sums, couplings)

    def backward(arguments, residuals, upstream):
        votes, _ = arguments
        sums, couplings = residuals
        poses_gradient, coupling_gradient = upstream[..., :pose_dim], upstream[..., pose_dim:]
        coefficients, directions = [], []
        logits_gradient, sums_gradient = None, 0.0
        for iteration in reversed(range(iterations)):
            sum_gradient = by_choice(squash_vjp(by_map(sums[iteration]), by_map(poses_gradient)))
            sums_gradient = sums_gradient + sum_gradient
            directions.append(sum_gradient)
            if iteration == 0:
                coefficients.append(ops.full_like(votes[..., 0], uniform))
                break
            coupling = couplings[iteration - 1]
            coefficients.append(coupling)
            gradient = agreement(votes, sum_gradient)
            if return_coupling and iteration == iterations - 1:
                gradient = gradient + coupling_gradient
            gradient = coupling * gradient
            gradient = gradient - coupling * ops.sum(gradient, axis=1, keepdims=True)
            logits_gradient = gradient if logits_gradient is None else logits_gradient + gradient
            coefficients.append(logits_gradient)
            directions.append(squash_maps(sums[iteration - 1]))
            poses_gradient = sum_children(logits_gradient, votes)
        bias_gradient = ops.reshape(sums_gradient, (-1, parents, pose_dim))
        return _sum_of_products(coefficients, directions), ops.sum(bias_gradient, axis=0)

    made = ops.reshape(votes, (-1, positions * parents, children, pose_dim))
    result = custom_vjp(forward, backward)(ops.cast(made, wide), ops.cast(bias, wide))
    result = ops.cast(ops.reshape(result, (-1, *spatial, parents, result.shape[-1])), dtype)
    return (result[..., :pose_dim], result[..., pose_dim:]) if return_coupling else result


def _sum_of_products(coefficients, directions):
    """Sums outer products of `(..., children)` and `(..., pose_dim)`."""
    if keras.backend.backend() == "jax":
        # Fused into one pass.
        return sum(
            ops.expand_dims(coefficient, -1) * ops.expand_dims(direction, -2)
            for coefficient, direction in zip(coefficients, directions, strict=True)
        )
    return ops.matmul(ops.stack(coefficients, axis=-1), ops.stack(directions, axis=-2))
