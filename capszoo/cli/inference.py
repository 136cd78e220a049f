"""The command that runs a trained preset: predict."""

import csv
import functools
import io
from pathlib import Path
from typing import Annotated
from typing import Any

import numpy as np
import typer
from rich.table import Table

from capszoo import zoo
from capszoo.cli.app import JsonOption
from capszoo.cli.app import PresetArgument
from capszoo.cli.app import app
from capszoo.cli.app import messages
from capszoo.cli.app import print_json
from capszoo.cli.app import tables
from capszoo.cli.segmentation import read_cases
from capszoo.cli.segmentation import segment_files
from capszoo.data import read_image
from capszoo.data.graph_files import read_graph
from capszoo.data.image_folder import SUFFIXES
from capszoo.data.image_folder import picture_files
from capszoo.data.signals import read_signals
from capszoo.data.video_files import SUFFIXES as VIDEO_SUFFIXES
from capszoo.data.video_files import read_middle
from capszoo.files import write_text
from capszoo.models import get_family
from capszoo.validation import unknown_name_error

# Of items that an error names.
MOST_NAMES = 20
# Of an example, by what the examples are.
TITLES = {"texts": "text", "histories": "history", "graphs": "graph", "clips": "clip"}


@app.command()
def predict(
    preset: PresetArgument,
    given: Annotated[
        list[str],
        typer.Argument(
            metavar="FILES",
            help="Pictures of any size, scans (NIfTI), video files, folders of such; .npy of "
            "signals; texts, or .txt files of a text in each line; histories, 'milk, bread, tea'; "
            ".json of graphs.",
        ),
    ],
    top: Annotated[int, typer.Option(min=1, help="How many classes to show.")] = 3,
    invert: Annotated[
        bool, typer.Option("--invert", help="Swap dark and bright: for dark ink on white paper.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            help="A CSV file for the scores of all classes; of a model that segments the label "
            "map (.nii.gz), the mask (.png, an overlay beside it) or a folder for them."
        ),
    ] = None,
    as_json: JsonOption = False,
):
    """Classify pictures, clips, signals, texts or graphs with a preset, or segment pictures.

    A score is a capsule's length, 0 to 1. Of histories the items are named that may come next. A
    label map lies on its scan, with its affine and header.

    A file that is given must be a picture, or a clip. In folders, and those in them, other files
    are passed over, and pictures and clips that cannot be read are named and left out. Of a clip
    the frames in the middle count, as many as the preset takes.
    """
    description = zoo.read_preset(preset)
    images, family = [Path(one) for one in given], get_family(description.family)
    if not family.labeled:
        in_python = f"capszoo.load({description.name!r}).reconstruct(examples)"
        instead = f"makes them anew. In Python: {in_python}."
        if family.task == "generation":
            instead = f"makes new ones: capszoo generate {description.name}."
        raise ValueError(
            f"{description.name} is for the task {family.task!r}: it says nothing of examples, it "
            f"{instead}"
        )
    if family.task == "segmentation":
        names = zoo.class_names(description)
        return segment_files(zoo.load(preset), names, images, output, invert, as_json)
    if output is not None and (output.is_dir() or not output.resolve().parent.is_dir()):
        raise ValueError(f"Expected --output to be a file in a folder that exists: {output}")
    model = zoo.load(preset)
    unit = model.input_end.unit
    names = zoo.class_names(description)
    paths, examples = read_examples(model, given, invert, names)
    scores = model.predict(examples, verbose=0)
    title = TITLES.get(unit, "image")
    if not np.isfinite(scores).all():
        messages.print("Warning: some scores are not finite; they say nothing.", style="red")
    if output is not None:
        write_text(output, _as_csv(paths, scores, names, title))
        messages.print(f"{len(paths)} {unit}: {output}", soft_wrap=True)
        return None
    best = np.argsort(-scores, axis=-1)[:, :top]
    found: list[dict[str, Any]] = [
        {title: str(path), "classes": [[names[k], round(float(own[k]), 4)] for k in order]}
        for path, own, order in zip(paths, scores, best, strict=True)
    ]
    if as_json:
        return print_json(found)
    table = Table(title, *[f"{rank + 1}." for rank in range(best.shape[1])])
    for one in found:
        table.add_row(one[title], *[f"{name}  {score:.3f}" for name, score in one["classes"]])
    tables.print(table)


