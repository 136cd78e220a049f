"""The door to the kernels of variational Bayes routing."""

from capszoo.kernels import tiled_mixture
from capszoo.kernels import whole_mixture
from capszoo.kernels.selection import first_supporting
from capszoo.kernels.variational_bayes_steps import VariationalBayesSteps

IMPLEMENTATIONS = [tiled_mixture, whole_mixture]


def select(votes, activations, mask=None, *, iterations, windows=None, return_coupling=False):
    """Finds the kernel for the posterior that variational Bayes routing computes of some votes.

    Args:
        votes: `capszoo.ops.LazyVotes`.
        activations: As in `VariationalBayesRouting`; without them there is no kernel.
        mask: As in `capszoo.kernels.selection.first_supporting`. Defaults to `None`.
        iterations: As in `VariationalBayesRouting`.
        windows: As in `VariationalBayesRouting`. Defaults to `None`.
        return_coupling: As in `VariationalBayesRouting`. Defaults to `False`.

    Returns:
        A function without arguments that gives what `VariationalBayesRouting.posterior` does;
        `None` where there is no kernel.
    """
    if activations is None:
        return None
    steps = VariationalBayesSteps(
        iterations=iterations, windows=windows, return_coupling=return_coupling
    )
    return first_supporting(
        IMPLEMENTATIONS, votes, mask, activations=activations, steps=steps, parameters=()
    )
