"""The command that draws what each part capsule of a preset drew."""

from pathlib import Path
from typing import Annotated

import typer

from capszoo import zoo
from capszoo.cli.app import PresetArgument
from capszoo.cli.app import app
from capszoo.cli.app import messages
from capszoo.cli.inference import read_examples
from capszoo.visualization import draw_parts
from capszoo.visualization import why_no_parts
from capszoo.visualization.figures import check_matplotlib

_SUFFIXES = (".png", ".svg", ".pdf")


@app.command()
def parts(
    preset: PresetArgument,
    image: Annotated[Path, typer.Argument(metavar="PICTURE", help="A picture of any size.")],
    output: Annotated[Path, typer.Option(help="File for the drawing: .png, .svg or .pdf.")] = Path(
        "parts.png"
    ),
    invert: Annotated[
        bool, typer.Option("--invert", help="Swap dark and bright: for dark ink on white paper.")
    ] = False,
):
    """Draw what each part capsule of a preset that learnt without labels drew of a picture."""
    check_matplotlib()
    if output.suffix.lower() not in _SUFFIXES or not output.resolve().parent.is_dir():
        raise ValueError(
            f"Expected --output to be a file that ends in {', '.join(_SUFFIXES)}, in a folder that "
            f"exists. Received: {output}"
        )
    description = zoo.read_preset(preset)
    model = zoo.load(preset)
    reason = why_no_parts(model)
    if reason:
        raise ValueError(f"{description.name} draws no parts: {reason}.")
    if not image.is_file():
        raise ValueError(f"Expected one picture. Received: {image}")
    _, pictures = read_examples(model, [str(image)], invert)
    draw_parts(model, pictures[0]).savefig(output, bbox_inches="tight")
    messages.print(f"Written: {output}", soft_wrap=True)
