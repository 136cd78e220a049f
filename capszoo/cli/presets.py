"""Commands that say what there is: list, show."""

from typing import Annotated

import typer
import yaml
from rich.table import Table

from capszoo import zoo
from capszoo.cli.app import JsonOption
from capszoo.cli.app import PresetArgument
from capszoo.cli.app import app
from capszoo.cli.app import messages
from capszoo.cli.app import print_json
from capszoo.cli.app import tables
from capszoo.zoo import table as models


@app.command("list")
def list_command(
    pattern: Annotated[str, typer.Argument(help="Shell-style pattern of names.")] = "*",
    as_json: JsonOption = False,
):
    """List the presets: family, data, size and measured accuracy."""
    presets = []
    for name in zoo.list_presets(pattern):
        try:
            presets.append(zoo.read_preset(name))
        except ValueError as error:  # one broken file must not hide the others
            messages.print(f"Left out: {error}", style="red", markup=False, soft_wrap=True)
    if as_json:
        return print_json([preset.model_dump(mode="json") for preset in presets])
    first, *others = models.COLUMNS
    table = Table()
    table.add_column(first, no_wrap=True)
    for column in others:
        table.add_column(column)
    for preset in presets:
        table.add_row(*models.row(preset))
    tables.print(table if presets else f"No preset is named like {pattern!r}.")


@app.command()
def show(preset: PresetArgument, as_json: JsonOption = False):
    """Show what a preset holds: model, data, recipe, results."""
    content = zoo.read_preset(preset).model_dump(mode="json", exclude_none=True)
    if as_json:
        return print_json(content)
    print(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100), end="")
