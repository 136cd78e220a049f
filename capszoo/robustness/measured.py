"""One figure that was measured, and figures as a table: CSV and Markdown."""

import csv
import dataclasses
import io
import os
import pathlib
import typing
from collections.abc import Iterable

from capszoo.files import write_text


@dataclasses.dataclass(frozen=True)
class Measured:
    """One figure of one network, or of several that differ in their seed.

    Attributes:
        network: The preset, or whatever the network is called.
        data: The name of its data.
        parameters: How many numbers are trained, a decoder aside.
        check: What was done to it, such as `"rotation"` or `"calibration"`.
        strength: 0 to 5, where there are strengths.
        amount: How much that is, in words: `"20 degrees"`.
        measure: What was measured, such as `"accuracy"`.
        value: The figure.
        standard_error: How far it may be off; see `mean_and_error`.
        images: On how many pictures.
        networks: How many networks it is the mean of.
    """

    network: str
    data: str
    parameters: int
    check: str
    strength: int
    amount: str
    measure: str
    value: float
    standard_error: float
    images: int
    networks: int

    def text(self) -> str:
        """The figure with its standard error: accuracies in percent."""
        if self.measure == "accuracy":
            return f"{100 * self.value:.1f} ± {100 * self.standard_error:.1f}"
        return f"{self.value:.3f} ± {self.standard_error:.3f}"


def write_csv(path: str | os.PathLike, rows: Iterable[Measured]) -> None:
    """Writes figures to a CSV file.

    Args:
        path: The file.
        rows: The figures.
    """
    text = io.StringIO()
    columns = [field.name for field in dataclasses.fields(Measured)]
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        cells = dataclasses.asdict(row)
        for key in ("value", "standard_error"):
            cells[key] = f"{cells[key]:.6g}"
        writer.writerow(cells)
    write_text(pathlib.Path(path), text.getvalue())


def read_csv(path: str | os.PathLike) -> list[Measured]:
    """Reads what `write_csv` wrote.

    Args:
        path: The file.

    Returns:
        List of `Measured`s.

    Raises:
        ValueError: If the file has other columns.
    """
    types = typing.get_type_hints(Measured)
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if set(reader.fieldnames or ()) != set(types):
            raise ValueError(
                f"Expected the columns {', '.join(types)} in {os.fspath(path)}. "
                f"Received: {', '.join(reader.fieldnames or ())}"
            )
        return [
            Measured(**{key: types[key](value) for key, value in row.items()}) for row in reader
        ]


def markdown_table(rows: Iterable[Measured]) -> str:
    """Makes a Markdown table: a line for each check and strength, a column for each network.

    Args:
        rows: Figures of one data set.

    Returns:
        String of lines. Accuracies are in percent; what was not measured is a dash.
    """
    rows = list(rows)
    networks = list(dict.fromkeys(row.network for row in rows))
    lines: dict[tuple, dict[str, str]] = {}
    for row in rows:
        measure = "" if row.measure == "accuracy" else row.measure
        key = (row.check, str(row.strength) if row.strength else "", row.amount, measure)
        lines.setdefault(key, {})[row.network] = row.text()
    columns = ["check", "strength", "amount", "measure"]
    # Columns in which nothing stands are left out.
    kept = [n for n in range(len(columns)) if n == 0 or any(key[n] for key in lines)]
    table = [[columns[n] for n in kept] + networks, ["---"] * (len(kept) + len(networks))]
    for key, cells in lines.items():
        own = [cells.get(network, "-") for network in networks]
        table.append([key[n] for n in kept] + own)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in table)
