"""Which implementation is taken, and how to do without any."""

import contextlib
import contextvars
import functools
import os
from typing import Any
from typing import Protocol

from capszoo.device import compiled_by_torch
from capszoo.kernels.transforms import passes_through
from capszoo.validation import check_choice

# The environment variable that switches all kernels off.
VARIABLE = "CAPSZOO_KERNELS"

_ENABLED = contextvars.ContextVar("kernels_enabled", default=True)


class Implementation(Protocol):
    """A faster way to compute a routing: a module or an object with these two functions.

    All implementations of an algorithm take the same arguments, those of its `select`.
    """

    def supports(self, votes, **arguments) -> bool:
        """Tells whether `run` can compute this, and is faster here than what follows it."""

    def run(self, votes, **arguments) -> Any:
        """Computes what the routing's `call` does of these votes."""


@contextlib.contextmanager
def disabled():
    """Has routings computed by their equations, of votes that are all made, within.

    The environment variable `CAPSZOO_KERNELS=off` does so for a whole process. A compiled
    function stays as it was compiled.

    Example:

    >>> layer = capszoo.layers.DenseCapsules(10, 16)
    >>> with capszoo.kernels.disabled():
    ...     poses = layer(np.ones((2, 20, 8), "float32"))
    """
    token = _ENABLED.set(False)
    try:
        yield
    finally:
        _ENABLED.reset(token)


def first_supporting(implementations, votes, mask=None, **arguments):
    """Finds the first implementation that supports what is asked for.

    Args:
        implementations: List of `Implementation`, the fastest first.
        votes: `capszoo.ops.LazyVotes`.
        mask: Which children there are, `(batch, children)`. No kernel does without some of
            them. Defaults to `None`, for all.
        **arguments: What implementations of the algorithm take beside the votes.

    Returns:
        A function without arguments, the implementation's `run` of all this; or `None`.

    Raises:
        ValueError: If the environment variable `CAPSZOO_KERNELS` is neither `on` nor `off`.
    """
    switch = os.environ.get(VARIABLE) or "on"
    check_choice(VARIABLE, switch, ("on", "off"))
    # torch.compile cannot see through gradients that are written out.
    if switch == "off" or not _ENABLED.get() or mask is not None or compiled_by_torch():
        return None
    if passes_through((votes.poses, votes.kernel, arguments)):
        return None
    for implementation in implementations:
        if implementation.supports(votes, **arguments):
            return functools.partial(implementation.run, votes, **arguments)
    return None
