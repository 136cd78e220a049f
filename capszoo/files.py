"""Text and YAML files: text written whole or not at all, YAML as presets are written."""

import contextlib
import errno
import os
import pathlib
import re
import shutil
from collections.abc import Hashable
from collections.abc import Iterator
from typing import Any

import filelock
import yaml

# In a folder that a process is writing into.
LOCK_FILE = ".lock"
MAX_BYTES = 1 << 20
MAX_DEPTH = 50
MAX_PARTS = 30_000
MAX_NUMBER = 100


def leftovers(folder: pathlib.Path) -> bool:
    """Whether all that a folder holds was left by a process of ours that began and was killed."""
    return all(
        path.name == LOCK_FILE or path.name.endswith(".partial") for path in folder.iterdir()
    )


@contextlib.contextmanager
def locked(folder: pathlib.Path) -> Iterator[None]:
    """Keeps a folder for this process; the lock of one that was killed locks nobody out.

    Args:
        folder: The folder, which must exist.

    Raises:
        ValueError: If another process keeps it.
    """
    lock = filelock.FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise ValueError(
            f"Another process is writing into {str(folder)!r}. Wait until it is done, or choose "
            "another folder with --output."
        ) from None
    try:
        yield
    finally:
        (folder / LOCK_FILE).unlink(missing_ok=True)
        lock.release()


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes a text file beside its name and moves it there: nobody sees half of it.

    Args:
        path: The file.
        text: What it will hold.
    """
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def check_room(path: pathlib.Path, size: int) -> None:
    """Raises `OSError` unless a file has room where it is going to be written.

    HDF5 ends the whole process where a disk is full, with what was not saved.

    Args:
        path: The file, which is not there yet.
        size: Bytes it will have.

    Raises:
        OSError: If the disk, the quota or the limit of a file is smaller.
    """
    try:
        with open(path, "wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, max(size, 1))
            elif shutil.disk_usage(path.parent).free < size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        raise OSError(
            error.errno, f"Cannot write {size} bytes to {str(path)!r}: {error.strerror}"
        ) from None
    finally:
        path.unlink(missing_ok=True)


# The loader in C, where PyYAML has it, is ten times as fast.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):
    """PyYAML's safe loader with YAML 1.2's floats, refusing duplicate keys and odd scalars."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        seen = set()
        for key in keys:
            if not isinstance(key, Hashable):
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is none", node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_object(self, node, deep=False):
        if not isinstance(node, yaml.ScalarNode):
            return super().construct_object(node, deep)
        if len(node.value) > MAX_NUMBER and not node.tag.endswith(":str"):
            raise yaml.constructor.ConstructorError(
                None, None, f"a number of {len(node.value)} digits", node.start_mark
            )
        try:
            return super().construct_object(node, deep)
        except (ValueError, IndexError, KeyError, AttributeError) as error:
            # What PyYAML's own constructors raise on `!!int ""` and the like.
            raise yaml.constructor.ConstructorError(
                None, None, f"{node.value!r} is no {node.tag.rpartition(':')[2]}", node.start_mark
            ) from error


# PyYAML follows YAML 1.1, where 1e-3 is a string for want of a dot.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def read_yaml(path: pathlib.Path, where: object = None) -> Any:
    """Reads a YAML file of plain data.

    Args:
        path: The file.
        where: Where it comes from, for the error. Defaults to `None`, the path.

    Returns:
        Dictionaries, lists, strings, numbers.

    Raises:
        ValueError: If the file is not YAML or a key stands twice.
    """
    try:
        return load_yaml(_text(path))
    except ValueError as error:  # UnicodeDecodeError is one, too
        raise ValueError(f"{where or path} is not a YAML file: {error}") from None


def load_yaml(text: str) -> Any:
    """Reads YAML text of plain data; what would take long to read is refused.

    Args:
        text: The text, of at most `MAX_BYTES` bytes and `MAX_PARTS` parts, nested at most
            `MAX_DEPTH` deep.

    Returns:
        Dictionaries, lists, strings, numbers.

    Raises:
        ValueError: If the text is not YAML, too long, too deep or a key stands twice.

    Example:

    >>> capszoo.files.load_yaml("learning_rate: 1e-3")
    {'learning_rate': 0.001}
    """
    if len(text) > MAX_BYTES:
        raise ValueError(f"expected at most {MAX_BYTES} bytes of YAML. Received: {len(text)}")
    try:
        for _ in _events(text):
            pass  # deeper or longer text is refused on the way
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {error}") from None


def uses_aliases(path: pathlib.Path) -> bool:
    """Tells whether a YAML file names a part of it again, a few lines of which can stand for more
    than any memory holds; of what `read_yaml` refuses it tells nothing.

    Args:
        path: The file.

    Returns:
        A boolean.
    """
    try:
        return any(isinstance(event, yaml.AliasEvent) for event in _events(_text(path)))
    except (ValueError, yaml.YAMLError):
        return False


def _text(path):
    """The text of a YAML file; raises `ValueError` if it is longer than anybody should read."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(f"expected at most {MAX_BYTES} bytes. Received: {size}")
    return path.read_text(encoding="utf-8")


def _events(text):
    """Yields what a parser sees; raises `ValueError` where it is more than is read in a second."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, _SafeLoader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH or count > MAX_PARTS:
            raise ValueError(
                f"expected YAML nested at most {MAX_DEPTH} deep, of at most {MAX_PARTS} parts"
            )
        yield event
