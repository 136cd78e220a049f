"""One measurement, and measurements as a table of comma-separated values."""

import csv
import dataclasses
import io
import pathlib

from capszoo.files import write_text


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What was measured of one step.

    Attributes:
        subject: The family, preset or `"routing"`.
        variant: Which way it was done.
        step: `"inference"` or `"training"`.
        batch: Number of samples.
        milliseconds: Median time of a step.
        samples_per_second: The batch over that time.
        speedup: How many times quicker than the first variant.
        compile_seconds: How much longer the first call took.
        peak_megabytes: Memory beyond what was held before; `None` where that cannot be told.
        gigaflops: Floating point operations that are needed, in billions.
        traffic_megabytes: What has to be read and written.
        floor_milliseconds: The least that this machine could take for these two.
        times_floor: The time as a multiple of that.
        backend: The Keras backend.
        hardware: What it ran on.
        versions: Of capszoo, Keras and the backend, in words.
        date: The day, as `2026-11-22`.
    """

    subject: str
    variant: str
    step: str
    batch: int
    milliseconds: float
    samples_per_second: float
    speedup: float
    compile_seconds: float
    peak_megabytes: float | None
    gigaflops: float
    traffic_megabytes: float
    floor_milliseconds: float
    times_floor: float
    backend: str
    hardware: str
    versions: str
    date: str


def write_csv(path, rows):
    """Writes measurements to a file.

    Args:
        path: The file.
        rows: What `capszoo.benchmarks.benchmark` returns.
    """
    text = io.StringIO()
    columns = [field.name for field in dataclasses.fields(Measurement)]
    writer = csv.DictWriter(text, columns, lineterminator="\n")
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
