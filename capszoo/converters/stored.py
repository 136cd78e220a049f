"""Arrays that lie in a file: sizes are known before a number is read, and memory taken for it."""

import contextlib
import math
import os
import pathlib
import textwrap
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence

import numpy as np


class StoredArray:
    """An array of a file. Its shape is known; NumPy's functions read its numbers, as float32.

    Args:
        file: The file, for errors.
        name: Name of the array.
        shape: Its shape, as the file tells it.
        dtype: Its dtype, as the file tells it.
        read: Function without arguments that reads it.

    Raises:
        ValueError: If it holds no numbers, or none.
    """

    def __init__(
        self,
        file: str | os.PathLike,
        name: str,
        shape: Sequence[int] | None,
        dtype: str | np.dtype | None,
        read: Callable[[], np.ndarray],
    ):
        dtype = None if dtype is None else np.dtype(dtype)
        if dtype is None or dtype.kind not in "fiu":
            raise ValueError(f"{file}: expected numbers in {name!r}. Received: dtype {dtype}")
        if shape is None or not all(size > 0 for size in shape):
            raise ValueError(f"{file}: the array {name!r} is empty. Received: shape {shape}")
        self.file, self.name, self.dtype, self._read = file, name, dtype, read
        self.shape = tuple(shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """How many bytes they take, as they are in the file."""
        return self.size * self.dtype.itemsize

    def __array__(self, dtype=None, copy=None):
        with reading(self.file):
            array = self._read()
        return np.asarray(array.astype("float32"), dtype)


Array = np.ndarray | StoredArray


@contextlib.contextmanager
def reading(file: str | os.PathLike, problem: str = "is damaged or truncated") -> Iterator[None]:
    """Makes one refusal of whatever a reader of files raises where a file is none.

    Readers raise what the first odd byte leads them to: errors of a compression, of Python's
    grammar, of memory.

    Args:
        file: The file.
        problem: What is wrong with it then. Defaults to `"is damaged or truncated"`.

    Raises:
        ValueError: With the file, the problem and what the reader said.
    """
    try:
        yield
    except Exception as error:
        said = textwrap.shorten(str(error), 300) or type(error).__name__
        raise ValueError(f"{file} {problem}: {said}") from error


def existing(file: str | os.PathLike) -> pathlib.Path:
    """The path of a file; raises `ValueError` if there is none."""
    file = pathlib.Path(file)
    if not file.is_file():
        raise ValueError(f"There is no file at {str(file)!r}.")
    return file
