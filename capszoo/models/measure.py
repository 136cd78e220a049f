"""What a task is judged by."""

from typing import NamedTuple


class Measure(NamedTuple):
    """A metric by which a task is judged.

    Attributes:
        name: The name of the metric, `"accuracy"`.
        direction: `"max"` or `"min"`: which way is better.
        lowest: The least it can be. Defaults to `0.0`.
        highest: The most it can be, `None` where there is no such. Defaults to `1.0`.
        of_examples: Whether it is the share of examples that are right, which has a standard
            error of its own. Defaults to `False`.
    """

    name: str
    direction: str
    lowest: float = 0.0
    highest: float | None = 1.0
    of_examples: bool = False

    def better(self, one: float, other: float) -> bool:
        """Tells whether one value is better than another."""
        return one > other if self.direction == "max" else one < other
