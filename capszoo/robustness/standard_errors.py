"""How far a figure may be off: of one network by its pictures, of several by their spread."""

from collections.abc import Callable

import numpy as np

DRAWS = 200


def mean_and_error(shares: np.ndarray, count: int) -> tuple[float, float]:
    """Computes the mean of the shares that networks got right, and its standard error.

        one network: sqrt(p (1 - p) / count)        n networks: s / sqrt(n)

    with s the standard deviation over the networks. The first is about other pictures, the
    second about other seeds.

    Args:
        shares: One number a network.
        count: How many pictures each was measured on.

    Returns:
        Two numbers.

    Example:

    >>> capszoo.robustness.mean_and_error(np.array([0.9]), 100)
    (0.9, 0.03)
    """
    shares = np.asarray(shares, dtype="float64")
    mean = float(shares.mean())
    if len(shares) == 1:
        return mean, float(np.sqrt(mean * (1 - mean) / count))
    return mean, float(shares.std(ddof=1) / np.sqrt(len(shares)))


def bootstrap_error(statistic: Callable, *samples: np.ndarray, seed: int = 0) -> float:
    """Computes a standard error by drawing the examples again, 200 times.

    Args:
        statistic: Function of the samples that gives a number.
        *samples: Arrays of examples, each drawn by itself, row by row.
        seed: Seed of the draws. Defaults to `0`.

    Returns:
        The standard deviation of the statistic over the draws.

    Example:

    >>> numbers = np.arange(100.0)
    >>> float(np.round(capszoo.robustness.bootstrap_error(np.mean, numbers)))
    3.0
    """
    random = np.random.default_rng(seed)
    found = []
    for _ in range(DRAWS):
        found.append(statistic(*(one[random.integers(len(one), size=len(one))] for one in samples)))
    return float(np.std(found))
