"""The command that searches hyper-parameters: tune."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from capszoo import tuning
from capszoo.cli.app import DataDirOption
from capszoo.cli.app import JsonOption
from capszoo.cli.app import app
from capszoo.cli.app import messages
from capszoo.cli.app import parse_setting
from capszoo.cli.app import print_json
from capszoo.cli.app import tables

SHOWN = 10


@app.command()
def tune(
    target: Annotated[str, typer.Argument(metavar="FAMILY|PRESET", help="What to search.")],
    data: Annotated[
        str | None, typer.Option(help="Name or path of the data. Default: the preset's.")
    ] = None,
    tuner: Annotated[str, typer.Option(help="hyperband, bayesian or random.")] = "hyperband",
    trials: Annotated[int, typer.Option(help="Most trials.")] = 20,
    epochs: Annotated[int, typer.Option(help="Most epochs of a trial.")] = 10,
    objective: Annotated[
        list[str] | None,
        typer.Option(help="accuracy, parameters or step_time; several are added up."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the search.")] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Fix a hyper-parameter or its range."),
    ] = None,
    space: Annotated[
        Path | None, typer.Option(help="A search space file. Default: the family's.")
    ] = None,
    max_parameters: Annotated[int | None, typer.Option(help="Decline larger models.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="The search's folder. Default: runs/tune_TARGET.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the search in the folder, if any.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(help="Worker processes on this machine. Default: none.")
    ] = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
):
    """Search hyper-parameters on the validation images; writes best.yaml, which trains as it is."""
    report = tuning.search(
        target,
        data,
        tuner=tuner,
        trials=trials,
        epochs=epochs,
        seed=seed,
        objective=objective or None,
        space=space,
        overrides=dict(parse_setting(setting) for setting in settings or []),
        max_parameters=max_parameters,
        output=output,
        resume=resume,
        workers=workers,
        data_dir=data_dir,
        progress=lambda line: messages.print(line, soft_wrap=True),
    )
    if report is None:  # a worker's part
        return None
    if as_json:
        return print_json(report)
    if report["finished"]:
        best = report["trials"][: min(SHOWN, report["finished"])]
        measure = report["measure"]
        tables.print(_table(f"best of {report['finished']} trials", measure, best, values=True))
        title = f"{measure} against parameters"
        tables.print(_table(title, measure, report["pareto"], values=False))
    for trial in report["trials"]:
        if trial["status"] == "FAILED":
            reason = trial["failure"].partition("\n")[0]
            messages.print(f"Failed: trial {trial['id']}: {reason}", soft_wrap=True)
    if report["best"] is None:
        raise RuntimeError("No trial finished; each says its reason above.")
    for plot in report["plots"]:
        print(plot)
    print(f"Train the best one: capszoo train {report['best']}")


def _table(title, measure, trials, values):
    table = Table(title=title)
    for name in ("trial", measure, "parameters", "ms per step", "seconds"):
        table.add_column(name, no_wrap=True)
    if values:
        table.add_column("hyper-parameters", overflow="fold")
    for trial in trials:
        metrics = trial["metrics"]
        cells = [
            trial["id"],
            f"{metrics[f'val_{measure}']:.4f}",
            f"{metrics['parameters']:,.0f}",
            f"{1000 * metrics['seconds_per_step']:.0f}",
            "-" if trial["seconds"] is None else f"{trial['seconds']:.0f}",
        ]
        if values:
            cells.append(", ".join(f"{k} {_short(v)}" for k, v in trial["values"].items()))
        table.add_row(*cells)
    return table


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)
