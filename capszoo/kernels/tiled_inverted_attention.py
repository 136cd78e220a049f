"""Inverted attention of votes that are made a few rows at a time, its gradient written out."""

from keras import ops

from capszoo.device import runs_on_cpu
from capszoo.kernels.tiles import rows_per_tile
from capszoo.kernels.vote_tiles import route_votes_in_tiles
from capszoo.ops import agreement
from capszoo.ops import softmax_over_parents
from capszoo.ops import standardize
from capszoo.ops import standardize_vjp
from capszoo.ops import sum_children


def supports(votes, **_):
    """Tells whether each child's votes are one product of its own, and a CPU is to make them.

    A GPU holds them all, as for `capszoo.kernels.tiled_dynamic`, unless they fill its memory.
    """
    if not votes.separable or votes.offset is not None or votes.kernel.shape[-3] != 1:
        return False
    rows = votes.shape[0]
    return runs_on_cpu() or not isinstance(rows, int) or rows > _rows_per_tile(votes.shape[1:])


def run(votes, scale, bias, iterations, return_coupling=False):
    """Computes what `InvertedAttentionRouting` does, see `attend_in_tiles`."""
    return run_by(attend_in_tiles, votes, scale, bias, iterations, return_coupling)


def run_by(attend, votes, scale, bias, iterations, return_coupling):
    """Gives a function what it takes of the votes, and the outputs their axes of positions.

    Args:
        attend: `attend_in_tiles`, or a function of the same arguments.
        votes: `capszoo.ops.LazyVotes`.
        scale: As in `attend_in_tiles`.
        bias: As in `attend_in_tiles`.
        iterations: As in `attend_in_tiles`.
        return_coupling: As in `attend_in_tiles`.

    Returns:
        As `InvertedAttentionRouting.call`.
    """
    children = votes.children()
    *outer, places, inputs, child_dim = children.shape[1:]
    # A child's places are as good as a longer pose, and positions as more samples.
    children = ops.swapaxes(children, -3, -2)
    outputs = attend(
        ops.reshape(children, (-1, inputs, places * child_dim)),
        ops.squeeze(votes.kernel_per_child(), 2),
        scale,
        bias,
        iterations,
        return_coupling,
    )
    outputs = tuple(ops.reshape(output, (-1, *outer, *output.shape[1:])) for output in outputs)
    return outputs if return_coupling else outputs[0]


def attend_in_tiles(children, kernel, scale, bias, iterations, return_coupling=False, rows=None):
    """Computes what `InvertedAttentionRouting` makes of `dense_votes(children, kernel)`.

    The residuals are the couplings and the parents before they are standardized. With `s[t]`
    these in iteration `t`, `v[t]` the poses, `c[t]` the coupling and `d` for a gradient, from
    the last iteration to the first

        ds[t] = standardize'(s[t]) (scale * dv[t])
        db[t] = c[t] * (votes . ds[t] - sum over parents of c[t] * (votes . ds[t])) / sqrt(D)
        dv[t - 1] = sum over children of db[t] * votes

    and the gradient of the votes is a sum of few outer products,

        dvotes[j, i] = sum over t of c[t][j, i] ds[t][j] + db[t][j, i] v[t - 1][j]

    Args:
        children: Tensor of shape `(rows, children, child_dim)`.
        kernel: Tensor of shape `(children, child_dim, parents, pose_dim)`.
        scale: Tensor of shape `(pose_dim,)`.
        bias: Tensor of shape `(pose_dim,)`.
        iterations: As in `InvertedAttentionRouting`.
        return_coupling: As in `InvertedAttentionRouting`. Defaults to `False`.
        rows: How many rows a tile has. Defaults to what suits the size of their votes.

    Returns:
        Tuple of the poses `(rows, parents, pose_dim)`, in the dtype of the children, computed in
        float32 from votes of that dtype; with `return_coupling=True` also of the coupling
        `(rows, parents, children)`.
    """
    inputs, _, parents, pose_dim = kernel.shape
    root = pose_dim**0.5
    if rows is None:
        rows = _rows_per_tile((parents, inputs, pose_dim))

    def uniform_coupling(votes):
        return ops.full_like(votes[..., 0], 1.0 / parents)

    def forward(votes, weights):
        scale, bias = weights
        sums, couplings = [ops.sum(votes, axis=2) / parents], []
        for _ in range(iterations - 1):
            poses = standardize(sums[-1]) * scale + bias
            couplings.append(softmax_over_parents(agreement(votes, poses) / root))
            sums.append(sum_children(couplings[-1], votes))
        result = standardize(sums[-1]) * scale + bias
        if return_coupling:
            # As one tensor: Keras gives a gradient of its own to functions with one result.
            coupling = couplings[-1] if couplings else uniform_coupling(votes)
            result = ops.concatenate([result, coupling], axis=-1)
        return result, [*sums, *couplings]

    def backward(votes, residuals, upstream, weights):
        scale, bias = weights
        sums, couplings = residuals[:iterations], residuals[iterations:]
        coefficients, directions = [], []
        poses_gradient, coupling_gradient = upstream[..., :pose_dim], upstream[..., pose_dim:]
        scale_gradient = bias_gradient = 0.0
        for iteration in reversed(range(iterations)):
            standardized = standardize(sums[iteration])
            scale_gradient += ops.sum(poses_gradient * standardized, axis=(0, 1))
            bias_gradient += ops.sum(poses_gradient, axis=(0, 1))
            directions.append(standardize_vjp(sums[iteration], poses_gradient * scale))
            if iteration == 0:
                coefficients.append(uniform_coupling(votes))
                break
            coupling = couplings[iteration - 1]
            coefficients.append(coupling)
            gradient = agreement(votes, directions[-1])
            if return_coupling and iteration == iterations - 1:
                gradient = gradient + coupling_gradient
            gradient = coupling * gradient
            gradient = gradient - coupling * ops.sum(gradient, axis=1, keepdims=True)
            coefficients.append(gradient / root)
            directions.append(standardize(sums[iteration - 1]) * scale + bias)
            poses_gradient = sum_children(coefficients[-1], votes)
        return coefficients, directions, [scale_gradient, bias_gradient]

    result = route_votes_in_tiles(forward, backward, children, kernel, [scale, bias], rows)
    return (result[..., :pose_dim], result[..., pose_dim:])[: 1 + return_coupling]


def _rows_per_tile(votes_shape):
    *_, parents, children, pose_dim = votes_shape
    return rows_per_tile(4 * parents * children * pose_dim)
