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
        unprepared: The arguments with which examples come prepared.
        inputs: The symbolic examples, as they come.
        prepared: The symbolic examples, as the body of the model sees them but for their scale.
        features: What the body sees.
    """

    unit: ClassVar[str]
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
    def search_data(values: dict, data: dict) -> dict:
        """Makes the data of a preset of what a search chose, and takes it out of the values."""
        ...

    @staticmethod
    def load(
        data: dict, split: str, data_dir=None, image_shape=None, prepared: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Loads the examples and labels that the data of a preset name."""
        ...

    def check(self, x) -> None:
        """Raises `ValueError` unless an array holds examples that the model takes."""
        ...

    def synthetic(self, count: int = 3) -> np.ndarray:
        """Makes prepared examples that are alike on every machine."""
        ...
