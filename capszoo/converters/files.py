"""Reading and writing files of named arrays: Keras' HDF5 and `.keras`, npz and safetensors."""

import contextlib
import io
import json
import os
import pathlib
import re
import zipfile
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

# In paths of Keras 2 and 3, what a training keeps beside the weights.
STATE = ("optimizer", "optimizer_weights", "seed_generator")
WEIGHTS_IN_KERAS = "model.weights.h5"
CONFIG_IN_KERAS = "config.json"


def read_keras(file: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads the weights of a file of Keras 2 or 3, in the order of the file's own lists.

    The state of the optimizer and of random generators is left out.

    Args:
        file: Path of an HDF5 file of `save_weights` or of a whole saved model, or of a `.keras`
            file.

    Returns:
        Dictionary from a variable's path in the file, without `":0"`, to its array.

    Raises:
        ValueError: If the file is none of these, is damaged or holds something else.
    """
    arrays: dict[str, np.ndarray] = {}
    try:
        with _opened_hdf5(file) as opened:
            root = opened.get("model_weights", opened)
            order = _listed_order(root)

            def collect(path, item):
                if isinstance(item, h5py.Dataset) and not _is_state(path):
                    _check_plain(file, path, item)
                    arrays[path] = item[()]

            root.visititems(collect)
    except (OSError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file} is damaged or truncated: {error}") from None
    position = {path: number for number, path in enumerate(order)}
    paths = sorted(arrays, key=lambda path: (position.get(path, len(order)), _natural(path)))
    return {path.removesuffix(":0"): _numbers(file, path, arrays[path]) for path in paths}


def read_architecture(file: str | os.PathLike) -> tuple[dict | None, int]:
    """Reads what a file of Keras tells beside the weights.

    Args:
        file: Path of a file that `read_keras` reads.

    Returns:
        The configuration of the model, `None` where the file holds weights alone, and how many
        arrays of the optimizer it holds.
    """
    count = 0
    with _opened_hdf5(file) as opened:

        def collect(path, item):
            nonlocal count
            count += isinstance(item, h5py.Dataset) and _is_state(path, STATE[:2])

        opened.visititems(collect)
        text = opened.attrs.get("model_config")
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            text = archive.read(CONFIG_IN_KERAS)
    return (None if text is None else json.loads(text)), count


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


@contextlib.contextmanager
def _opened_hdf5(file):
    """Opens the HDF5 file that a file is, or that lies in a `.keras` file."""
    file = _existing(file)
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            if WEIGHTS_IN_KERAS not in archive.namelist():
                raise ValueError(f"{file} is neither an HDF5 nor a .keras file.")
            content = io.BytesIO(archive.read(WEIGHTS_IN_KERAS))
    elif h5py.is_hdf5(file):
        content = file
    else:
        raise ValueError(f"{file} is not an HDF5 file.")
    with h5py.File(content, "r") as opened:
        yield opened


def _is_state(path, names=STATE):
    return any(part in names for part in path.split("/"))


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
