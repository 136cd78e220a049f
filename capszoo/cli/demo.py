"""The command that shows a preset in the browser: demo."""

from typing import Annotated

import typer

from capszoo import demo as demos
from capszoo.cli.app import app
from capszoo.cli.app import messages
from capszoo.demo.page import FIRST


@app.command()
def demo(
    preset: Annotated[
        str, typer.Argument(metavar="[PRESET]", help="The preset shown first.")
    ] = FIRST,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Default: the first free one from 7860 on."),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open a browser.")] = False,
):
    """Draw, drop or type something in the browser and see what a network makes of it."""
    page, address = demos.serve(preset, port, open_)
    messages.print(f"The demo of {preset} is at {address} ; Ctrl-C ends it.", soft_wrap=True)
    page.block_thread()
