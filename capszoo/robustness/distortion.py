"""What a distortion is: a change of a picture, of five strengths, by chance that has a seed."""

import dataclasses
from collections.abc import Callable

import numpy as np

LEVELS = 5


@dataclasses.dataclass(frozen=True)
class Distortion:
    """A way to change pictures, of five strengths.

    Attributes:
        name: What it is called.
        meaning: What it does, in a sentence.
        unit: What the amounts are.
        amounts: How much of it each of the five strengths is, ascending.
        change: Function of a picture, float64 `(height, width, channels)` from 0 to 255, an
            amount and a `numpy.random.Generator`; it gives the picture changed.
    """

    name: str
    meaning: str
    unit: str
    amounts: tuple[float, float, float, float, float]
    change: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
