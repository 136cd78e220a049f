"""The command that measures how far trained presets can be trusted."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from capszoo import robustness as measures
from capszoo.cli.app import DataDirOption
from capszoo.cli.app import app
from capszoo.cli.app import messages
from capszoo.cli.app import tables
from capszoo.robustness.report import check_directory


@app.command()
def robustness(
    presets: Annotated[
        list[str],
        typer.Argument(
            metavar="PRESET...",
            help="A preset that classifies pictures, or run folders of one that differ in seed.",
        ),
    ],
    against: Annotated[
        list[str] | None,
        typer.Option(help="Another preset of the same data; may be given several times."),
    ] = None,
    images: Annotated[int, typer.Option(min=1, help="How many test pictures, at most.")] = 1000,
    only: Annotated[
        list[str] | None,
        typer.Option(help=f"One of {', '.join(measures.DISTORTIONS)}; may be given several times."),
    ] = None,
    outside: Annotated[
        str | None,
        typer.Option(help="Data of other classes, in pictures of the same shape: fashion_mnist."),
    ] = None,
    attacks: Annotated[
        bool, typer.Option("--attacks", help="Also FGSM and PGD, which take the longest.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the distortions.")] = 0,
    output: Annotated[
        Path, typer.Option(help="Folder for tables and curves; must not exist.")
    ] = Path("robustness"),
    data_dir: DataDirOption = None,
):
    """Measure presets on distorted pictures, and how sure of their answers they may be.

    Standard errors are binomial of one network; of several runs they are over the runs.
    """
    check_directory(output)
    report = measures.measure_presets(
        [*presets, *(against or [])],
        images,
        only,
        outside,
        attacks,
        seed,
        data_dir,
    )
    written = measures.write_report(report, output)
    networks = list(dict.fromkeys(row.network for row in report.rows))
    table = Table("check", "amount", "measure", *networks)
    lines: dict[tuple[str, str, str], dict[str, str]] = {}
    for row in report.rows:
        lines.setdefault((row.check, row.amount, row.measure), {})[row.network] = row.text()
    for key, cells in lines.items():
        table.add_row(*key, *(cells.get(network, "-") for network in networks))
    tables.print(table)
    messages.print(f"Written: {', '.join(map(str, written))}", soft_wrap=True)
