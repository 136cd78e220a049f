"""The application: what its commands share, and what happens when one of them fails."""

import io
import json
import math
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from capszoo import backend
from capszoo import interruption
from capszoo.files import load_yaml
from capszoo.version import __version__

app = typer.Typer(
    name="capszoo",
    help="Capsule networks for Keras 3: list, train, evaluate and use them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_ANTICIPATED = (ValueError, TypeError, ImportError, OSError, RuntimeError)
# Names of files and classes are printed as they are, brackets too.
messages = Console(stderr=True, highlight=False, markup=False)
# A pipe has no width of its own; a table in it should not be cut.
tables = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 140)

PresetArgument = Annotated[
    str, typer.Argument(metavar="PRESET", help="A preset: name, directory, YAML file or address.")
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(help="Folder of the data sets; CAPSZOO_DATA_DIR does the same."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def main():
    """Runs the command line; what the user got wrong ends with exit code 2 and one message."""
    interruption.run(_run)


def _run():
    for stream in (sys.stdout, sys.stderr):
        # What a terminal cannot show is a question mark, and not the end of an hour's work.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        try:
            app(prog_name="capszoo")
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read it has seen enough, as `head`; Python would try again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except _ANTICIPATED as error:
        # A backend may turn an interruption into an error of its own.
        if interruption.came or os.environ.get("CAPSZOO_TRACEBACK"):
            raise
        messages.print(f"Error: {error}", style="red", soft_wrap=True)
        sys.exit(2)


def progress(as_json: bool) -> str | int:
    """How Keras reports: a bar in a terminal, which it colours, and else a line per epoch."""
    if as_json:
        return 0
    return "auto" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else 2


def print_json(content):
    """Prints JSON, which has no NaN: what is not finite is null."""
    print(json.dumps(finite(content), indent=2))


def finite(content):
    if isinstance(content, dict):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def percent(fraction):
    return f"{100 * fraction:.2f} %"


def parse_setting(setting, option="--set"):
    """Takes `KEY=VALUE`, given to an option, apart; the value is YAML."""
    key, equals, value = setting.partition("=")
    if not equals or not key:
        raise ValueError(f"Expected {option} KEY=VALUE. Received: {option} {setting}")
    try:
        return key, load_yaml(value)
    except ValueError:
        raise ValueError(f"The value of {option} {setting} is not YAML.") from None


def _print_version(wanted: bool):
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it."),
    ] = False,
):
    if backend.unasked and not context.resilient_parsing:
        messages.print(
            f"Using the {backend.unasked} backend; KERAS_BACKEND chooses another.", style="dim"
        )
