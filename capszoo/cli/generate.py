"""The command that makes pictures with a preset."""

from pathlib import Path
from typing import Annotated

import typer

from capszoo import zoo
from capszoo.cli.app import PresetArgument
from capszoo.cli.app import app
from capszoo.cli.app import messages
from capszoo.models import CapsuleGenerator
from capszoo.models import get_family
from capszoo.visualization import sheet

# On the sheet, small pictures are enlarged to at least this many pixels a side.
LEAST_SIDE = 28
# More would not be looked at.
MOST_PICTURES = 10_000


@app.command()
def generate(
    preset: PresetArgument,
    count: Annotated[int, typer.Option(min=1, max=MOST_PICTURES, help="How many pictures.")] = 64,
    output: Annotated[Path, typer.Option(help="File for the sheet of them: .png.")] = Path(
        "sheet.png"
    ),
    seed: Annotated[int | None, typer.Option(min=0, help="The same ones each time.")] = None,
):
    """Make pictures with a preset that learnt to, on one sheet."""
    from PIL import Image

    if output.suffix.lower() != ".png" or not output.resolve().parent.is_dir():
        raise ValueError(
            "Expected --output to be a file that ends in .png, in a folder that exists. "
            f"Received: {output}"
        )
    description = zoo.read_preset(preset)
    family = get_family(description.family)
    if not issubclass(family, CapsuleGenerator):
        raise ValueError(
            f"{description.name} is for the task {family.task!r}: it makes no pictures. Those that "
            "do: capszoo list '*_gan_*'."
        )
    pictures = zoo.load(preset).generate(count, seed)
    times = max(1, -(-LEAST_SIDE // min(pictures.shape[1:3])))
    laid = sheet(pictures.repeat(times, axis=1).repeat(times, axis=2))
    Image.fromarray(laid[..., 0] if laid.shape[-1] == 1 else laid).save(output)
    messages.print(f"Written: {output}", soft_wrap=True)
