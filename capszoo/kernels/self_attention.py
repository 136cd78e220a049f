"""The door to the kernels of self-attention routing."""

from keras import ops

from capszoo.kernels import fused_self_attention
from capszoo.kernels.selection import first_supporting

IMPLEMENTATIONS = [fused_self_attention]


def select(votes, activations=None, mask=None, *, bias, return_coupling=False):
    """Finds the kernel for self-attention routing of some votes.

    Args:
        votes: `capszoo.ops.LazyVotes`.
        activations: As in `SelfAttentionRouting`, whose kernels know none. Defaults to `None`.
        mask: As in `capszoo.kernels.selection.first_supporting`. Defaults to `None`.
        bias: Tensor of shape `(parents, children)` that is added to the couplings, or `None`.
        return_coupling: As in `SelfAttentionRouting`. Defaults to `False`.

    Returns:
        A function without arguments that gives what `SelfAttentionRouting.call` does; `None`
        where there is no kernel.
    """
    if activations is not None:
        return None
    if bias is None:
        # Kernels always add one.
        bias = ops.zeros((votes.kernel.shape[-2], votes.geometry.children))
    bias = ops.convert_to_tensor(bias)
    return first_supporting(
        IMPLEMENTATIONS, votes, mask, bias=bias, return_coupling=return_coupling
    )
