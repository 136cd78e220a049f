"""Weights files: verified before they are read, written whole or not at all."""

import hashlib
import math
import os
import pathlib
import textwrap
import warnings
from typing import Literal

import h5py
import keras
import numpy as np

from capszoo.files import check_room
from capszoo.zoo.sections import Weights

# What HDF5 writes beside the numbers.
_BYTES_PER_ARRAY = 4096
_LARGEST_NUMBER = 4
# Truths are an enumeration; numbers that HDF5 has no name for, as bfloat16, are kept as bytes.
_KINDS_OF_NUMBERS = (h5py.h5t.FLOAT, h5py.h5t.INTEGER, h5py.h5t.ENUM, h5py.h5t.OPAQUE)


def describe(path: pathlib.Path, dtype: Literal["float32", "float16"] = "float32") -> Weights:
    """Makes the preset's entry for a weights file: name, SHA-256, size and dtype."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Weights(file=path.name, sha256=digest, size=path.stat().st_size, dtype=dtype)


def verify(path: pathlib.Path, weights: Weights, where: object = None) -> None:
    """Raises `ValueError` unless the file at `path` is the one a preset describes.

    Args:
        path: The file.
        weights: What the preset says of it.
        where: Where the file comes from, for the error. Defaults to `None`, the path.
    """
    where = where or path
    if not path.is_file():
        raise ValueError(f"The weights file {where} is missing.")
    found = describe(path)
    if found.sha256 != weights.sha256:
        raise ValueError(
            f"The weights file {where} is not the one its preset describes; it was not read. "
            f"Expected SHA-256 {weights.sha256} ({weights.size} bytes). "
            f"Received: {found.sha256} ({found.size} bytes)"
        )


def numbers_in(preset) -> dict:
    """Tells how many numbers the weights file of a preset can hold.

    Args:
        preset: A `Preset` with weights.

    Returns:
        Arguments of `capszoo.memory.limited` for the model that the file is of.
    """
    weights = preset.weights
    quantized = any("quantization" in change for change in (preset.layer_changes or {}).values())
    # Models of half precision keep two bytes a number; quantized, two numbers share a byte.
    size = 0.5 if quantized else 2
    reason = f"Its weights file {weights.file} of {weights.size:,} bytes cannot hold as many."
    return {"numbers": weights.size / size, "reason": reason}


def load_into(model: keras.Model, path: pathlib.Path) -> None:
    """Loads a verified weights file into a model; warns of weights that are not finite.

    Raises:
        ValueError: If it is no weights file of Keras, one of another model, or one whose numbers
            lie in other files.
    """
    try:
        with h5py.File(path) as file:
            _refuse_other_arrays(_arrays_in(file), model)
        with warnings.catch_warnings():
            # Keras warns where it leaves weights at random: not the model that was asked for.
            warnings.filterwarnings("error", message=".*freshly-initialized", category=UserWarning)
            model.load_weights(path)
    except (OSError, KeyError, RuntimeError, TypeError, ValueError, UserWarning) as error:
        raise ValueError(
            f"The weights file {path} cannot be loaded into {type(model).__name__} "
            f"{model.name!r}, although it is the file its preset describes. Expected an HDF5 "
            f"file of that model's weights. Received: {textwrap.shorten(str(error), 400)}"
        ) from error
    _warn_of_odd_numbers(model, path)


def _arrays_in(group):
    """Lists the arrays of an HDF5 file; raises `ValueError` if a part lies in another file.

    No hash would cover what lies there.
    """
    found = []
    for name in group:
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise ValueError(f"{group.name}/{name} lies in another file, {link.filename!r}.")
        item = group.get(name)
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise ValueError(f"{item.name} lies in another file.")
            found.append(item)
        if isinstance(item, h5py.Group) and isinstance(link, h5py.HardLink):
            found += _arrays_in(item)
    return found


def _refuse_other_arrays(arrays, model):
    """Raises `ValueError` if an array is too large for a model, or of numbers of another sort."""
    largest = max((math.prod(one.shape) for one in model.variables), default=0)
    integers = []
    for array in arrays:
        first, *others = array.name.strip("/").split("/")
        if first.startswith("optimizer") or "vars" not in others:
            continue
        # By the ids of HDF5: its Python objects take as long as reading.
        kind = array.id.get_type().get_class()
        if kind not in _KINDS_OF_NUMBERS:
            raise ValueError(f"{array.name} holds {array.dtype}, not weights of this model.")
        if array.id.get_space().get_simple_extent_npoints() > largest:
            raise ValueError(
                f"{array.name} of shape {array.shape} is larger than any of the model's weights."
            )
        if kind == h5py.h5t.INTEGER:
            integers.append(array.name)
    expected = sum("int" in str(one.dtype) for one in model.variables)
    if len(integers) > expected:
        raise ValueError(
            f"{expected} arrays hold integers in this model. Received: {', '.join(integers)}"
        )


def _warn_of_odd_numbers(model, path):
    odd = [
        variable.path
        for variable in model.weights
        if keras.backend.is_float_dtype(variable.dtype)
        and not np.isfinite(keras.ops.convert_to_numpy(variable.value).sum(dtype="float64"))
    ]
    if odd:
        more = f" and {len(odd) - 5} more" if len(odd) > 5 else ""
        warnings.warn(
            f"The weights of {path} are not all finite: {', '.join(odd[:5])}{more} hold NaN or "
            "infinity. What the model answers is worth nothing.",
            stacklevel=3,
        )


def write(model: keras.Model, path: pathlib.Path) -> None:
    """Saves a model's weights (with its optimizer's state, if it has any) atomically.

    Raises:
        OSError: If there is no room; what was there before is as it was.
    """
    partial = path.with_name(f"partial-{path.name}")
    variables = [*model.variables, *getattr(getattr(model, "optimizer", None), "variables", ())]
    numbers = sum(math.prod(variable.shape) for variable in variables)
    check_room(partial, _LARGEST_NUMBER * numbers + _BYTES_PER_ARRAY * (len(variables) + 100))
    model.save_weights(partial, overwrite=True)
    os.replace(partial, path)


def write_halved(source: pathlib.Path, path: pathlib.Path) -> None:
    """Copies a weights file with its numbers in float16, atomically: half the size.

    Raises:
        ValueError: If a number does not fit float16.
    """
    partial = path.with_name(f"partial-{path.name}")
    try:
        with h5py.File(source) as file, h5py.File(partial, "w") as halved:
            _copy_halved(file, halved)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _copy_halved(group, target):
    target.attrs.update(group.attrs)
    for name, item in group.items():
        if isinstance(item, h5py.Group):
            _copy_halved(item, target.create_group(name))
        else:
            target.create_dataset(name, data=_halved(item.name, item[()])).attrs.update(item.attrs)


def _halved(name, values):
    if values.dtype != np.float32:
        return values
    limit = np.finfo(np.float16).max
    if not np.abs(values).max(initial=0) <= limit:
        raise ValueError(f"{name} holds numbers beyond {limit}, the largest of float16.")
    return values.astype("float16")
