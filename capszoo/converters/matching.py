"""Pairing the arrays of a file with the variables of a model."""

import os
import re
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from capszoo.converters.report import Row
from capszoo.converters.stored import Array


class Layout(NamedTuple):
    """How an array of the file becomes ours: transposed by `axes` (if any), then reshaped.

    `file_shape` computes the shape expected in the file from the shape of our variable.
    """

    axes: tuple[int, ...] | None
    file_shape: Callable[[tuple[int, ...]], tuple[int, ...]]


AS_IT_IS = Layout(None, lambda shape: shape)


class Pair(NamedTuple):
    """A variable's path, the name of its array in the file, and how to arrange it."""

    path: str
    source: str
    layout: Layout = AS_IT_IS

    def arranged(self, arrays: Mapping[str, Array], shape: tuple[int, ...]) -> np.ndarray:
        """The array in our arrangement."""
        array, axes = np.asarray(arrays[self.source]), self.layout.axes
        # Without axes NumPy would reverse them.
        return np.reshape(array if axes is None else np.transpose(array, axes), shape)


def variables(model: keras.Model) -> dict[str, Any]:
    """Maps the path of each weight to the variable: those that a preset stores, in order.

    Keras numbers the routings of a process on, so their numbers are left out.
    """
    return {re.sub(r"_routing_\d+/", "_routing/", one.path): one for one in model.weights}


def check(
    pairs: Sequence[Pair],
    arrays: Mapping[str, Array],
    model: keras.Model,
    file: str | os.PathLike,
    ignored: Collection[str] = (),
) -> None:
    """Raises `ValueError` unless every variable has its array, of its shape, and none is left.

    Args:
        pairs: One `Pair` per variable of the model.
        arrays: Dictionary from name to array.
        model: The model.
        file: The file, for the error.
        ignored: Names of arrays left out on purpose. Defaults to `()`.

    Raises:
        ValueError: With what was expected, found, missing, of wrong shape and left over.
    """
    ours = variables(model)
    expected = {pair.source: pair.layout.file_shape(tuple(ours[pair.path].shape)) for pair in pairs}
    unpaired = sorted(set(ours) - {pair.path for pair in pairs})
    missing = [name for name in expected if name not in arrays]
    wrong = [name for name in expected if name in arrays and arrays[name].shape != expected[name]]
    left = [name for name in arrays if name not in expected and name not in ignored]
    if missing or wrong or left or unpaired:
        lines = [f"  expected: {_listed(expected)}", f"  found: {_listed(_shapes(arrays))}"]
        if missing or unpaired:
            lines.append(f"  missing: {', '.join(missing + unpaired)}")
        for name in wrong:
            shapes = f"expected {expected[name]}, found {arrays[name].shape}"
            lines.append(f"  wrong shape: {name}: {shapes}")
        if left:
            lines.append(f"  not expected: {', '.join(left)}")
        raise ValueError("\n".join([f"{file} does not hold the weights of this model:", *lines]))


def layout_error(
    file: str | os.PathLike,
    expected: Mapping[str, tuple[str, bool]],
    arrays: Mapping[str, Array],
) -> ValueError:
    """Builds the error for a file whose arrays do not show the structure of its format.

    Args:
        file: The file.
        expected: Dictionary from what is expected to its description and whether it was found.
        arrays: Dictionary from name to array.

    Returns:
        A `ValueError` that lists what was expected, found and missing.
    """
    listed = "; ".join(f"{name}: {text}" for name, (text, _) in expected.items())
    missing = ", ".join(name for name, (_, found) in expected.items() if not found)
    return ValueError(
        f"{file} does not hold the arrays of this format:\n  expected: {listed}\n"
        f"  found: {_listed(_shapes(arrays)) or '(no arrays)'}\n  missing: {missing}"
    )


def assign(pairs: Sequence[Pair], arrays: Mapping[str, Array], model: keras.Model) -> None:
    """Gives the model's variables the numbers of the file."""
    ours = variables(model)
    for pair in pairs:
        variable = ours[pair.path]
        variable.assign(pair.arranged(arrays, tuple(variable.shape)))


def compare(
    pairs: Sequence[Pair], arrays: Mapping[str, Array], model: keras.Model
) -> tuple[Row, ...]:
    """Compares the model's variables with the file; returns one `Row` per pair."""
    ours, rows = variables(model), []
    for pair in pairs:
        variable = ours[pair.path]
        shape = tuple(variable.shape)
        numbers = ops.convert_to_numpy(variable.value)
        difference = np.abs(numbers - pair.arranged(arrays, shape)).max(initial=0.0)
        rows.append(Row(pair.source, pair.path, shape, float(difference)))
    return tuple(rows)


def _shapes(arrays):
    return {name: array.shape for name, array in arrays.items()}


def _listed(shapes):
    return ", ".join(f"{name} {tuple(shape)}" for name, shape in shapes.items())
