"""What the machine can do: its arithmetic and its memory, measured."""

from keras import ops

from capszoo.benchmarks.compiled import compiled
from capszoo.benchmarks.timing import median_seconds

_SIDE = 2000
_COPIED = 25_000_000


def measure_floors(repeats=5):
    """Measures the rates that no step can exceed, by a large product and a large copy.

    Args:
        repeats: How often each is timed; the median counts. Defaults to `5`.

    Returns:
        Floating point operations per second, and bytes per second that are read or written.
    """
    matrix = ops.ones((_SIDE, _SIDE))
    numbers = ops.ones((_COPIED,))
    product = compiled(ops.matmul, [matrix, matrix])
    copy = compiled(lambda x: x + 1.0, [numbers])
    product_seconds, copy_seconds = median_seconds([product, copy], repeats)
    return 2 * _SIDE**3 / product_seconds, 2 * 4 * _COPIED / copy_seconds
