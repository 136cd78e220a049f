"""Dynamic routing of dense capsules, a few children at a time, for XLA on a CPU."""

import keras

from capszoo.device import runs_on_cpu
from capszoo.kernels.chunked_passes import ChunkedPasses
from capszoo.kernels.dynamic_passes import route_by_passes

# Below, a product for each child is too small to be quick.
_MIN_ROWS = 32
# Above, the votes of a single child no longer fit a core's own cache.
_MAX_ROWS_PER_TILE = 512


def supports(votes, **_):
    """Tells whether chunks beat tiles here."""
    rows = votes.shape[0]
    if keras.backend.backend() != "jax" or not runs_on_cpu() or not votes.dense:
        return False
    return isinstance(rows, int) and rows >= _MIN_ROWS


def run(votes, bias, iterations, leaky, **options):
    """Computes what `DynamicRouting` does, see `route_by_passes`."""
    children, kernel = votes.dense_factors()
    rows = even_rows(children.shape[0])
    passes = ChunkedPasses(leaky)
    return route_by_passes(passes, children, kernel, bias, iterations, rows=rows, **options)


def even_rows(number):
    """Cuts a number of samples into as few tiles as may be, all nearly alike.

    Args:
        number: Number of samples.

    Returns:
        How many of them a pass should take at once.

    Example:

    >>> capszoo.kernels.chunked_dynamic.even_rows(1100)
    368
    """
    if number <= _MAX_ROWS_PER_TILE:
        return number
    # Two halves of a tile are done at a time.
    halves = 2 * -(-number // _MAX_ROWS_PER_TILE)
    return 2 * -(-number // halves)
