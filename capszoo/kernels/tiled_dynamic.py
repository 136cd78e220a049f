"""Dynamic routing of dense capsules, tile by tile, with its gradient written out."""

import functools
import math

import keras
from keras import ops

from capszoo.device import runs_on_cpu
from capszoo.kernels.tiles import rows_per_tile
from capszoo.kernels.tiles import scan_tiles
from capszoo.kernels.vjp import custom_vjp
from capszoo.kernels.vote_tiles import sum_of_products
from capszoo.ops import agreement
from capszoo.ops import contiguous
from capszoo.ops import couple
from capszoo.ops import squash as squash_by_kind
from capszoo.ops import squash_vjp
from capszoo.ops import sum_children
from capszoo.ops import uniform_coupling
from capszoo.ops import widen


def supports(votes, **_):
    """Tells whether tiles beat all votes at once here.

    Votes that a GPU can well hold are faster at once, by automatic differentiation: on an H100,
    tiles take 1.2 times as long on JAX and PyTorch alike.
    """
    rows = votes.shape[0]
    if not votes.dense:
        return False
    return runs_on_cpu() or not isinstance(rows, int) or rows > _rows_per_tile(votes.shape)


def run(votes, bias, iterations, **options):
    """Computes what `DynamicRouting` does, see `route_in_tiles`."""
    return route_in_tiles(*votes.dense_factors(), bias, iterations, **options)


