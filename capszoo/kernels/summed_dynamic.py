"""Dynamic routing whose couplings stay uniform, over maps: one ordinary convolution, no votes."""

import keras
from keras import ops

from capszoo.ops import squash as squash_poses
from capszoo.ops import uniform_coupling
from capszoo.ops import widen


def supports(votes, iterations, leaky=False, return_coupling=False, **_):
    """Tells whether no child can prefer a parent, and the mean vote is made without the others.

    With one iteration none has begun to; of a single parent, all children are wholly.
    """
    uniform = iterations == 1 or (votes.kernel.shape[-2] == 1 and not leaky)
    return votes.geometry.mean is not None and uniform and not return_coupling


def run(votes, bias, leaky=False, squash="standard", **_):
    """Computes what `DynamicRouting` does; gradients are the backend's own.

        v[j] = squash(children * uniform * mean of votes[j] + bias[j])

    Args:
        votes: `capszoo.ops.LazyVotes`.
        bias: Tensor of shape `(parents, pose_dim)`.
        leaky: As in `DynamicRouting`. Defaults to `False`.
        squash: As in `DynamicRouting`. Defaults to `"standard"`.

    Returns:
        As `DynamicRouting.call`.
    """
    dtype = votes.dtype
    wide = keras.backend.result_type(dtype, "float32")
    mean = widen(votes.geometry.mean(votes.poses, votes.kernel), wide)
    if votes.offset is not None:
        mean = mean + ops.mean(ops.cast(votes.offset, wide), axis=-2)
    share = votes.geometry.children * uniform_coupling(votes.kernel.shape[-2], leaky)
    total = mean * share + ops.cast(bias, wide)
    return ops.cast(squash_poses(total, kind=squash), dtype)
