"""Reading and writing files of named arrays: Keras 2 HDF5, npz and safetensors."""

import os
import pathlib
import re
import zipfile
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np


def read_hdf5(file: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads the weights of a Keras 2 HDF5 file, in the order of the file's own lists.

    Args:
        file: Path of a file of `save_weights` or of a whole saved model.

    Returns:
        Dictionary from a variable's path in the file, without `":0"`, to its array.

    Raises:
        ValueError: If the file is no HDF5 file, is damaged or holds something else.
    """
    file = _existing(file)
    if not h5py.is_hdf5(file):
        raise ValueError(f"{file} is not an HDF5 file.")
    try:
        with h5py.File(file, "r") as opened:
            root = opened.get("model_weights", opened)
            arrays, order = {}, _listed_order(root)

            def collect(path, item):
                if isinstance(item, h5py.Dataset):
                    _check_plain(file, path, item)
                    arrays[path] = item[()]

            root.visititems(collect)
    except (OSError, KeyError, RuntimeError) as error:
        raise ValueError(f"{file} is damaged or truncated: {error}") from None
    position = {path: number for number, path in enumerate(order)}
    paths = sorted(arrays, key=lambda path: (position.get(path, len(order)), _natural(path)))
    return {path.removesuffix(":0"): _numbers(file, path, arrays[path]) for path in paths}


def read_npz(file: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads an `.npz` file of numeric arrays; pickled objects are refused.

    Args:
        file: Path of the file.

    Returns:
        Dictionary from name to array.

    Raises:
        ValueError: If the file is no `.npz` file, is damaged or holds something else.
    """
    file = _existing(file)
    if not zipfile.is_zipfile(file):
        raise ValueError(f"{file} is not an .npz file.")
    try:
        with np.load(file, allow_pickle=False) as opened:
            arrays = {name: opened[name] for name in opened.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file} cannot be read as an .npz file of arrays: {error}") from None
    return {name: _numbers(file, name, array) for name, array in arrays.items()}


def read_safetensors(file: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads a `.safetensors` file.

    Args:
        file: Path of the file.

    Returns:
        Dictionary from name to array.

    Raises:
        ImportError: If the package safetensors is missing.
        ValueError: If the file is no safetensors file or is damaged.
    """
    file = _existing(file)
    module = _import_safetensors()
    try:
        arrays = module.numpy.load_file(file)
    except (module.SafetensorError, OSError, TypeError, KeyError, ValueError) as error:
        raise ValueError(f"{file} cannot be read as a safetensors file: {error}") from None
    return {name: _numbers(file, name, array) for name, array in arrays.items()}


def write_arrays(arrays: Mapping[str, Any], file: str | os.PathLike) -> None:
    """Writes named arrays to an `.npz` or `.safetensors` file, whole or not at all.

    Args:
        arrays: Dictionary from name to array.
        file: Path of the file, which must not exist yet; its suffix says the format.

    Raises:
        ImportError: If the package safetensors is needed and missing.
        ValueError: If the file exists or its suffix is another.
    """
    file = pathlib.Path(file)
    if file.suffix not in (".npz", ".safetensors"):
        raise ValueError(f"Expected a file ending in .npz or .safetensors. Received: {str(file)!r}")
    if file.exists():
        raise ValueError(f"{str(file)!r} exists already; choose another file.")
    module = _import_safetensors() if file.suffix == ".safetensors" else None
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".partial-{file.name}")
    try:
        if module is None:
            np.savez(partial, **arrays)
        else:
            contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
            module.numpy.save_file(contiguous, partial)
        os.replace(partial, file)
    except Exception as error:
        # safetensors has an error of its own for a full disk.
        if isinstance(error, OSError):
            raise
        raise OSError(f"Cannot write {str(file)!r}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _existing(file):
    file = pathlib.Path(file)
    if not file.is_file():
        raise ValueError(f"There is no file at {str(file)!r}.")
    return file


def _import_safetensors():
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(
            'Files in safetensors format need the package: pip install "capszoo[safetensors]"'
        ) from None
    return safetensors


def _listed_order(root):
    """The paths in the order that Keras 2 notes in the attributes of its groups."""
    order = []
    for layer in _texts(root.attrs.get("layer_names", [])):
        if layer in root:
            weights = _texts(root[layer].attrs.get("weight_names", []))
            order += [f"{layer}/{weight}" for weight in weights]
    return order


def _texts(values):
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def _natural(path):
    """Sorts `conv2d_10` after `conv2d_9`."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path)]


def _check_plain(file, path, dataset):
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"{file}: the array {path!r} lies in another file, which is not read.")


def _numbers(file, name, array):
    array = np.asarray(array)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{file}: expected numbers in {name!r}. Received: dtype {array.dtype}")
    if array.size == 0:
        raise ValueError(f"{file}: the array {name!r} is empty. Received: shape {array.shape}")
    return array.astype("float32")
