"""Plain mappings from a variable's path to its array, in either direction."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from capszoo.converters.matching import Pair
from capszoo.converters.matching import variables
from capszoo.converters.plain_files import write_arrays
from capszoo.zoo import Preset
from capszoo.zoo import build
from capszoo.zoo import load


def export(preset: str | os.PathLike, file: str | os.PathLike) -> dict[str, tuple[int, ...]]:
    """Writes a preset's weights to a file that any framework reads.

    The names are the paths of the variables, such as `class_capsules/kernel`; `convert` takes
    the file back in.

    Args:
        preset: A name of `capszoo.list_presets()`, a preset directory or a preset file.
        file: The file, which must not exist yet: `.npz` or `.safetensors`.

    Returns:
        Dictionary from a variable's path to its shape.

    Raises:
        ImportError: If the package safetensors is needed and missing.
        ValueError: If the preset cannot be loaded, the file exists or its suffix is another.

    Example:

    >>> shapes = capszoo.converters.export("capsnet_digits", "weights.npz")
    >>> with np.load("weights.npz") as arrays:
    ...     arrays["conv/bias"].shape == shapes["conv/bias"]
    True
    """
    return export_arrays(load(preset), file)


def export_arrays(model: keras.Model, file: str | os.PathLike) -> dict[str, tuple[int, ...]]:
    """Writes the weights of a model, as `export` does those of a preset.

    Args:
        model: A `CapsuleModel`.
        file: The file, as `export` takes it.

    Returns:
        Dictionary from a variable's path to its shape.
    """
    ours = variables(model)
    arrays = {path: ops.convert_to_numpy(variable.value) for path, variable in ours.items()}
    write_arrays(arrays, pathlib.Path(file))
    return {path: array.shape for path, array in arrays.items()}


class ArraysFile:
    """A file of our own names, for the model of a preset.

    Args:
        preset: The preset whose model it is.
        arguments: Arguments of the preset's model that are replaced.
    """

    ignored: Sequence[str] = ()
    has_reference = False

    def __init__(self, preset: Preset, arguments: dict[str, Any]):
        self.preset = preset
        self.arguments = arguments

    @property
    def sections(self) -> dict[str, Any]:
        """The sections of the preset that stay as they are: its data and its paper."""
        return {"data": self.preset.data, "paper": self.preset.paper}

    def model(self, name: str) -> keras.Model:
        """Builds the untrained model."""
        return build(self.preset, name=name, **self.arguments)

    def pairs(self, model: keras.Model) -> list[Pair]:
        """Pairs each variable of the model with the array of its own path."""
        return [Pair(path, path) for path in variables(model)]

    def notes(self, sha256: str) -> tuple[str, ...]:
        """What else there is to know of the file."""
        return (f"The architecture is that of the preset {self.preset.name}.",)
