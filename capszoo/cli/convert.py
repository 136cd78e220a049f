"""The command that brings weights in: convert."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from capszoo import converters
from capszoo.cli.app import JsonOption
from capszoo.cli.app import app
from capszoo.cli.app import parse_setting
from capszoo.cli.app import print_json
from capszoo.cli.app import tables


@app.command()
def convert(
    format: Annotated[
        str, typer.Argument(metavar="FORMAT", help=f"One of: {', '.join(converters.formats())}.")
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The weights file.")],
    output_dir: Annotated[
        Path, typer.Argument(metavar="OUTPUT_DIR", help="The preset directory to write.")
    ],
    preset: Annotated[
        str | None,
        typer.Option(metavar="PRESET", help="The architecture, for npz and safetensors."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a model argument: decoder=null."),
    ] = None,
    as_json: JsonOption = False,
):
    """Convert another project's weights to a preset and compare every number."""
    arguments = dict(_model_argument(setting) for setting in settings or [])
    conversion = converters.convert(format, file, output_dir, preset=preset, **arguments)
    if as_json:
        return print_json(dataclasses.asdict(conversion))
    table = Table("in the file", "here", "shape", "difference", title=str(output_dir))
    for row in conversion.rows:
        shape = " x ".join(map(str, row.shape))
        table.add_row(row.source, row.path, shape, f"{row.difference:g}")
    tables.print(table)
    print(f"parameters in the file  {conversion.source_parameters:,}")
    print(f"parameters here         {conversion.model_parameters:,}")
    print(f"largest difference      {conversion.largest_difference:g}")
    if conversion.output_difference is not None:
        print(f"scores, against NumPy   {conversion.output_difference:.1e}")
    print(f"SHA-256 of the file     {conversion.sha256}")
    for note in conversion.notes:
        print(note)


def _model_argument(setting):
    key, value = parse_setting(setting)
    if key in ("format", "file", "directory", "preset", "name"):
        raise ValueError(f"--set takes arguments of the model. Received: --set {setting}")
    return key, value
