"""Files of named arrays and nothing else, npz and safetensors: read by their headers, written."""

import contextlib
import io
import os
import pathlib
import zipfile
from collections.abc import Iterator
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from capszoo.converters.stored import StoredArray
from capszoo.converters.stored import existing
from capszoo.converters.stored import reading

# NumPy reads no header that is longer, but would get memory for it.
LONGEST_HEADER = 1 << 14
_READ_HEADER = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# The names of NumPy for those of safetensors that hold numbers.
_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    **{f"{letter}{bits}": f"{name}{bits}"
       for letter, name in (("I", "int"), ("U", "uint"))
       for bits in (8, 16, 32, 64)},
}  # fmt: skip


@contextlib.contextmanager
def opened_npz(file: str | os.PathLike) -> Iterator[dict[str, StoredArray]]:
    """Opens an `.npz` file of numeric arrays; pickled objects are refused.

    Args:
        file: Path of the file.

    Yields:
        Dictionary from name to `StoredArray`, to be read while the file is open.

    Raises:
        ValueError: If the file is no `.npz` file, is damaged or holds something else, or an array
            has another size than its header tells.
    """
    file = existing(file)
    if not zipfile.is_zipfile(file):
        raise ValueError(f"{file} is not an .npz file.")
    problem = "cannot be read as an .npz file of arrays"
    with contextlib.ExitStack() as kept:
        with reading(file, problem):
            archive = kept.enter_context(zipfile.ZipFile(file))
        arrays: dict[str, StoredArray] = {}
        for entry in archive.infolist():
            name = entry.filename.removesuffix(".npy")
            with reading(file, problem):
                shape, dtype, length = _header(archive, entry)
            if name in arrays:
                raise ValueError(f"{file} holds two arrays {name!r}.")
            arrays[name] = array = StoredArray(
                file, name, shape, dtype, partial(_read_entry, archive, entry)
            )
            if array.nbytes != entry.file_size - length:
                raise ValueError(
                    f"{file}: the array {name!r} of shape {shape} takes {array.nbytes:,} bytes. "
                    f"Received: {entry.file_size - length:,}"
                )
        yield arrays


def _header(archive, entry):
    """The shape and dtype of an array, and the length of the header that tells them."""
    with archive.open(entry) as stream:
        content = io.BytesIO(stream.read(LONGEST_HEADER))
    version = np.lib.format.read_magic(content)
    if version not in _READ_HEADER:
        raise ValueError(f"{entry.filename} has version {version} of the format")
    shape, _, dtype = _READ_HEADER[version](content)
    return shape, dtype, content.tell()


def _read_entry(archive, entry):
    with archive.open(entry) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


@contextlib.contextmanager
def opened_safetensors(file: str | os.PathLike) -> Iterator[dict[str, StoredArray]]:
    """Opens a `.safetensors` file.

    Args:
        file: Path of the file.

    Yields:
        Dictionary from name to `StoredArray`, to be read while the file is open.

    Raises:
        ImportError: If the package safetensors is missing.
        ValueError: If the file is no safetensors file or is damaged, or holds something else.
    """
    file = existing(file)
    module = _import_safetensors()
    with contextlib.ExitStack() as kept:
        with reading(file, "cannot be read as a safetensors file"):
            # Holds the sizes against the file's own.
            opened = kept.enter_context(module.safe_open(file, framework="numpy"))
            names = opened.keys()
            parts = {name: opened.get_slice(name) for name in names}
            told = {name: (part.get_shape(), part.get_dtype()) for name, part in parts.items()}
        yield {
            name: StoredArray(
                file, name, shape, _DTYPES.get(dtype), partial(opened.get_tensor, name)
            )
            for name, (shape, dtype) in told.items()
        }


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


def _import_safetensors():
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(
            'Files in safetensors format need the package: pip install "capszoo[safetensors]"'
        ) from None
    return safetensors
