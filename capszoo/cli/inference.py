"""Commands that run a trained preset: evaluate, predict."""

import csv
import io
from pathlib import Path
from typing import Annotated
from typing import Any

import numpy as np
import typer
from rich.table import Table

from capszoo import training
from capszoo import zoo
from capszoo.cli.app import DataDirOption
from capszoo.cli.app import JsonOption
from capszoo.cli.app import PresetArgument
from capszoo.cli.app import app
from capszoo.cli.app import messages
from capszoo.cli.app import print_json
from capszoo.cli.app import tables
from capszoo.data import read_image
from capszoo.data.image_folder import SUFFIXES
from capszoo.data.image_folder import picture_files
from capszoo.data.signals import read_signals
from capszoo.files import write_text
from capszoo.models import get_family
from capszoo.zoo import figures
from capszoo.zoo import golden


@app.command()
def evaluate(
    preset: PresetArgument,
    split: Annotated[str, typer.Option(help="test, validation or train.")] = "test",
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
):
    """Measure a trained preset again and compare with what is recorded."""
    measured = training.evaluate(
        preset, split=split, data_dir=data_dir, verbose=0 if as_json else "auto"
    )
    if as_json:
        return print_json(measured)
    description = zoo.read_preset(preset)
    unit, (measure, *others) = figures.unit_of(description), figures.measures_of(description)
    count = measured[unit]
    found = figures.figure(measure, measured[measure.name], count)
    print(f"{measured['preset']}: {found} of {count} {split} {unit}")
    if measured["recorded"] is not None:
        verdict = "agrees" if measured["agrees"] else "DOES NOT AGREE"
        print(f"recorded: {figures.figure(measure, measured['recorded'])}, {verdict}")
    for other in others:
        print(f"{other.name}: {figures.figure(other, measured[other.name], count)}")
    if measured["golden_difference"] is not None:
        agrees = measured["golden_difference"] <= golden.TOLERANCE
        verdict = "agree" if agrees else "DO NOT AGREE"
        print(
            f"{get_family(description.family).primary_output} of the golden record: {verdict} "
            f"(largest difference {measured['golden_difference']:.1e})"
        )


@app.command()
def predict(
    preset: PresetArgument,
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES", help="Picture files of any size, and folders of such; .npy of signals."
        ),
    ],
    top: Annotated[int, typer.Option(min=1, help="How many classes to show.")] = 3,
    invert: Annotated[
        bool, typer.Option("--invert", help="Swap dark and bright: for dark ink on white paper.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="A CSV file for the scores of all classes.")
    ] = None,
    as_json: JsonOption = False,
):
    """Classify pictures or signals with a trained preset. A score is a capsule's length, 0 to 1.

    A file that is given must be a picture. In folders, and those in them, other files are passed
    over, and pictures that cannot be read are named and left out.
    """
    if output is not None and (output.is_dir() or not output.resolve().parent.is_dir()):
        raise ValueError(f"Expected --output to be a file in a folder that exists: {output}")
    description = zoo.read_preset(preset)
    model = zoo.load(preset)
    if model.input_end.unit == "signals":
        if invert:
            raise ValueError("--invert is for pictures.")
        paths, examples = _read_signals(images, model.signal_shape)
    else:
        height, width, channels = model.image_shape
        size = model.resize or (height, width)
        paths, examples = _read_pictures(images, (*size, channels))
        if invert:
            examples = 255 - examples
    scores = model.predict(examples, verbose=0)
    names = zoo.class_names(description)
    if not np.isfinite(scores).all():
        messages.print("Warning: some scores are not finite; they say nothing.", style="red")
    if output is not None:
        write_text(output, _as_csv(paths, scores, names))
        messages.print(f"{len(paths)} {model.input_end.unit}: {output}", soft_wrap=True)
        return None
    best = np.argsort(-scores, axis=-1)[:, :top]
    found: list[dict[str, Any]] = [
        {"image": str(path), "classes": [[names[k], round(float(own[k]), 4)] for k in order]}
        for path, own, order in zip(paths, scores, best, strict=True)
    ]
    if as_json:
        return print_json(found)
    table = Table("image", *[f"{rank + 1}." for rank in range(best.shape[1])])
    for one in found:
        table.add_row(one["image"], *[f"{name}  {score:.3f}" for name, score in one["classes"]])
    tables.print(table)


def _read_pictures(images, shape):
    """Reads files, and what can be read in folders; returns the paths and an array."""
    paths, pictures = [], []
    for given in images:
        for path in picture_files(given) if given.is_dir() else [given]:
            try:
                picture = read_image(path, shape)
            except ValueError as error:
                if path == given or not str(error).startswith("Cannot read"):
                    raise
                messages.print(f"Left out: {error}", style="red", soft_wrap=True)
                continue
            paths.append(path)
            pictures.append(picture)
    if not paths:
        folders = ", ".join(str(path) for path in images)
        raise ValueError(
            f"There is no picture file at {folders} that can be read. Expected files that end in "
            f"{', '.join(SUFFIXES)}."
        )
    return paths, np.stack(pictures)


def _read_signals(files, shape):
    """Reads .npy files of one signal or of several; returns a name for each, and an array."""
    names, parts = [], []
    for path in files:
        signals = read_signals(path, shape)
        alone = len(signals) == 1
        names += [str(path) if alone else f"{path}[{row}]" for row in range(len(signals))]
        parts.append(signals)
    return names, np.concatenate(parts)


def _as_csv(paths, scores, names):
    """A line for each picture: file, best class, its score, then the scores of all classes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "class", "score", *[f"score of {name}" for name in names]])
    for path, own in zip(paths, scores, strict=True):
        best = int(np.argmax(own))
        numbers = [f"{float(score):.6f}" for score in (own[best], *own)]
        writer.writerow([str(path), names[best], *numbers])
    return text.getvalue()
