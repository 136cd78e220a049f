"""The command line: parse, call the package, print."""

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
import yaml
from rich.console import Console
from rich.table import Table

from capszoo import data
from capszoo import training
from capszoo import zoo
from capszoo.version import __version__
from capszoo.zoo import table as models
from capszoo.zoo.yaml_text import load_yaml

app = typer.Typer(
    name="capszoo",
    help="Capsule networks for Keras 3: list, train, evaluate and use them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
messages = Console(stderr=True, highlight=False)
# A pipe has no width of its own; a table in it should not be cut.
tables = Console(highlight=False, width=None if sys.stdout.isatty() else 140)

PresetArgument = Annotated[
    str, typer.Argument(metavar="PRESET", help="A preset's name, directory or YAML file.")
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(help="Folder of the data sets; CAPSZOO_DATA_DIR does the same."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def main(announced_backend=None):
    """Runs the command line; what the user got wrong ends with exit code 2 and one message.

    Args:
        announced_backend: The backend to say that it was chosen. Defaults to `None`.
    """
    try:
        app(prog_name="capszoo", obj=announced_backend)
    except (ValueError, TypeError, ImportError, OSError, RuntimeError) as error:
        if os.environ.get("CAPSZOO_TRACEBACK"):
            raise
        messages.print(f"Error: {error}", style="red", markup=False, soft_wrap=True)
        sys.exit(2)


def _print_json(content):
    print(json.dumps(content, indent=2))


def _percent(fraction):
    return f"{100 * fraction:.2f} %"


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
    if context.obj and not context.resilient_parsing:
        messages.print(
            f"Using the {context.obj} backend; KERAS_BACKEND chooses another.", style="dim"
        )


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
        return _print_json([preset.model_dump(mode="json") for preset in presets])
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
        return _print_json(content)
    print(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100), end="")


@app.command()
def train(
    preset: PresetArgument,
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
    as_json: JsonOption = False,
):
    """Train a preset by its recipe and measure it once on the test images."""
    changes = dict(_parse_setting(setting) for setting in settings or [])
    report = training.train(
        preset,
        epochs=epochs,
        settings=changes,
        seed=seed,
        data_dir=data_dir,
        output=output,
        resume=resume,
        verbose=0 if as_json else "auto",
        command=_command("train", preset, epochs, settings, seed),
    )
    if as_json:
        return _print_json(report)
    table = Table("measured", "value", title=f"{report['preset']}")
    table.add_row(
        "test accuracy", f"{_percent(report['test_accuracy'])} of {report['test_images']} images"
    )
    table.add_row("validation accuracy", _percent(report["validation_accuracy"]))
    table.add_row("best epoch", f"{report['best_epoch']} of {report['epochs']}")
    table.add_row("parameters", f"{report['parameters']:,}")
    table.add_row("training time", f"{report['training_seconds']:.0f} s")
    table.add_row("run folder", report["folder"])
    tables.print(table)


def _command(name, preset, epochs, settings, seed):
    """The command that repeats a run, without the folders of this machine."""
    words = ["capszoo", name, Path(preset).name]
    if epochs is not None:
        words += ["--epochs", str(epochs)]
    for setting in settings or []:
        words += ["--set", setting]
    if seed is not None:
        words += ["--seed", str(seed)]
    return shlex.join(words)


def _parse_setting(setting):
    key, equals, value = setting.partition("=")
    if not equals or not key:
        raise ValueError(f"Expected --set KEY=VALUE. Received: --set {setting}")
    try:
        return key, load_yaml(value)
    except ValueError:
        raise ValueError(f"The value of --set {setting} is not YAML.") from None


@app.command()
def evaluate(
    preset: PresetArgument,
    split: Annotated[str, typer.Option(help="test, validation or train.")] = "test",
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
):
    """Measure a trained preset again and compare with its recorded accuracy."""
    measured = training.evaluate(
        preset, split=split, data_dir=data_dir, verbose=0 if as_json else "auto"
    )
    if as_json:
        return _print_json(measured)
    print(
        f"{measured['preset']}: {_percent(measured['accuracy'])} "
        f"± {_percent(measured['standard_error'])} of {measured['images']} {split} images"
    )
    if measured["recorded"] is not None:
        verdict = "agrees" if measured["agrees"] else "DOES NOT AGREE"
        print(f"recorded: {_percent(measured['recorded'])}, {verdict}")


@app.command()
def predict(
    preset: PresetArgument,
    images: Annotated[list[Path], typer.Argument(help="PNG or JPEG files of any size.")],
    top: Annotated[int, typer.Option(min=1, help="How many classes to show.")] = 3,
    invert: Annotated[
        bool, typer.Option("--invert", help="Swap dark and bright: for dark ink on white paper.")
    ] = False,
    as_json: JsonOption = False,
):
    """Classify pictures with a trained preset. A score is a capsule's length, from 0 to 1."""
    description = zoo.read_preset(preset)
    model = zoo.load(preset)
    pictures = np.stack([data.read_image(path, model.image_shape) for path in images])
    if invert:
        pictures = 255 - pictures
    scores = model.predict(pictures, verbose=0)
    names = zoo.class_names(description)
    best = np.argsort(-scores, axis=-1)[:, :top]
    found = [
        {"image": str(path), "classes": [[names[k], round(float(own[k]), 4)] for k in order]}
        for path, own, order in zip(images, scores, best, strict=True)
    ]
    if as_json:
        return _print_json(found)
    table = Table("image", *[f"{rank + 1}." for rank in range(best.shape[1])])
    for one in found:
        table.add_row(one["image"], *[f"{name}  {score:.3f}" for name, score in one["classes"]])
    tables.print(table)


if __name__ == "__main__":
    main()
