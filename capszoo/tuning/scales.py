"""The axis of a hyper-parameter: where each of its values stands, and which ticks it has."""

import dataclasses
import math

from capszoo.tuning.schema import Boolean
from capszoo.tuning.schema import Choice
from capszoo.tuning.schema import Int

_MOST_TICKS = 7


@dataclasses.dataclass(frozen=True)
class Scale:
    """An axis from 0 to 1.

    Attributes:
        ticks: Maps values to their labels.
        low: The value at 0; with names, not numbers, `None`.
        high: The value at 1.
        log: Whether the axis is logarithmic.
    """

    ticks: dict
    low: float | None = None
    high: float | None = None
    log: bool = False

    def position(self, value):
        """Where a value stands on the axis.

        Args:
            value: A value of the hyper-parameter.

        Returns:
            A number from 0 to 1.
        """
        if self.low is None:
            return _share(list(self.ticks).index(value), 0, len(self.ticks) - 1)
        if self.log:
            return _share(math.log(value), math.log(self.low), math.log(self.high))
        return _share(value, self.low, self.high)


def scale_of(entry):
    """Makes the axis of a hyper-parameter, over all of its range.

    Args:
        entry: An entry of a search space that is not fixed.

    Returns:
        A `Scale`: names at equal distances, yes and no for a Boolean, a logarithmic axis where
        the values are sampled that way.

    Example:

    >>> space = capszoo.tuning.read_space("capsnet")
    >>> rates = {entry.name: entry for entry in space.hyperparameters}
    >>> scale = capszoo.tuning.scales.scale_of(rates["learning_rate"])
    >>> scale.ticks
    {0.0001: '0.0001', 0.001: '0.001', 0.01: '0.01'}
    >>> round(scale.position(0.001), 3)
    0.5
    """
    if isinstance(entry, Boolean):
        return names_scale([False, True])
    if isinstance(entry, Choice):
        return names_scale(entry.values)
    whole = isinstance(entry, Int)
    return number_scale(entry.min_value, entry.max_value, entry.sampling == "log", whole)


def names_scale(values):
    """Makes an axis with the values at equal distances.

    Args:
        values: The values in their order.

    Returns:
        A `Scale`.
    """
    words = {True: "yes", False: "no"}
    return Scale(
        {one: words[one] if isinstance(one, bool) else str(one) for one in values},
    )


def number_scale(low, high, log=False, whole=False):
    """Makes an axis of numbers, with ticks at its ends and between them.

    Args:
        low: The lowest number.
        high: The highest number.
        log: Whether the axis is logarithmic, with ticks at powers of ten.
            Defaults to `False`.
        whole: Whether ticks stand at whole numbers only. Defaults to `False`.

    Returns:
        A `Scale`.
    """
    if log:
        powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
        between = [10.0**power for power in powers]
        # A tick beside an end would write its label over the other's.
        far = math.log(high / low) / 10
        between = [
            one for one in between if math.log(one / low) > far and math.log(high / one) > far
        ]
    elif whole and high - low < _MOST_TICKS:
        between = range(low, high + 1)
    else:
        middle = (low + high) / 2
        between = [int(middle) if whole else middle]
    values = sorted({low, *between, high})
    return Scale({one: _label(one) for one in values}, low, high, log)


def _share(value, low, high):
    return (value - low) / (high - low) if high > low else 0.5


def _label(number):
    if isinstance(number, int):
        return str(number)
    return f"{number:.4g}".replace("e-0", "e-")
