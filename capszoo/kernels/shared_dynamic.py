"""Dynamic routing of children that share transforms, one for each type: votes are never made.

With `u[i]` the pose of a child of type `t` and `W[t, j]` the transform that all children of its
type share, a parent's sum is that of `(sum_i c[i, j] u[i]) W[t, j]` over the types, and the
agreement of a vote is `u[i] . (W[t, j] v[j])`: of what has as many numbers as there are votes,
nothing exists.
"""

from keras import ops

from capszoo.ops import couple
from capszoo.ops import share_of_type
from capszoo.ops import squash as squash_poses
from capszoo.ops import uniform_coupling


def supports(votes, **_):
    """Tells whether children of a type share one transform, to which nothing is added."""
    return votes.shared


def run(
    votes,
    bias,
    iterations,
    leaky=False,
    stop_gradient=False,
    squash="standard",
    child_types=None,
    return_coupling=False,
    mask=None,
):
    """Computes what `DynamicRouting` does; gradients are the backend's own.

    Args:
        votes: `capszoo.ops.LazyVotes`, the poses of missing children zero.
        bias: Tensor of shape `(parents, pose_dim)`.
        iterations: As in `DynamicRouting`.
        leaky: As in `DynamicRouting`. Defaults to `False`.
        stop_gradient: As in `DynamicRouting`. Defaults to `False`.
        squash: As in `DynamicRouting`. Defaults to `"standard"`.
        child_types: As in `DynamicRouting`. Defaults to `None`.
        return_coupling: As in `DynamicRouting`. Defaults to `False`.
        mask: Boolean tensor of shape `(batch, *positions, children)`. Defaults to `None`.

    Returns:
        As `DynamicRouting.call`.
    """
    positions, types = votes.geometry.positions, votes.geometry.shared_types
    parents, pose_dim = votes.kernel.shape[-2:]
    child_dim = votes.poses.shape[-1]
    # How many there are of each type. A graph compiled by TensorFlow may not know.
    number = ops.shape(votes.poses)[1 + len(positions)]
    # Positions are so many samples more.
    children = ops.reshape(votes.poses, (-1, number, types, child_dim))
    children = ops.transpose(children, (0, 2, 1, 3))
    transforms = ops.reshape(votes.kernel, (types * child_dim, parents, pose_dim))
    transforms = ops.transpose(transforms, (1, 0, 2))
    bias = ops.cast(bias, children.dtype)
    share = 1.0
    if child_types is not None:
        share = share_of_type(mask, number * types, child_types)
        share = share if mask is None else ops.reshape(share, (-1, 1, 1, 1))
    alike = uniform_coupling(parents, leaky)
    logits = coupling = None
    for iteration in range(iterations):
        last = iteration == iterations - 1
        seen, by = children, transforms
        if stop_gradient and not last:
            seen, by = ops.stop_gradient(seen), ops.stop_gradient(by)
        if logits is None:
            # A sum in float32: over a thousand float16 poses digits would be lost.
            pooled = ops.sum(ops.cast(seen, "float32"), axis=2, keepdims=True) * (alike * share)
            pooled = ops.repeat(ops.cast(pooled, children.dtype), parents, axis=2)
        else:
            coupling = ops.cast(couple(logits, leaky), children.dtype)
            pooled = ops.matmul(coupling, seen)
            if child_types is not None:
                pooled = ops.cast(ops.cast(pooled, "float32") * share, children.dtype)
        # Each parent by its own transform, with the types of a pose in a row.
        rows = ops.transpose(pooled, (2, 0, 1, 3))
        rows = ops.reshape(rows, (parents, -1, types * child_dim))
        total = ops.transpose(ops.matmul(rows, by), (1, 0, 2)) + bias
        if not last:
            turned = ops.transpose(squash_poses(total, kind=squash), (1, 0, 2))
            turned = ops.matmul(turned, ops.transpose(by, (0, 2, 1)))
            turned = ops.reshape(turned, (parents, -1, types, child_dim))
            turned = ops.transpose(turned, (1, 2, 0, 3))
            agreed = ops.matmul(turned, ops.transpose(seen, (0, 1, 3, 2)))
            agreed = ops.cast(agreed, "float32")
            logits = agreed if logits is None else logits + agreed
    poses = ops.reshape(squash_poses(total, kind=squash), (-1, *positions, parents, pose_dim))
    if not return_coupling:
        return poses
    if coupling is None:
        coupling = ops.full_like(children[..., 0], alike)
        coupling = ops.repeat(ops.expand_dims(coupling, 2), parents, axis=2)
    coupling = ops.transpose(coupling, (0, 2, 3, 1))
    coupling = ops.reshape(coupling, (-1, *positions, parents, number * types))
    if mask is not None:
        coupling = coupling * ops.cast(ops.expand_dims(mask, -2), coupling.dtype)
    return poses, coupling
