"""The path that a name of data means where it is none of a set."""

import os
from pathlib import Path

from capszoo.data.data_set import DATA_SETS
from capszoo.data.text_files import TEXT_SUFFIXES
from capszoo.validation import unknown_name_error


def own_path(name) -> Path:
    """Finds the folder or file of the user's own that a name means.

    Args:
        name: A string or path.

    Returns:
        The path.

    Raises:
        FileNotFoundError: If there is nothing at it.
        ValueError: If it looks like the name of a data set, and is none.
    """
    text = os.fspath(name) if isinstance(name, str | os.PathLike) else ""
    path = Path(text).expanduser()
    separators = (os.sep, os.altsep or os.sep)
    suffixes = (".npz", *TEXT_SUFFIXES)
    looks_like_path = text.endswith(suffixes) or any(mark in text for mark in separators)
    if not text or not (looks_like_path or path.exists()):
        error = unknown_name_error("data set", name, DATA_SETS.items)
        raise ValueError(f"{error} Or give the path to a folder of pictures or an .npz file.")
    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder at {path}.")
    if not path.is_dir() and path.suffix != ".npz":
        of_texts = " Files of texts want kind='texts'." if path.suffix in TEXT_SUFFIXES else ""
        raise ValueError(
            "Received an invalid value for argument `name`, expected a data set's name, a "
            f"folder of pictures or an .npz file.{of_texts} Received: name={text!r}"
        )
    return path
