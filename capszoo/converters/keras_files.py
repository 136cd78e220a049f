"""Weights in the files of Keras 2 and 3: HDF5, alone or in a `.keras` archive."""

import contextlib
import io
import json
import os
import re
import zipfile
from collections.abc import Iterator

import h5py

from capszoo.converters.stored import StoredArray
from capszoo.converters.stored import existing
from capszoo.converters.stored import reading

# In paths of Keras 2 and 3, what a training keeps beside the weights.
STATE = ("optimizer", "optimizer_weights", "seed_generator")
WEIGHTS_IN_KERAS = "model.weights.h5"
CONFIG_IN_KERAS = "config.json"
LONGEST_CONFIG = 1 << 24
# Trained weights hardly pack at all; zeros pack a thousandfold, and so does what fills a memory.
MOST_PACKED = 100


@contextlib.contextmanager
def opened_keras(file: str | os.PathLike) -> Iterator[dict[str, StoredArray]]:
    """Opens the weights of a file of Keras 2 or 3, in the order of the file's own lists.

    The state of the optimizer and of random generators is left out.

    Args:
        file: Path of an HDF5 file of `save_weights` or of a whole saved model, or of a `.keras`
            file.

    Yields:
        Dictionary from a variable's path in the file, without `":0"`, to its `StoredArray`, to be
        read while the file is open.

    Raises:
        ValueError: If the file is none of these, is damaged or holds something else, or tells
            sizes that it cannot hold.
    """
    with _opened_hdf5(file) as opened:
        with reading(file):
            root = opened.get("model_weights", opened)
            found = _items(root)
            order = _listed_order(root, found)
        datasets = {
            path: item
            for path, item in found.items()
            if isinstance(item, h5py.Dataset) and not _is_state(path)
        }
        position = {path: number for number, path in enumerate(order)}
        paths = sorted(datasets, key=lambda path: (position.get(path, len(order)), _natural(path)))
        arrays = {path.removesuffix(":0"): _stored(file, path, datasets[path]) for path in paths}
        _check_packed(file, "its arrays", sum(array.nbytes for array in arrays.values()))
        yield arrays


def read_architecture(file: str | os.PathLike) -> tuple[dict | None, int]:
    """Reads what a file of Keras tells beside the weights.

    Args:
        file: Path of a file that `opened_keras` opens.

    Returns:
        The configuration of the model, `None` where the file holds weights alone, and how many
        arrays of the optimizer it holds.

    Raises:
        ValueError: If the configuration is none.
    """
    with _opened_hdf5(file) as opened, reading(file):
        text = opened.attrs.get("model_config")
        count = sum(
            isinstance(item, h5py.Dataset) and _is_state(path, STATE[:2])
            for path, item in _items(opened).items()
        )
    with reading(file, "has a configuration that is none of Keras"):
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                text = _read_member(archive, CONFIG_IN_KERAS, LONGEST_CONFIG)
        return (None if text is None else json.loads(text)), count


@contextlib.contextmanager
def _opened_hdf5(file):
    """Opens the HDF5 file that a file is, or that lies in a `.keras` file."""
    file = existing(file)
    content = file
    if zipfile.is_zipfile(file):
        with reading(file), zipfile.ZipFile(file) as archive:
            size = _size_of_member(archive, WEIGHTS_IN_KERAS)
        if size is None:
            raise ValueError(f"{file} is neither an HDF5 nor a .keras file.")
        _check_packed(file, WEIGHTS_IN_KERAS, size)
        with reading(file), zipfile.ZipFile(file) as archive:
            content = io.BytesIO(_read_member(archive, WEIGHTS_IN_KERAS, size))
    elif not h5py.is_hdf5(file):
        raise ValueError(f"{file} is not an HDF5 file.")
    with contextlib.ExitStack() as kept:
        with reading(file):
            opened = kept.enter_context(h5py.File(content, "r"))
        yield opened


def _size_of_member(archive, name):
    return archive.getinfo(name).file_size if name in archive.namelist() else None


def _read_member(archive, name, longest):
    size = archive.getinfo(name).file_size
    if size > longest:
        raise ValueError(f"expected {name} of at most {longest:,} bytes. Received: {size:,}")
    return archive.read(name)


def _items(root):
    """Groups and arrays by their paths; what is linked from elsewhere is left out."""
    found = {}
    root.visititems(found.__setitem__)
    return found


def _stored(file, path, dataset):
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"{file}: the array {path!r} lies in another file, which is not read.")
    with reading(file):
        shape, dtype, is_packed = dataset.shape, dataset.dtype, dataset.chunks is not None
        bytes_there = dataset.id.get_storage_size()
    array = StoredArray(file, path, shape, dtype, lambda: dataset[()])
    if not is_packed and bytes_there != array.nbytes:
        raise ValueError(
            f"{file}: the array {path!r} of shape {shape} takes {array.nbytes:,} bytes. "
            f"Received: {bytes_there:,}"
        )
    return array


def _check_packed(file, what, size):
    """Raises `ValueError` if a file says of a part that it is larger than weights ever unpack."""
    own = os.path.getsize(file)
    if size > MOST_PACKED * own:
        raise ValueError(f"{file} has {own:,} bytes, and {what} would have {size:,}; not read.")


def _is_state(path, names=STATE):
    return any(part in names for part in path.split("/"))


def _listed_order(root, found):
    """The paths in the order that Keras 2 notes in the attributes of its groups."""
    order = []
    for layer in _texts(root.attrs.get("layer_names", [])):
        if layer in found:
            weights = _texts(found[layer].attrs.get("weight_names", []))
            order += [f"{layer}/{weight}" for weight in weights]
    return order


def _texts(values):
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def _natural(path):
    """Sorts `conv2d_10` after `conv2d_9`, whatever a part begins with."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path)]
