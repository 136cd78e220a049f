"""What forms there are, by the ending of the file, and whether one can be written in its place."""

import dataclasses
import importlib.util
import os
import pathlib
from types import ModuleType

from capszoo.export import litert
from capszoo.export import onnx_file
from capszoo.export import saved_model
from capszoo.validation import unknown_name_error

# Weights alone, which any framework reads.
ARRAYS = (".npz", ".safetensors")


@dataclasses.dataclass(frozen=True)
class Form:
    """A form of whole models.

    Attributes:
        name: Its name in reports.
        module: Has `write(model, path, outputs)` and `opened(path)`.
        writers: The packages that write it, beside TensorFlow.
        runtime: The package that runs it.
    """

    name: str
    module: ModuleType
    writers: tuple[str, ...] = ()
    runtime: str = "tensorflow"


FORMS = {
    ".onnx": Form("onnx", onnx_file, ("tf2onnx",), "onnxruntime"),
    ".savedmodel": Form("savedmodel", saved_model),
    ".tflite": Form("litert", litert, (), "ai_edge_litert"),
}


def endings() -> list[str]:
    """Lists the endings of the files that `export` writes.

    Returns:
        List of strings: weights alone first, then whole models.

    Example:

    >>> capszoo.export.endings()
    ['.npz', '.safetensors', '.onnx', '.savedmodel', '.tflite']
    """
    return [*ARRAYS, *FORMS]


def check_place(file: str | os.PathLike) -> pathlib.Path:
    """Raises unless a file can be written where it is to be, and in a form that there is.

    Args:
        file: The file, which must not exist yet.

    Returns:
        Its path.

    Raises:
        ImportError: If a package that writes the form is missing.
        OSError: If there is no folder to write into, or it cannot be written.
        ValueError: If the ending is unknown or the file exists.
    """
    path = pathlib.Path(file)
    if path.suffix not in endings():
        raise unknown_name_error("ending", path.suffix, endings())
    if path.exists():
        raise ValueError(f"{str(path)!r} exists already; choose another file.")
    folder = next(one for one in path.absolute().parents if one.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        reason = "cannot be written" if folder.is_dir() else "is no folder"
        raise OSError(f"Cannot write {str(path)!r}: {str(folder)!r} {reason}.")
    if path.suffix in FORMS:
        needed = ("tensorflow", *FORMS[path.suffix].writers)
        lacking = [name for name in needed if not _is_installed(name)]
        if lacking:
            raise ImportError(
                f"Files ending in {path.suffix} are written by {' and '.join(needed)}, on any "
                f"backend. Missing: {', '.join(lacking)}. Install: "
                'pip install "capszoo[tensorflow,export]"'
            )
    return path


def missing_runtime(form: Form) -> str | None:
    """Says what to install so that a form can be run; `None` where it can be."""
    if _is_installed(form.runtime):
        return None
    return f'{form.runtime.replace("_", "-")} is missing: pip install "capszoo[export]"'


def _is_installed(name):
    return importlib.util.find_spec(name) is not None
