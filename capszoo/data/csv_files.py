"""Rows of a user's own CSV and TSV files, by the names of their columns."""

import contextlib
import csv
import io
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from capszoo.validation import shown

# Of a cell of a CSV file; its reader has a limit in any case.
MOST_BYTES_OF_CELL = 1 << 30


def decoded(path: Path, content: bytes) -> str:
    """Returns what a file holds as text, or raises `ValueError` where it is not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 ({error}). Save it in that encoding.") from None


def csv_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict]]:
    """Reads the rows of a file whose first line holds the names of its columns.

    Args:
        path: A `.csv` file, or a `.tsv` file with tabs between.
        columns: The names that must be there, in small letters; others are kept too.

    Yields:
        The number of the line a row ends in, and the row, a dictionary; what is missing in it is
        `None`.

    Raises:
        ValueError: If a column is missing, or the file is not UTF-8 or no CSV.

    Example:

    >>> import pathlib
    >>> _ = pathlib.Path("pets.csv").write_text("Name,kind\\nIda,cat\\n")
    >>> list(capszoo.data.csv_files.csv_rows(pathlib.Path("pets.csv"), ("name", "kind")))
    [(2, {'name': 'Ida', 'kind': 'cat'})]
    """
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    # Not by `splitlines`: a cell may hold what Unicode calls the end of a line.
    lines = list(io.StringIO(decoded(path, path.read_bytes()), newline=""))
    with _long_cells():
        reader = csv.DictReader(lines, delimiter=delimiter, strict=True)
        names = [str(name).strip().lower() for name in reader.fieldnames or ()]
        if not set(columns) <= set(names):
            *first, last = columns
            raise ValueError(
                f"Expected the names {', '.join(first)} and {last}, divided by {delimiter!r}, in "
                f"the first line of {path}. Received: {shown(lines[0].strip() if lines else '')}"
            )
        reader.fieldnames = names
        try:
            yield from ((reader.line_num, row) for row in reader)
        except csv.Error as error:
            raise ValueError(f"After line {reader.line_num} of {path}: {error}") from None


@contextlib.contextmanager
def _long_cells():
    """Lets a cell be a long text; the limit is one of the whole process."""
    before = csv.field_size_limit(MOST_BYTES_OF_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)
