"""The command that measures time and memory: benchmark."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import keras
import typer
from rich.table import Table

from capszoo import backend
from capszoo import benchmarks
from capszoo import interruption
from capszoo.cli.app import JsonOption
from capszoo.cli.app import app
from capszoo.cli.app import messages
from capszoo.cli.app import parse_setting
from capszoo.cli.app import print_json
from capszoo.cli.app import tables
from capszoo.validation import unknown_name_error

_SHOWN = {
    "subject": "subject",
    "variant": "variant",
    "backend": "backend",
    "step": "step",
    "batch": "batch",
    "milliseconds": "ms",
    "samples_per_second": "samples/s",
    "speedup": "speed-up",
    "compile_seconds": "compile s",
    "peak_megabytes": "peak MB",
    "gigaflops": "GFLOP",
    "times_floor": "x floor",
}


@app.command()
def benchmark(
    subjects: Annotated[
        list[str],
        typer.Argument(
            metavar="FAMILY|PRESET|LAYER|routing|convolutions...", help="What to measure."
        ),
    ],
    batch: Annotated[
        list[int] | None, typer.Option(help="Samples at once; may be repeated.")
    ] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="One more variant: an argument of what is measured, dtype or jit_compile.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="An argument of all variants: image_shape=[64,64,1].",
        ),
    ] = None,
    naive: Annotated[
        bool,
        typer.Option(
            "--naive",
            help="Also the straightforward implementation; of networks, all votes at once too.",
        ),
    ] = False,
    backend: Annotated[
        list[str] | None, typer.Option(help="jax, tensorflow or torch; may be repeated.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Such as cpu:0 or gpu:0. Default: the backend's.")
    ] = None,
    repeats: Annotated[int, typer.Option(help="How often each step is timed.")] = 7,
    csv: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write the measurements here.")
    ] = None,
    as_json: JsonOption = False,
):
    """Measure inference and training steps: time, memory, and the least the machine could take."""
    batches = batch or [32]
    settings = [parse_setting(setting, "--compare") for setting in compare or []]
    fixed = [parse_setting(setting, "--set") for setting in set_ or []]
    if csv:
        # Before anything is measured: what took an hour is not lost for want of a place.
        csv.parent.mkdir(parents=True, exist_ok=True)
        is_new = not csv.exists()
        csv.open("a").close()
        if is_new:
            csv.unlink()
    if backend:
        options = [f"--batch={number}" for number in batches]
        options += [f"--compare={setting}" for setting in compare or []]
        options += [f"--set={setting}" for setting in set_ or []]
        options += ["--naive"] if naive else []
        options += [f"--device={device}"] if device else []
        options += [f"--repeats={repeats}"]
        rows = [row for name in backend for row in _on_backend(name, [*subjects, *options])]
    else:
        with keras.device(device) if device else contextlib.nullcontext():
            rows = benchmarks.benchmark(
                subjects,
                batches,
                settings,
                with_naive=naive,
                repeats=repeats,
                fixed=fixed,
                report=lambda words: messages.print(f"Measuring {words}", style="dim"),
            )
    if as_json:
        print_json(rows)
    else:
        table = Table(*_SHOWN.values())
        for row in rows:
            table.add_row(*[_cell(row[key]) for key in _SHOWN])
        tables.print(table)
    # Last: what was measured is seen, whatever has become of the disk.
    if csv:
        benchmarks.write_csv(csv, rows)


def _cell(value):
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _on_backend(name, arguments):
    """Runs the command in a process of its own: a process has one backend."""
    if name not in backend.BACKENDS:
        raise unknown_name_error("backend", name, backend.BACKENDS)
    process = interruption.start(
        [sys.executable, "-m", "capszoo.cli", "benchmark", *arguments, "--json"],
        {"KERAS_BACKEND": name},
        stdout=subprocess.PIPE,
    )
    try:
        printed, _ = process.communicate()
    finally:
        process.terminate()
        process.wait()
    if process.returncode:
        # It has said what was wrong.
        raise typer.Exit(process.returncode)
    return json.loads(printed)
