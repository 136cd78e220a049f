"""The application: what its commands share, and what happens when one of them fails."""

import contextlib
import json
import math
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from capszoo import backend
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
_INTERRUPTED = 128 + signal.SIGINT
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
    with _noted_interruptions() as interruptions:
        try:
            app(prog_name="capszoo")
        except _ANTICIPATED as error:
            if os.environ.get("CAPSZOO_TRACEBACK"):
                raise
            if interruptions:
                messages.print("Aborted.", style="red")
                sys.exit(_INTERRUPTED)
            messages.print(f"Error: {error}", style="red", soft_wrap=True)
            sys.exit(2)


@contextlib.contextmanager
def _noted_interruptions():
    """Lists the Ctrl-C that came: a backend may turn them into an error of its own."""
    came = []

    def interrupt(number, frame):
        came.append(number)
        signal.default_int_handler(number, frame)

    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        # Somebody else's, as where a shell started us in the background.
        yield came
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def print_json(content):
    """Prints JSON, which has no NaN: what is not finite is null."""
    print(json.dumps(_finite(content), indent=2))


def _finite(content):
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(value) for value in content]
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
