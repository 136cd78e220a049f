"""A user's own texts: CSV, TSV and JSON Lines files, and folders of .txt files."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from capszoo.data.csv_files import csv_rows
from capszoo.data.csv_files import decoded
from capszoo.data.image_folder import SPLIT_FOLDERS
from capszoo.data.image_folder import files_of_splits
from capszoo.data.sentence_sets import as_array
from capszoo.data.sentence_sets import choose_texts
from capszoo.validation import shown

TEXT_SUFFIXES = (".csv", ".tsv", ".jsonl")
COLUMNS = ("text", "label", "split")
_SPLITS = {alias: split for split, aliases in SPLIT_FOLDERS.items() for alias in (*aliases, split)}
_SPLITS["dev"] = "validation"


def load_texts(path: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads one split of texts of one's own.

    A `.csv` or `.tsv` file has a first line with the names of its columns, `text`, `label` and, if
    you like, `split` (train, validation, test); others are passed over. A `.jsonl` file has an
    object with the same keys in each line. A folder holds `train.csv` and, if you like,
    `validation.csv` and `test.csv` (or `.tsv`, `.jsonl`), or else a sub-folder of `.txt` files for
    each class, as a folder of pictures does. Of a split that is not there a tenth of each class is
    made, by a rule without a seed.

    Args:
        path: The file or folder.
        split: `"train"`, `"validation"` or `"test"`.

    Returns:
        Strings, an object array of shape (n,), and labels, int64 of shape (n,): the positions of
        the classes in the order of `text_class_names`.

    Raises:
        ValueError: If a file cannot be read, lacks a text or a label, or has fewer than two
            classes.
    """
    parts, names = _parts(path)
    positions = {name: position for position, name in enumerate(names)}
    arrays = {
        part: (as_array(texts), np.array([positions[label] for label in labels], "int64"))
        for part, (texts, labels) in parts.items()
    }
    for missing in ("test", "validation"):
        if missing not in arrays:
            arrays[missing] = choose_texts(*arrays["train"], missing, str(path))
            arrays["train"] = choose_texts(*arrays["train"], "train", str(path))
    return arrays[split]


def text_class_names(path: Path) -> list[str]:
    """Returns the names of the classes of one's own texts, in the order of their labels.

    Args:
        path: As in `load_texts`.

    Returns:
        List of strings: alphabetical, or by size where all are whole numbers.
    """
    return _parts(path)[1]


def _parts(path):
    """The texts and labels of each split that is there, and the names of the classes."""
    parts = _parts_of_folder(path) if path.is_dir() else _parts_of_files({None: path})
    if not parts.get("train", ([],))[0] and any(texts for texts, _ in parts.values()):
        others = ", ".join(part for part, (texts, _) in parts.items() if texts)
        raise ValueError(f"{path} has no training texts. Received: {others} alone.")
    names = set(parts.get("train", ([], []))[1])
    names = sorted(names, key=int) if all(map(_is_integer, names)) else sorted(names)
    if len(names) < 2:
        raise ValueError(
            f"Expected texts of at least two classes in {path}. Received: "
            f"{'only ' + shown(names[0]) if names else 'no text'}"
        )
    for part, (_, labels) in parts.items():
        unknown = sorted(set(labels) - set(names))
        if unknown:
            raise ValueError(
                f"The {part} texts of {path} have a label that none of the training texts has: "
                f"{shown(unknown[0])}"
            )
    return parts, names


def _is_integer(name):
    return name.removeprefix("-").isdecimal() and name.isascii() and len(name) < 20


def _parts_of_folder(folder):
    files = {path for path in folder.iterdir() if path.suffix.lower() in TEXT_SUFFIXES}
    of_split = {path: _SPLITS.get(path.stem.lower()) for path in sorted(files)}
    splits = [split for split in of_split.values() if split]
    if splits:
        if len(set(splits)) < len(splits):
            raise ValueError(f"{folder} has two files for one split.")
        return _parts_of_files({split: path for path, split in of_split.items() if split})
    found = files_of_splits(folder, (".txt",), "texts")
    return {
        split: ([_read_text(path) for path in paths], [path.parent.name for path in paths])
        for split, paths in found.items()
    }


def _read_text(path):
    text = decoded(path, path.read_bytes())
    if not text.strip():
        raise ValueError(f"Expected a text in {path}. Received: an empty file")
    return text


def _parts_of_files(files):
    parts = {split or "train": ([], []) for split in files}
    for split, path in files.items():
        rows = _json_rows(path) if path.suffix.lower() == ".jsonl" else csv_rows(path, COLUMNS[:2])
        for line, row in rows:
            text, label = (_cell(path, line, row, column) for column in COLUMNS[:2])
            texts, labels = parts.setdefault(split or _split_of(path, line, row), ([], []))
            texts.append(text)
            labels.append(label)
    return parts


def _cell(path, line, row, column):
    value = row.get(column)
    if column == "label" and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        expected = "a text that is not empty" if column == "text" else "the name of a class"
        raise ValueError(
            f"Expected {expected} as `{column}` in line {line} of {path}. Received: {shown(value)}"
        )
    return value.strip() if column == "label" else value


def _split_of(path, line, row):
    given = row.get("split")
    if given is None:
        return "train"
    if not isinstance(given, str) or given.strip().lower() not in _SPLITS:
        raise ValueError(
            f"Expected train, validation or test as `split` in line {line} of {path}. "
            f"Received: {shown(given)}"
        )
    return _SPLITS[given.strip().lower()]


def _json_rows(path) -> Iterator[tuple[int, dict]]:
    for line, content in enumerate(decoded(path, path.read_bytes()).split("\n"), start=1):
        if content.strip():
            try:
                row = json.loads(content)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"Line {line} of {path} is not JSON: {error}") from None
            if not isinstance(row, dict):
                raise ValueError(
                    f"Expected an object with the keys text and label in line {line} of {path}. "
                    f"Received: {shown(row)}"
                )
            yield line, row


def own_texts_path(name: str | os.PathLike) -> Path | None:
    """Returns the path of texts of one's own, `None` where there is nothing of that kind.

    Args:
        name: A path.

    Returns:
        `pathlib.Path` of a file of `TEXT_SUFFIXES` or of a folder, or `None`.
    """
    path = Path(name).expanduser() if isinstance(name, str | os.PathLike) else None
    if path is None or not os.fspath(name):
        return None
    is_file = path.is_file() and path.suffix.lower() in TEXT_SUFFIXES
    return path if is_file or path.is_dir() else None
