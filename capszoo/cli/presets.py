"""Commands that say what there is, and fetch it: list, show, download."""

import fnmatch
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
from capszoo.models import get_family
from capszoo.zoo import cache
from capszoo.zoo import table as models
from capszoo.zoo import weights as weights_files
from capszoo.zoo.preset_file import PRESET_FILE
from capszoo.zoo.preset_file import read_preset_file
from capszoo.zoo.remote import is_remote
from capszoo.zoo.remote import source_of
from capszoo.zoo.what_is_here import weights_here


@app.command("list")
def list_command(
    pattern: Annotated[str, typer.Argument(help="Shell-style pattern of names.")] = "*",
    family: Annotated[str | None, typer.Option(help="Only this family.")] = None,
    data: Annotated[str | None, typer.Option(help="Only presets for these data.")] = None,
    trained: Annotated[bool, typer.Option("--trained", help="Only those with weights.")] = False,
    as_json: JsonOption = False,
):
    """List the presets, downloaded ones included: family, data, size and measured figure."""
    if family is not None:
        get_family(family)  # an unknown one is an error, which suggests the nearest
    found = []
    for name, path in _files(pattern):
        try:
            preset = read_preset_file(path)
        except (ValueError, OSError) as error:  # one broken file must not hide the others
            messages.print(f"Left out: {error}", style="red", soft_wrap=True)
            continue
        wanted = (
            family in (None, preset.family)
            and (data is None or (preset.data is not None and preset.data.name == data))
            and (preset.is_trained or not trained)
        )
        if wanted:
            found.append((name, preset, weights_here(preset, path)))
    if as_json:
        return print_json(
            [
                {**preset.model_dump(mode="json"), "load_by": name, "weights_here": here}
                for name, preset, here in found
            ]
        )
    first, *others = models.COLUMNS
    table = Table()
    table.add_column(first, overflow="fold", min_width=32)
    for column in others:
        table.add_column(column)
    for name, preset, here in found:
        table.add_row(*models.row(preset, here, name))
    narrowed = any((family, data, trained))
    nothing = f"No preset is named like {pattern!r}{' and fits the options' * narrowed}."
    tables.print(table if found else nothing)


def _files(pattern):
    """The names and files of ours, then the addresses and files of those downloaded."""
    for name in zoo.list_presets(pattern):
        try:
            yield name, zoo.find_preset(name)
        except ValueError as error:  # two files of one name
            messages.print(f"Left out: {error}", style="red", soft_wrap=True)
    for source, folder in cache.entries().items():
        name = source.rstrip("/").rpartition("/")[2]
        if fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch(source, pattern):
            yield source, folder / PRESET_FILE


@app.command()
def show(preset: PresetArgument, as_json: JsonOption = False):
    """Show what a preset holds: model, data, recipe, results."""
    content = zoo.read_preset(preset).model_dump(mode="json", exclude_none=True)
    if as_json:
        return print_json(content)
    print(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100), end="")


@app.command()
def download(
    presets: Annotated[
        list[str],
        typer.Argument(
            metavar="PRESET...", help="Addresses (https://..., hf://owner/repository) or names."
        ),
    ],
):
    """Download presets, so that they load without a network from then on."""
    for name in presets:
        was_here = not is_remote(name) or source_of(name) in cache.entries()
        path = zoo.find_preset(name)
        preset = read_preset_file(path)
        if preset.members:
            state = f"takes the weights of {', '.join(preset.members)}"
        elif preset.weights is None:
            state = f"has no weights to download; `capszoo train {name}` trains it"
        else:
            weights_files.verify(path.with_name(preset.weights.file), preset.weights)
            state = "already here" if was_here else "downloaded"
        print(f"{name}: {state} ({path})")
