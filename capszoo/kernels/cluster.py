"""The door to the kernels of cluster routing."""

from capszoo.kernels import tiled_cluster
from capszoo.kernels.selection import first_supporting

IMPLEMENTATIONS = [tiled_cluster]


def select(votes, activations=None, mask=None, *, variance_epsilon, return_coupling=False):
    """Finds the kernel for cluster routing of some votes.

    Args:
        votes: `capszoo.ops.LazyVotes`; how many votes a child has is its cluster's size.
        activations: As in `ClusterRouting`, whose kernels know none. Defaults to `None`.
        mask: As in `capszoo.kernels.selection.first_supporting`. Defaults to `None`.
        variance_epsilon: Number that is added to every variance.
        return_coupling: As in `ClusterRouting`. Defaults to `False`.

    Returns:
        A function without arguments that gives what `ClusterRouting.call` does; `None` where
        there is no kernel.
    """
    if activations is not None:
        return None
    return first_supporting(
        IMPLEMENTATIONS,
        votes,
        mask,
        variance_epsilon=variance_epsilon,
        return_coupling=return_coupling,
    )
