"""The door to the kernels of EM routing."""

from keras import ops

from capszoo.kernels import tiled_mixture
from capszoo.kernels import whole_mixture
from capszoo.kernels.em_steps import EMSteps
from capszoo.kernels.selection import first_supporting

IMPLEMENTATIONS = [tiled_mixture, whole_mixture]


def select(
    votes,
    activations,
    mask=None,
    *,
    beta_use,
    beta_activation,
    inverse_temperatures,
    information_scale,
    variance_floor,
    windows=None,
    return_coupling=False,
):
    """Finds the kernel for EM routing of some votes.

    Args:
        votes: `capszoo.ops.LazyVotes`.
        activations: As in `EMRouting`; without them there is no kernel.
        mask: As in `capszoo.kernels.selection.first_supporting`. Defaults to `None`.
        beta_use: Tensor of shape `(parents,)`.
        beta_activation: Tensor of shape `(parents,)`.
        inverse_temperatures: Lambda of each iteration, a list of numbers.
        information_scale: What a mass is multiplied by to give information, a number.
        variance_floor: As in `EMRouting`.
        windows: As in `EMRouting`. Defaults to `None`.
        return_coupling: As in `EMRouting`. Defaults to `False`.

    Returns:
        A function without arguments that gives what `EMRouting.call` does; `None` where there
        is no kernel.
    """
    if activations is None:
        return None
    steps = EMSteps(
        iterations=len(inverse_temperatures),
        inverse_temperatures=inverse_temperatures,
        information_scale=information_scale,
        variance_floor=variance_floor,
        windows=windows,
        return_coupling=return_coupling,
    )
    kernel = first_supporting(
        IMPLEMENTATIONS,
        votes,
        mask,
        activations=activations,
        steps=steps,
        parameters=(beta_use, beta_activation),
    )
    if kernel is None:
        return None
    return lambda: tuple(ops.cast(output, votes.dtype) for output in kernel())
