"""The cache of downloaded presets: an entry is whole and verified, or it is not there.

<CAPSZOO_HOME or ~/.cache/capszoo>/presets/<name>-<hash of the source>/
    entry.json         the source, and the SHA-256 of every other file
    preset.yaml, ...   a preset directory
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
from collections.abc import Callable

import filelock

ENTRY_FILE = "entry.json"


def home() -> pathlib.Path:
    """The folder of what capszoo downloads: `CAPSZOO_HOME`, or `~/.cache/capszoo`."""
    folder = os.environ.get("CAPSZOO_HOME")
    return pathlib.Path(folder or "~/.cache/capszoo").expanduser().absolute()


def folder_of(source: str) -> pathlib.Path:
    """The folder in which the preset of a source lies once it is downloaded.

    Args:
        source: The address it is downloaded from.

    Returns:
        The folder, which may not exist.

    Example:

    >>> capszoo.zoo.cache.folder_of("https://example.com/presets/tiny").name
    'tiny-e29ddb2b2843'
    """
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", source.rpartition("/")[2]).strip(".-")
    digest = hashlib.sha256(source.encode()).hexdigest()
    return home() / "presets" / f"{name[:40] or 'preset'}-{digest[:12]}"


def entries() -> dict[str, pathlib.Path]:
    """Maps the source of every downloaded preset to its folder."""
    found = {}
    for file in sorted((home() / "presets").glob(f"[!.]*/{ENTRY_FILE}")):
        record = _read_record(file.parent)
        if record is not None:
            found[record["source"]] = file.parent
    return found


def fetch(source: str, fill: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """Finds the cache's entry for a source, filling it first where it is missing or damaged.

    Two processes that want the same entry wait for each other, and only the first one fills
    it. The entry appears by one rename: a process killed before it leaves none.

    Args:
        source: The address.
        fill: Function of a new, empty folder, which it fills with the files of the entry.

    Returns:
        The entry's folder.

    Raises:
        OSError: If the cache cannot be written. What `fill` raises passes through, and
            nothing is kept.
    """
    folder = folder_of(source)
    if _is_whole(folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder.with_name(f".{folder.name}.lock")):
            if not _is_whole(folder):  # else another process has just filled it
                _fill(source, folder, fill)
    except OSError as error:
        if error.errno is None:  # no trouble of the disk: a download's own words
            raise
        raise OSError(
            error.errno,
            f"Cannot write the cache of downloaded presets in {str(home())!r}: {error.strerror}. "
            "Set CAPSZOO_HOME to a folder that can be written and has room",
        ) from error
    return folder


def _fill(source, folder, fill):
    partial = folder.with_name(f".{folder.name}.partial")
    # The lock is ours: what lies here was left by a process that was killed.
    for leftover in (partial, folder):
        if leftover.exists():
            shutil.rmtree(leftover)
    partial.mkdir()
    try:
        fill(partial)
        hashes = {file.name: _sha256(file) for file in sorted(partial.iterdir())}
        record = json.dumps({"source": source, "sha256": hashes}, indent=2)
        (partial / ENTRY_FILE).write_text(record, encoding="utf-8")
        os.rename(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _is_whole(folder):
    """Whether a folder is an entry with every file as it was downloaded."""
    record = _read_record(folder)
    if record is None:
        return False
    try:
        return all(_sha256(folder / name) == one for name, one in record["sha256"].items())
    except OSError:
        return False


def _read_record(folder):
    try:
        record = json.loads((folder / ENTRY_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and {"source", "sha256"} <= set(record) else None


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
