"""The door to the kernels of self-routing."""

from capszoo.kernels import tiled_self_routing
from capszoo.kernels.selection import first_supporting

IMPLEMENTATIONS = [tiled_self_routing]


def select(
    votes,
    activations=None,
    mask=None,
    *,
    poses,
    logit_kernel,
    logit_bias,
    leaky,
    return_coupling=False,
):
    """Finds the kernel for self-routing of some votes.

    Args:
        votes: `capszoo.ops.LazyVotes`.
        activations: As in `SelfRouting`; without them there is no kernel. Defaults to `None`.
        mask: As in `capszoo.kernels.selection.first_supporting`. Defaults to `None`.
        poses: As in `SelfRouting`.
        logit_kernel: Tensor of shape `(children, child_dim, parents)`.
        logit_bias: Tensor of shape `(parents, children)`.
        leaky: As in `SelfRouting`.
        return_coupling: As in `SelfRouting`. Defaults to `False`.

    Returns:
        A function without arguments that gives what `SelfRouting.call` does; `None` where there
        is no kernel.
    """
    if activations is None:
        return None
    return first_supporting(
        IMPLEMENTATIONS,
        votes,
        mask,
        activations=activations,
        poses=poses,
        logit_kernel=logit_kernel,
        logit_bias=logit_bias,
        leaky=leaky,
        return_coupling=return_coupling,
    )
