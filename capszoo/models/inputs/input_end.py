"""What every input end is: the part of a model that knows what kind of data goes in."""

from typing import Any
from typing import ClassVar
from typing import Protocol

import numpy as np

from capszoo import data as data_sets


class InputEnd(Protocol):
    """Opens the graph of a model for one kind of data, and knows how they are loaded.

    The constructor takes the input end's arguments, which are arguments of the model, and `dtype`.

    Attributes:
        unit: What the examples are, in the plural; presets count them under this name.
        shape_argument: Which argument is the shape of an example as the body sees it.
        default_data: The data set of the preset by whose recipe a family alone is trained.
        default_limit: The shape that examples are then kept within, or `None`.
        unprepared: The arguments with which examples come prepared.
        learnt: Which arguments are learnt from the training examples where nobody gives them, such
            as a vocabulary. Presets hold them apart, and they are attributes. Defaults to none.
        decodable: Whether a decoder can be compared with the examples. Defaults to `True`.
        loads_arrays: Whether `load` gives the arrays that the graph takes; else `to_arrays` makes
            them. Defaults to `True`.
        of_pictures: Which keys of `data:` are refused, being for pictures. Defaults to those of
            sizes, values and augmentation.
        inputs: The symbolic examples, as they come.
        prepared: The symbolic examples, as the body of the model sees them but for their scale.
        features: What the body sees.
        target: What reconstructions are compared with: examples on the scale of a decoder.
    """

    unit: ClassVar[str]
    shape_argument: ClassVar[str]
    default_data: ClassVar[str]
    default_limit: ClassVar[tuple[int, ...] | None]
    unprepared: ClassVar[dict[str, Any]]
    learnt: ClassVar[tuple[str, ...]] = ()
    decodable: ClassVar[bool] = True
    loads_arrays: ClassVar[bool] = True
    of_pictures: ClassVar[tuple[str, ...]] = ("resize", "crop", "value_range", "augmentation")
    inputs: Any
    prepared: Any
    features: Any
    target: Any

    def __init__(self, *args: Any, **kwargs: Any): ...

    @staticmethod
    def of_data(arguments: dict, data: dict, shape=None) -> dict:
        """Gives the arguments that the data of a preset ask for, so that they go in as they are.

        By itself there are none.
        """
        return {}

    @classmethod
    def fit(cls, data: dict, limit=None) -> tuple[list[int], dict]:
        """Finds the shape that examples of other data should have, and what to add to the data.

        Where there is a limit, the shape that they had so far, it is not exceeded if examples of
        this kind can be made smaller. By itself the shape is that of the data, and nothing is
        added.
        """
        shape = data_sets.example_shape(data["name"], kind=cls.unit)
        return list(cls.check_shape(shape)), {}

    @staticmethod
    def check_shape(shape: Any) -> tuple[int, ...]:
        """Returns the shape of an example as a tuple, or raises `ValueError`."""
        ...

    @staticmethod
    def search_data(values: dict, data: dict) -> dict:
        """Makes the data of a preset of what a search chose, and takes it out of the values.

        By itself nothing is chosen for them.
        """
        return data

    @classmethod
    def load(
        cls, data: dict, split: str, data_dir=None, shape=None, prepared: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Loads the examples and labels that the data of a preset name, by itself as they are.

        Args:
            data: The `data:` of the preset, a dictionary.
            split: `"train"`, `"validation"` or `"test"`.
            data_dir: Folder of the data sets; see `capszoo.data.load`. Defaults to `None`.
            shape: What the body of a model sees, for an input end that brings examples to it.
                Defaults to `None`.
            prepared: Whether they come as the body sees them, likewise. Defaults to `False`.

        Returns:
            Examples and labels.

        Raises:
            ValueError: If the data ask for what is not done to examples of this kind.
        """
        for key in cls.of_pictures:
            if data.get(key):
                raise ValueError(f"`data.{key}` is for pictures; {cls.unit} come as they are.")
        return data_sets.load(
            data["name"],
            split,
            data_dir=data_dir,
            kind=cls.unit,
            **{key: data.get(key) for key in data_sets.options(data["name"])},
        )

    @staticmethod
    def learn(x: Any, shape: tuple[int, ...]) -> dict[str, Any]:
        """Learns from training examples the arguments named by `learnt`; none by itself."""
        return {}

    def adapt(self, x: Any) -> None:
        """Learns, as `learn` does, and keeps what was learnt; nothing by itself."""
        return None

    def to_arrays(self, x: Any, training: bool = False) -> Any:
        """Makes the arrays that a graph takes of examples of another form, such as texts.

        What needs none, arrays and pipelines, is given back. In training, what is to be learnt of
        examples and is not known yet is learnt.
        """
        return x

    @staticmethod
    def sizes(x: np.ndarray) -> np.ndarray | None:
        """How large each example of an array is without its padding.

        Batches of examples alike in size have less of it. `None`, by itself, where none is padded.
        """
        return None

    @staticmethod
    def trim(x: np.ndarray) -> np.ndarray:
        """Cuts off what is padding in all examples of a batch, to one of a few sizes; or nothing.

        For each size a model is compiled once.
        """
        return x

    def check(self, x) -> None:
        """Raises `ValueError` unless an array holds examples that the model takes."""
        ...

    def synthetic(self, count: int = 3) -> np.ndarray:
        """Makes prepared examples that are alike on every machine."""
        ...
