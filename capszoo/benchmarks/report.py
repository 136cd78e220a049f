"""Measurements as a table of comma-separated values."""

import csv
import io
import pathlib

from capszoo.zoo.text_files import write_text

COLUMNS = (
    "subject",
    "variant",
    "step",
    "batch",
    "milliseconds",
    "samples_per_second",
    "speedup",
    "compile_seconds",
    "peak_megabytes",
    "gigaflops",
    "traffic_megabytes",
    "floor_milliseconds",
    "times_floor",
    "backend",
    "hardware",
    "versions",
    "date",
)


def write_csv(path, rows):
    """Writes measurements to a file.

    Args:
        path: The file.
        rows: What `capszoo.benchmarks.benchmark` returns.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(pathlib.Path(path), text.getvalue())


def read_csv(path):
    """Reads what `write_csv` wrote.

    Args:
        path: The file.

    Returns:
        List of dictionaries of strings.
    """
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
