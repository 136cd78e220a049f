"""The command that trains: train."""

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from capszoo import training
from capszoo import zoo
from capszoo.cli.app import DataDirOption
from capszoo.cli.app import JsonOption
from capszoo.cli.app import app
from capszoo.cli.app import parse_setting
from capszoo.cli.app import print_json
from capszoo.cli.app import progress
from capszoo.cli.app import tables
from capszoo.models import get_family
from capszoo.zoo import figures


@app.command()
def train(
    preset: Annotated[
        str,
        typer.Argument(
            metavar="PRESET|FAMILY",
            help="A preset (name, directory, YAML file, address) or family.",
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(help="Name or path of the data, which say the sizes. Default: the preset's."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Number of epochs.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a key: training.batch_size=64."),
    ] = None,
    data_dir: DataDirOption = None,
    output: Annotated[
        Path | None, typer.Option(help="The run folder. Default: runs/PRESET.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on after the last finished epoch.")
    ] = False,
    seed: Annotated[int | None, typer.Option(help="Seed of the run.")] = None,
    init_from: Annotated[
        str | None,
        typer.Option(help="A preset or run folder whose weights training starts from."),
    ] = None,
    distribute: Annotated[
        bool,
        typer.Option(
            "--distribute",
            help="Share each batch among all devices; on PyTorch, those of torchrun's processes.",
        ),
    ] = False,
    as_json: JsonOption = False,
):
    """Train a preset or family by its recipe and measure it once on the test images."""
    changes = dict(parse_setting(setting) for setting in settings or [])
    report = training.train(
        preset,
        data=data,
        epochs=epochs,
        settings=changes,
        seed=seed,
        init_from=init_from,
        data_dir=data_dir,
        output=output,
        resume=resume,
        distribute=distribute,
        verbose=progress(as_json),
        command=_command("train", preset, data, epochs, settings, seed, init_from),
    )
    if report is None:
        # One of several processes, and not the one that reports.
        return None
    if as_json:
        return print_json(report)
    table = Table("measured", "value", title=f"{report['preset']}")
    trained = zoo.read_preset(report["folder"])
    unit = figures.unit_of(trained)
    for measure in figures.measures_of(trained):
        test = figures.figure(measure, report[f"test_{measure.name}"])
        table.add_row(f"test {measure.name}", f"{test} of {report[f'test_{unit}']} {unit}")
        validation = figures.figure(measure, report[f"validation_{measure.name}"])
        table.add_row(f"validation {measure.name}", validation)
    for measure in get_family(trained.family).code_measures:
        value = report[f"test_{measure.name}"]
        if value is not None:
            table.add_row(f"test {measure.name}", figures.figure(measure, value))
    table.add_row("best epoch", f"{report['best_epoch']} of {report['epochs']}")
    table.add_row("parameters", f"{report['parameters']:,}")
    table.add_row("training time", f"{report['training_seconds']:.0f} s")
    table.add_row("run folder", report["folder"])
    tables.print(table)


def _command(name, preset, data, epochs, settings, seed, init_from):
    """The command that repeats a run, without the folders of this machine."""
    words = ["capszoo", name, Path(preset).name]
    if data is not None:
        words += ["--data", data]
    if epochs is not None:
        words += ["--epochs", str(epochs)]
    for setting in settings or []:
        words += ["--set", setting]
    if seed is not None:
        words += ["--seed", str(seed)]
    if init_from is not None:
        words += ["--init-from", Path(init_from).name]
    return shlex.join(words)
