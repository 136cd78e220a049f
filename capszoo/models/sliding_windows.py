"""Cases of any size through a network of one size: by windows, put together again."""

import itertools
import math
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from capszoo.data.cases import pad_evenly

# Weights fall to the edges of a window as a Gaussian whose deviation is this share of its size:
# there a network sees least of what is around.
DEVIATION = 1 / 8
# How many batches of windows are held at a time, of one case or of several.
MOST_BATCHES = 8


def answers_by_windows(
    predict: Callable,
    cases: Iterable[np.ndarray],
    window: Sequence[int],
    overlap: float = 0.5,
    batch_size: int = 8,
) -> Iterator[np.ndarray]:
    """Computes the answers for cases of any size by windows that overlap.

    Each position is the mean of the answers of the windows it lies in, weighted by a Gaussian
    around the middle of each. A case smaller than a window is padded evenly by its smallest number,
    as `capszoo.data.load` pads, and the answer is cut to its size.

    Args:
        predict: Function of windows `(n, *window, channels)` that gives `(n, *window, classes)`.
        cases: Arrays `(*spatial, channels)`.
        window: The size of a window, one integer for each axis.
        overlap: Least share of a window, along each axis, that the next one shares with it: from 0
            to below 1. Defaults to `0.5`.
        batch_size: How many windows are computed at a time. Defaults to `8`.

    Yields:
        float32 array `(*spatial, classes)` of one case after the other.

    Example:

    >>> case = np.arange(10.0, dtype="float32").reshape(10, 1)
    >>> twice = lambda windows: 2 * windows
    >>> (answer,) = capszoo.models.sliding_windows.answers_by_windows(twice, [case], window=(4,))
    >>> np.allclose(answer, 2 * case)
    True
    """
    weight = gaussian(window)[..., None]
    parts = itertools.chain.from_iterable(_parts(case, window, overlap) for case in cases)
    while some := list(itertools.islice(parts, MOST_BATCHES * batch_size)):
        answers = predict(np.stack([part.window for part in some]))
        for part, answer in zip(some, answers, strict=True):
            if part.is_first:
                total = np.zeros((*part.size, answer.shape[-1]), "float32")
                weights = np.zeros((*part.size, 1), "float32")
            total[part.place] += weight * answer
            weights[part.place] += weight
            if part.is_last:
                yield (total / weights)[part.inside]


class _Part(NamedTuple):
    """A window, where it lies in its case, padded to `size`, and where the case itself does."""

    window: np.ndarray
    place: tuple[slice, ...]
    size: tuple[int, ...]
    inside: tuple[slice, ...]
    is_first: bool
    is_last: bool


def _parts(case, window, overlap):
    """The windows of a case, one after the other."""
    spatial = case.shape[:-1]
    size = tuple(max(own, length) for own, length in zip(spatial, window, strict=True))
    padded = pad_evenly(case, size, case.min())
    before = [(total - own) // 2 for total, own in zip(size, spatial, strict=True)]
    inside = tuple(slice(at, at + own) for at, own in zip(before, spatial, strict=True))
    along = [window_starts(*axis, overlap) for axis in zip(size, window, strict=True)]
    last = tuple(starts[-1] for starts in along)
    for start in itertools.product(*along):
        place = tuple(slice(at, at + length) for at, length in zip(start, window, strict=True))
        yield _Part(padded[place], place, size, inside, not any(start), start == last)


def window_starts(size: int, window: int, overlap: float) -> list[int]:
    """Finds where windows along an axis start: the first and the last touch its ends.

    Args:
        size: The size of the axis, at least that of a window.
        window: The size of a window.
        overlap: Least share of a window that the next one shares with it.

    Returns:
        List of integers, as few as that takes, at even distances to within one.

    Example:

    >>> capszoo.models.sliding_windows.window_starts(10, 4, 0.5)
    [0, 2, 4, 6]
    """
    step = max(1, math.floor(window * (1 - overlap)))
    count = math.ceil((size - window) / step)
    return [round(number * (size - window) / max(count, 1)) for number in range(count + 1)]


def gaussian(window: Sequence[int]) -> np.ndarray:
    """Makes the weights of the positions of a window, 1 in the middle and less outwards.

    Args:
        window: The size of the window.

    Returns:
        float32 array of that shape.
    """
    weights = np.ones((), "float64")
    for length in window:
        distances = np.arange(length) - (length - 1) / 2
        along = np.exp(-0.5 * np.square(distances / (DEVIATION * length)))
        weights = weights[..., None] * along
    return weights.astype("float32")