def read_examples(model, given, invert=False, names=()):
    """Reads what a model is given on the command line.

    Args:
        model: The model.
        given: Texts, or paths of files and folders.
        invert: Whether dark and bright of pictures are swapped. Defaults to `False`.
        names: Of the items that histories hold. Defaults to none.

    Returns:
        A name for each example, and the examples as the model takes them.

    Raises:
        ValueError: If there is nothing to read, or it is not such as the model takes.
    """
    if model.task == "segmentation":
        return read_cases(model, [Path(one) for one in given], invert)
    unit = model.input_end.unit
    if unit != "images" and invert:
        raise ValueError("--invert is for pictures.")
    if unit == "texts":
        texts = _read_texts(given)
        return texts, texts
    if unit == "histories":
        return given, _read_histories(given, names)
    paths = [Path(one) for one in given]
    if unit == "graphs":
        return paths, [read_graph(path) for path in paths]
    if unit == "signals":
        return _read_signals(paths, model.signal_shape)
    frames, height, width, channels = (1, *model.example_shape)[-4:]
    shape = (*(model.resize or (height, width)), channels)
    if unit == "clips":
        read = functools.partial(read_middle, frames=frames, image_shape=shape)
        return _read_files(paths, read, VIDEO_SUFFIXES, "clip")
    read = functools.partial(read_image, image_shape=shape)
    paths, pictures = _read_files(paths, read, SUFFIXES, "picture")
    return paths, 255 - pictures if invert else pictures


def _read_files(given_paths, read, suffixes, what):
    """Reads files, and what can be read in folders; returns the paths and an array."""
    paths, examples = [], []
    for given in given_paths:
        for path in picture_files(given, suffixes) if given.is_dir() else [given]:
            try:
                example = read(path)
            except ValueError as error:
                if path == given or not str(error).startswith("Cannot read"):
                    raise
                messages.print(f"Left out: {error}", style="red", soft_wrap=True)
                continue
            paths.append(path)
            examples.append(example)
    if not paths:
        folders = ", ".join(str(path) for path in given_paths)
        raise ValueError(
            f"There is no {what} file at {folders} that can be read. Expected files that end in "
            f"{', '.join(suffixes)}."
        )
    return paths, np.stack(examples)


def _read_signals(files, shape):
    """Reads .npy files of one signal or of several; returns a name for each, and an array."""
    names, parts = [], []
    for path in files:
        signals = read_signals(path, shape)
        alone = len(signals) == 1
        names += [str(path) if alone else f"{path}[{row}]" for row in range(len(signals))]
        parts.append(signals)
    return names, np.concatenate(parts)


def _read_texts(given):
    """The texts among arguments, and those in .txt files, one in each line that is not blank."""
    texts: list[str] = []
    for one in given:
        path = Path(one)
        if path.suffix != ".txt":
            texts.append(one)
            continue
        if not path.is_file():
            raise FileNotFoundError(f"There is no file at {path}.")
        try:
            lines = path.read_text(encoding="utf-8-sig").split("\n")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not UTF-8 ({error}).") from None
        texts += [line.strip() for line in lines if line.strip()]
    if not texts:
        raise ValueError(f"There is no text in {', '.join(given)}.")
    return texts


def _read_histories(given, names):
    """The numbers of the items whose names stand in each argument, with commas or else blanks."""
    numbers, histories = {name: number for number, name in enumerate(names)}, []
    for one in given:
        items = [item.strip() for item in one.split("," if "," in one else None)]
        for item in items:
            if item not in numbers:
                raise unknown_name_error("item", item, names[:MOST_NAMES])
        histories.append([numbers[item] for item in items])
    return histories


def _as_csv(paths, scores, names, title):
    """A line for each picture: file, best class, its score, then the scores of all classes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([title, "class", "score", *[f"score of {name}" for name in names]])
    for path, own in zip(paths, scores, strict=True):
        best = int(np.argmax(own))
        numbers = [f"{float(score):.6f}" for score in (own[best], *own)]
        writer.writerow([str(path), names[best], *numbers])
    return text.getvalue()
