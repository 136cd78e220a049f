"""The door to the kernels of routings whose gradient is not written out."""

from capszoo.kernels import tiled_call
from capszoo.kernels.selection import first_supporting

IMPLEMENTATIONS = [tiled_call]


def select(votes, activations=None, mask=None, *, function, weights, return_coupling=False):
    """Finds the kernel for a routing that is one function of votes and weights.

    Args:
        votes: `capszoo.ops.LazyVotes`.
        activations: Must be `None`, or there is no kernel. Defaults to `None`.
        mask: As in `capszoo.kernels.selection.first_supporting`. Defaults to `None`.
        function: Function of made votes and, by name, the weights: it returns poses and
            coupling, each sample's own.
        weights: Maps names to the routing's weights.
        return_coupling: Whether the coupling is returned too. Defaults to `False`.

    Returns:
        A function without arguments that gives what the routing's `call` does; `None` where
        there is no kernel.
    """
    if activations is not None:
        return None
    return first_supporting(
        IMPLEMENTATIONS,
        votes,
        mask,
        function=function,
        weights=weights,
        return_coupling=return_coupling,
    )
