"""What every input end is: the part of a model that knows what kind of data goes in."""

from typing import Any
from typing import ClassVar
from typing import Protocol

import numpy as np


class InputEnd(Protocol):
    """Opens the graph of a model for one kind of data, and knows how they are loaded.

    The constructor takes the input end's arguments, which are arguments of the model, and `dtype`.

    Attributes:
        unit: What the examples are, in the plural; presets count them under this name.
        shape_argument: Which argument is the shape of an example as the body sees it.
        default_data: The data set of the preset by whose recipe a family alone is trained.
        default_limit: The shape that examples are then kept within, or `None`.
        unprepared: The arguments with which examples come prepared.
        inputs: The symbolic examples, as they come.
        prepared: The symbolic examples, as the body of the model sees them but for their scale.
        features: What the body sees.
    """

    unit: ClassVar[str]
    shape_argument: ClassVar[str]
    default_data: ClassVar[str]
    default_limit: ClassVar[tuple[int, ...] | None]
    unprepared: ClassVar[dict[str, Any]]
    inputs: Any
    prepared: Any
    features: Any

    def __init__(self, *args: Any, **kwargs: Any): ...

    @staticmethod
    def of_data(arguments: dict, data: dict, shape=None) -> dict:
        """Gives the arguments that the data of a preset ask for, so that they go in as they are."""
        ...

    @staticmethod
    def fit(data: dict, limit=None) -> tuple[list[int], dict]:
        """Finds the shape that examples of other data should have, and what to add to the data.

        Where there is a limit, the shape that they had so far, it is not exceeded if examples of
        this kind can be made smaller.
        """
        ...

    @staticmethod
    def check_shape(shape: Any) -> tuple[int, ...]:
        """Returns the shape of an example as a tuple, or raises `ValueError`."""
        ...

    @staticmethod
    def search_data(values: dict, data: dict) -> dict:
        """Makes the data of a preset of what a search chose, and takes it out of the values."""
        ...

    @staticmethod
    def load(
        data: dict, split: str, data_dir=None, shape=None, prepared: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Loads the examples and labels that the data of a preset name."""
        ...

    def check(self, x) -> None:
        """Raises `ValueError` unless an array holds examples that the model takes."""
        ...

    def synthetic(self, count: int = 3) -> np.ndarray:
        """Makes prepared examples that are alike on every machine."""
        ...
