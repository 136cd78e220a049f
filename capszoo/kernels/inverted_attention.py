"""The door to the kernels of inverted attention."""

from keras import ops

from capszoo.kernels import chunked_inverted_attention
from capszoo.kernels import tiled_inverted_attention
from capszoo.kernels.selection import first_supporting

IMPLEMENTATIONS = [chunked_inverted_attention, tiled_inverted_attention]


def select(
    votes,
    activations=None,
    mask=None,
    *,
    scale,
    bias,
    iterations,
    return_coupling=False,
):
    """Finds the kernel for inverted attention of some votes.

    Args:
        votes: `capszoo.ops.LazyVotes`.
        activations: As in `InvertedAttentionRouting`, whose kernels know none. Defaults to
            `None`.
        mask: As in `capszoo.kernels.selection.first_supporting`. Defaults to `None`.
        scale: Tensor of shape `(pose_dim,)` that standardized poses are multiplied by.
        bias: Tensor of shape `(pose_dim,)` that is added to them then.
        iterations: As in `InvertedAttentionRouting`.
        return_coupling: As in `InvertedAttentionRouting`. Defaults to `False`.

    Returns:
        A function without arguments that gives what `InvertedAttentionRouting.call` does; `None`
        where there is no kernel.
    """
    if activations is not None:
        return None
    return first_supporting(
        IMPLEMENTATIONS,
        votes,
        mask,
        scale=ops.convert_to_tensor(scale),
        bias=ops.convert_to_tensor(bias),
        iterations=iterations,
        return_coupling=return_coupling,
    )
