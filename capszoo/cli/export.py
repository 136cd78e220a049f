"""The command that brings models out: export."""

import dataclasses
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from capszoo import converters
from capszoo import zoo
from capszoo.cli.app import DataDirOption
from capszoo.cli.app import JsonOption
from capszoo.cli.app import PresetArgument
from capszoo.cli.app import app
from capszoo.cli.app import messages
from capszoo.cli.app import print_json
from capszoo.cli.app import tables
from capszoo.export import check_place
from capszoo.export.forms import ARRAYS
from capszoo.export.writing import write

# So many test examples go through a file to hold it against the model.
_EXAMPLES = 100


@app.command()
def export(
    preset: PresetArgument,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="What to write. The whole model: .onnx, .savedmodel (a folder), .tflite (LiteRT). "
            "Its weights alone: .npz, .safetensors.",
        ),
    ],
    reconstructions: Annotated[
        bool, typer.Option("--reconstructions", help="Let reconstructions come out too.")
    ] = False,
    data_dir: DataDirOption = None,
    expected: Annotated[Path | None, typer.Option(hidden=True)] = None,
    as_json: JsonOption = False,
):
    """Write a preset for another runtime and run it there, or its weights as plain arrays."""
    path = check_place(file)
    if path.suffix in ARRAYS and not reconstructions:
        return _print_arrays(converters.export(preset, path), path, as_json)
    if expected is None:
        description, model = zoo.read_preset(preset), zoo.load(preset)
        examples = _test_examples(model, description, data_dir)
        found = model.export(path, reconstructions=reconstructions, examples=examples)
    else:
        # Another process, of another backend, has said what goes in and what comes out.
        with np.load(expected) as arrays:
            found = write(zoo.load(preset), path, dict(arrays))
    if as_json:
        return print_json(dataclasses.asdict(found))
    size = found.bytes / 1e6
    print(f"{found.file}: {found.form}, {size:.1f} MB")
    for kind, ends in (("in ", found.inputs), ("out", found.outputs)):
        for name, words in ends.items():
            print(f"{kind}  {name}: {words}")
    if found.runtime is None:
        print(f"not run to compare: {found.missing}")
        return None
    classes = "the same classes" if found.same_classes else "other classes where two are as likely"
    print(
        f"run by {found.runtime} on {found.examples} examples: largest difference "
        f"{found.largest_difference:.1e}, {classes}"
    )
    return None


def _test_examples(model, description, data_dir):
    """The first test examples of a preset's data; `None`, and a word, where they are not here."""
    if description.data is None:
        return None
    try:
        x, _ = model.input_end.load(
            description.data.model_dump(), "test", data_dir, model.example_shape
        )
    except (ValueError, ImportError, OSError):
        name = description.data.name
        messages.print(f"{name} is not here: made examples instead.", style="dim")
        return None
    return x[:_EXAMPLES]


def _print_arrays(shapes, path, as_json):
    if as_json:
        return print_json({name: list(shape) for name, shape in shapes.items()})
    table = Table("variable", "shape", title=str(path))
    for name, shape in shapes.items():
        table.add_row(name, " x ".join(map(str, shape)))
    tables.print(table)
    return None
