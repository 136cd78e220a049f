"""The command that explains what a trained preset makes of examples."""

import functools
from pathlib import Path
from typing import Annotated

import typer

from capszoo import zoo
from capszoo.cli.app import DataDirOption
from capszoo.cli.app import PresetArgument
from capszoo.cli.app import app
from capszoo.cli.app import messages
from capszoo.cli.inference import read_examples
from capszoo.visualization import explain as write_page

# More would take minutes, and points on a map would hide each other.
_MOST_OF_DATA = 2000
# So many test examples are explained where none is given.
_FIRST = 3


@app.command()
def explain(
    preset: PresetArgument,
    given: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILES]",
            help="What `predict` takes: pictures or texts. Without any, the first three of the "
            "preset's test data.",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option(help="Folder for the page and its pictures; must not exist.")
    ] = Path("explained"),
    with_data: Annotated[
        bool,
        typer.Option(
            "--with-data",
            help="Show the preset's data set too: confusions, surprises, a map of poses, the "
            "nearest training examples.",
        ),
    ] = False,
    invert: Annotated[
        bool, typer.Option("--invert", help="Swap dark and bright: for dark ink on white paper.")
    ] = False,
    data_dir: DataDirOption = None,
):
    """Write a page that shows what a preset saw: votes, reconstructions, poses, words."""
    description = zoo.read_preset(preset)
    model = zoo.load(preset)
    content, names = description.data.model_dump(), zoo.class_names(description)

    @functools.cache
    def load(split):
        x, y = model.input_end.load(content, split, data_dir, model.example_shape)
        return x[:_MOST_OF_DATA], y[:_MOST_OF_DATA]

    if given:
        titles, examples = read_examples(model, given, invert, names)
    else:
        examples = load("test")[0][:_FIRST]
        titles = [f"test example {number}" for number in range(1, len(examples) + 1)]
    page = write_page(
        model,
        examples,
        output,
        names=names,
        labels_of_examples=[str(title) for title in titles],
        test=load("test") if with_data else None,
        train=load("train")[0] if with_data else None,
    )
    messages.print(f"Written: {page}", soft_wrap=True)
