"""A user's own histories: a CSV or TSV file of who took what when."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from capszoo.data.csv_files import csv_rows
from capszoo.data.generated_histories import PADDING
from capszoo.validation import shown

HISTORY_SUFFIXES = (".csv", ".tsv")
COLUMNS = ("user", "item", "time")
# Of a history, how many items count where nothing else is said.
LONGEST_HISTORY = 50
# From so many items on the last of a user is for the test, the one before for validation.
LEAST_TO_DIVIDE = 4


def load_histories(path: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads one split of who took what when.

    The first line of the file names its columns, `user`, `item` and `time`; others are passed over.
    A user's items are put in order of time, as numbers where all times are, else as text, in which
    dates such as 2026-11-29 stand in order; of equal times the first line comes first. The last
    item of a user is what comes next in the test, the one before in validation, and each earlier
    one but the first in training, after all that came before it. Of users with fewer than four
    items all is training.

    Args:
        path: A `.csv` or `.tsv` file.
        split: `"train"`, `"validation"` or `"test"`.

    Returns:
        Numbers of items, int32 of shape (n, length), -1 behind the end, of at most the last 50
        items; and the items that come next, int64 of shape (n,). An item's number is its place
        among the names of `item_names`.

    Raises:
        ValueError: If the file cannot be read, lacks a column or a cell, or nobody in it has the
            items that a split needs.

    Example:

    >>> import pathlib
    >>> rows = ["user,item,time", *(f"ida,{item},{item}" for item in (7, 3, 9, 1))]
    >>> _ = pathlib.Path("taken.csv").write_text("\\n".join(rows))
    >>> histories, following = capszoo.data.load("taken.csv", "test", kind="histories")
    >>> capszoo.data.class_names("taken.csv", kind="histories"), histories.tolist(), following
    (['1', '3', '7', '9'], [[0, 1, 2]], array([3]))
    """
    taken, names = _read(path)
    numbers = {name: number for number, name in enumerate(names)}
    examples = [
        ([numbers[item] for item in items[:place]][-LONGEST_HISTORY:], numbers[items[place]])
        for items in taken
        for place in _places(len(items), split)
    ]
    if not examples:
        least = 2 if split == "train" else LEAST_TO_DIVIDE
        raise ValueError(f"Expected users with at least {least} items in {path}. Received: none")
    length, _ = histories_shape(path)
    histories = np.full((len(examples), length), PADDING, "int32")
    for row, (history, _) in enumerate(examples):
        histories[row, : len(history)] = history
    return histories, np.array([following for _, following in examples], "int64")


def item_names(path: Path) -> list[str]:
    """Returns the names of the items in the order of their numbers: by size where all are whole."""
    return _read(path)[1]


def histories_shape(path: Path) -> tuple[int, int]:
    """Returns how many items the longest history has, at most 50, and how many items there are."""
    taken, names = _read(path)
    return min(LONGEST_HISTORY, max(map(len, taken)) - 1) or 1, len(names)


def own_histories_path(name: str | os.PathLike) -> Path | None:
    """Returns the path of histories of one's own, `None` where there is nothing of that kind."""
    path = Path(name).expanduser() if isinstance(name, str | os.PathLike) else None
    is_file = path is not None and path.is_file() and path.suffix.lower() in HISTORY_SUFFIXES
    return path if is_file else None


def _places(count, split) -> Iterator[int]:
    """Which items of so many are what comes next in a split."""
    if count < LEAST_TO_DIVIDE:
        return iter(range(1, count) if split == "train" else ())
    last = {"train": range(1, count - 2), "validation": [count - 2], "test": [count - 1]}
    return iter(last[split])


def _read(path):
    """The items that each user took, in order, and the names of all items."""
    rows = []
    for line, row in csv_rows(path, COLUMNS):
        cells = [(row.get(column) or "").strip() for column in COLUMNS]
        for column, cell in zip(COLUMNS, cells, strict=True):
            if not cell:
                raise ValueError(
                    f"Expected a value as `{column}` in line {line} of {path}. "
                    f"Received: {shown(row.get(column))}"
                )
        rows.append(cells)
    if not rows:
        raise ValueError(f"Expected lines of who took what when in {path}. Received: none")
    times = [time for _, _, time in rows]
    of_time = float if all(map(_is_number, times)) else str
    users: dict[str, list[str]] = {}
    for user, item, _ in sorted(rows, key=lambda row: of_time(row[2])):
        users.setdefault(user, []).append(item)
    names = {item for _, item, _ in rows}
    whole = all(name.isascii() and name.isdecimal() and len(name) < 20 for name in names)
    return list(users.values()), sorted(names, key=int) if whole else sorted(names)


def _is_number(text):
    try:
        return float(text) == float(text)
    except ValueError:
        return False