def route_in_tiles(
    children,
    kernel,
    bias,
    iterations,
    leaky=False,
    stop_gradient=False,
    squash="standard",
    return_coupling=False,
    rows=None,
):
    """Computes what `DynamicRouting` makes of `dense_votes(children, kernel)`.

    The votes are made a few samples at a time and never leave the caches as a whole; the
    gradient makes them again. Its residuals are the couplings and the parents before the
    squash: a sixteenth of the votes for each iteration.

    With `b[t]` the logits of iteration `t`, `c[t]` the coupling, `s[t]` the parents before the
    squash `v[t]` and `d` for a gradient, from the last iteration to the first

        ds[t] = squash'(s[t]) dv[t]
        db[t] = db[t + 1] + c[t] * (votes . ds[t] - sum over parents of c[t] * (votes . ds[t]))
        dv[t - 1] = sum over children of db[t] * votes

    and the gradient of the votes is a sum of few outer products,

        dvotes[j, i] = sum over t of c[t][j, i] ds[t][j] + db[t][j, i] v[t - 1][j]

    so that no iteration writes anything of their size.

    Args:
        children: Tensor of shape `(rows, children, child_dim)`.
        kernel: Tensor of shape `(children, child_dim, parents, pose_dim)`.
        bias: Tensor of shape `(parents, pose_dim)`, added before the squash.
        iterations: As in `DynamicRouting`.
        leaky: As in `DynamicRouting`. Defaults to `False`.
        stop_gradient: As in `DynamicRouting`. Defaults to `False`.
        squash: As in `DynamicRouting`. Defaults to `"standard"`.
        return_coupling: As in `DynamicRouting`. Defaults to `False`.
        rows: How many rows a tile has. Defaults to what suits the size of their votes.

    Returns:
        Poses of shape `(rows, parents, pose_dim)`, in the dtype of the children; computed in
        float32 from votes of that dtype. With `return_coupling=True` also the coupling
        `(rows, parents, children)`.
    """
    children, kernel, bias = map(ops.convert_to_tensor, (children, kernel, bias))
    inputs, child_dim, parents, pose_dim = kernel.shape
    dtype = keras.backend.standardize_dtype(children.dtype)
    wide = keras.backend.result_type(dtype, "float32")
    parents_of = functools.partial(squash_by_kind, kind=squash)
    uniform = uniform_coupling(parents, leaky)
    if rows is None:
        rows = _rows_per_tile((None, parents, inputs, pose_dim))

    def make_votes(children, kernel):
        votes = ops.matmul(children, kernel)
        votes = ops.reshape(votes, (inputs, -1, parents, pose_dim))
        return widen(contiguous(ops.transpose(votes, (1, 2, 0, 3))), wide)

    def by_child(children):
        return contiguous(ops.transpose(children, (1, 0, 2)))

    def full_coupling(like):
        return ops.full((ops.shape(like)[0], parents, inputs), uniform, dtype=wide)

    def forward(votes, bias):
        couplings, sums = [], []
        logits = None
        for iteration in range(iterations):
            if logits is None:
                total = ops.sum(votes, axis=2) * uniform
            else:
                couplings.append(couple(logits, leaky))
                total = sum_children(couplings[-1], votes)
            sums.append(total + bias)
            if iteration < iterations - 1:
                agreed = agreement(votes, parents_of(sums[-1]))
                logits = agreed if logits is None else logits + agreed
        return sums, couplings

    def backward(votes, sums, couplings, poses_gradient, coupling_gradient):
        """Returns the gradient of the votes, as factors of outer products, and of the sums."""
        coefficients, directions = [], []
        logits_gradient, sums_gradient = None, 0.0
        for iteration in reversed(range(iterations)):
            sum_gradient = squash_vjp(sums[iteration], poses_gradient, squash)
            sums_gradient = sums_gradient + sum_gradient
            seen = not stop_gradient or iteration == iterations - 1
            if iteration == 0:
                if seen:
                    coefficients.append(full_coupling(votes))
                    directions.append(sum_gradient)
                break
            coupling = couplings[iteration - 1]
            gradient = agreement(votes, sum_gradient)
            if coupling_gradient is not None:
                gradient, coupling_gradient = gradient + coupling_gradient, None
            gradient = coupling * gradient
            gradient = gradient - coupling * ops.sum(gradient, axis=1, keepdims=True)
            if logits_gradient is not None:
                gradient = logits_gradient + gradient
            logits_gradient = gradient
            poses_gradient = sum_children(logits_gradient, votes)
            if seen:
                coefficients.append(coupling)
                directions.append(sum_gradient)
            if not stop_gradient:
                coefficients.append(logits_gradient)
                directions.append(parents_of(sums[iteration - 1]))
        return coefficients, directions, ops.sum(sums_gradient, axis=0)

    def forward_all(children, kernel, bias):
        def forward_tile(carry, children):
            sums, couplings = forward(make_votes(by_child(children), kernel), bias)
            return carry, (parents_of(sums[-1]), *sums, *couplings)

        _, (result, *residuals) = scan_tiles(forward_tile, (), (children,), rows)
        if return_coupling:
            # As one tensor: Keras gives a gradient of its own to functions with one result.
            coupling = residuals[-1] if iterations > 1 else full_coupling(result)
            result = ops.concatenate([result, coupling], axis=-1)
        return ops.cast(result, dtype), residuals

    def backward_all(arguments, residuals, upstream):
        children, kernel, bias = arguments

        def backward_tile(carry, children, upstream, *residuals):
            kernel_gradient, bias_gradient = carry
            children = by_child(children)
            coefficients, directions, new_bias_gradient = backward(
                make_votes(children, kernel),
                residuals[:iterations],
                residuals[iterations:],
                upstream[..., :pose_dim],
                upstream[..., pose_dim:] if return_coupling else None,
            )
            votes_gradient = sum_of_products(coefficients, directions)
            votes_gradient = ops.reshape(votes_gradient, (inputs, -1, parents * pose_dim))
            votes_gradient = ops.cast(votes_gradient, dtype)
            transposed = ops.transpose(kernel, (0, 2, 1))
            children_gradient = ops.matmul(votes_gradient, transposed)
            new_kernel_gradient = ops.matmul(ops.transpose(children, (0, 2, 1)), votes_gradient)
            carry = (
                kernel_gradient + ops.cast(new_kernel_gradient, wide),
                bias_gradient + new_bias_gradient,
            )
            return carry, (ops.transpose(children_gradient, (1, 0, 2)),)

        (kernel_gradient, bias_gradient), (children_gradient,) = scan_tiles(
            backward_tile,
            (ops.zeros(kernel.shape, dtype=wide), ops.zeros(bias.shape, dtype=wide)),
            (children, ops.cast(upstream, wide), *residuals),
            rows,
        )
        return children_gradient, ops.cast(kernel_gradient, dtype), bias_gradient

    kernel = ops.reshape(ops.cast(kernel, dtype), (inputs, child_dim, parents * pose_dim))
    result = custom_vjp(forward_all, backward_all)(children, kernel, ops.cast(bias, wide))
    if return_coupling:
        return result[..., :pose_dim], result[..., pose_dim:]
    return result


def _rows_per_tile(votes_shape):
    bytes_per_row = 4 * math.prod(votes_shape[1:])
    if keras.backend.backend() == "tensorflow" and runs_on_cpu():
        # Half as many as suit EM and cluster routing: all take 1.3 times as long.
        bytes_per_row *= 2
    return rows_per_tile(bytes_per_row)
