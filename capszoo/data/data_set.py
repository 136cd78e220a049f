"""What is known of a data set that has a name."""

import dataclasses
from collections.abc import Callable
from collections.abc import Mapping

import numpy as np

from capszoo.data.cases import Case
from capszoo.data.cases import stack_cases
from capszoo.registry import Registry
from capszoo.validation import check_choice
from capszoo.validation import unknown_name_error


@dataclasses.dataclass(frozen=True)
class DataSet:
    """A data set that `capszoo.data.load` and presets know by name.

    Attributes:
        shape: The shape of one example, for pictures `(height, width, channels)`.
        class_names: The names of its classes, in the order of its labels.
        read: Function of a split, a folder or `None`, and the options by name. It gives the
            examples and the labels.
        options: Maps further arguments of `load`, and keys of a preset's `data:`, to the values
            that each allows, the first of them the default. Defaults to none.
        read_cases: Function of a split and a folder or `None`, of a set with masks: it gives
            `capszoo.data.Case`s in true size. Defaults to `None`, a set without masks.
    """

    shape: tuple[int, ...]
    class_names: tuple[str, ...]
    read: Callable[..., tuple[np.ndarray, np.ndarray]]
    options: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    read_cases: Callable[..., list[Case]] | None = None


def _check(thing):
    if not isinstance(thing, DataSet):
        raise TypeError(f"Expected a capszoo.data.DataSet. Received: {thing!r}")


DATA_SETS = Registry("data set", "data_sets", _check)


def register(name: str, data_set: DataSet) -> None:
    """Makes a data set known by a name, to `load`, to presets and to the commands.

    An installed package registers its data sets by an entry point in the group
    `capszoo.data_sets` that names the module that does so.

    Args:
        name: The name, in lower case with underscores; must be new.
        data_set: A `DataSet`.

    Raises:
        ValueError: If the name is taken or no identifier.
        TypeError: If it is no `DataSet`.

    Example:

    >>> def read(split, data_dir):
    ...     return np.zeros((10, 8, 8, 1), "uint8"), np.arange(10) % 2
    >>> capszoo.data.register("nights", capszoo.data.DataSet((8, 8, 1), ("dark", "darker"), read))
    >>> capszoo.data.load("nights", "test")[0].shape
    (10, 8, 8, 1)
    """
    DATA_SETS.add(name, data_set)


def set_of_cases(
    shape: tuple[int, ...],
    class_names: tuple[str, ...],
    read_cases: Callable[..., list[Case]],
) -> DataSet:
    """Makes a data set of cases, whose arrays are the cases padded to one shape.

    Args:
        shape: `(*size, channels)` that all cases fit in.
        class_names: The names of the classes, the background first.
        read_cases: Function of a split and a folder or `None`, that gives `Case`s.

    Returns:
        A `DataSet` for `capszoo.data.register`.

    Example:

    >>> def read(split, data_dir):
    ...     return [capszoo.data.Case("a", np.zeros((6, 8, 3), "uint8"), np.eye(6, 8), (1, 1))]
    >>> blobs = capszoo.data.set_of_cases((8, 8, 3), ("background", "blob"), read)
    >>> capszoo.data.register("blobs", blobs)
    >>> images, masks = capszoo.data.load("blobs", kind="masks")
    >>> images.shape, masks.shape
    ((1, 8, 8, 3), (1, 8, 8))
    """

    def read(split, data_dir):
        return stack_cases(read_cases(split, data_dir), shape[:-1])

    return DataSet(shape, class_names, read, read_cases=read_cases)


def option(value: object) -> object:
    """Returns the value of an option as it is compared: the number of a fold, say, as its digits.

    Args:
        value: Whatever was given.

    Returns:
        A string for an integer, the value itself else.

    Example:

    >>> capszoo.data.data_set.option(3), capszoo.data.data_set.option("object")
    ('3', 'object')
    """
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def check_options(name: object, allowed: Mapping[str, tuple[str, ...]], given: Mapping) -> dict:
    """Returns the options that are not `None`, or raises `ValueError` for one not allowed."""
    options = {key: option(value) for key, value in given.items() if value is not None}
    for key, value in options.items():
        if key not in allowed:
            if not allowed:
                raise ValueError(
                    f"The data {str(name)!r} has no options. Received: {key}={value!r}"
                )
            raise unknown_name_error(f"option of {name!r}:", key, allowed)
        check_choice(key, value, allowed[key])
    return options
