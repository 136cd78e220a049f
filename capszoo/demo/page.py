"""The page: the choice of a preset, and the panel that shows it."""

import importlib.util
import os

from capszoo import zoo
from capszoo.demo.label_panel import label_panel
from capszoo.demo.label_panel import slice_panel
from capszoo.demo.picture_panel import picture_panel
from capszoo.demo.presets import kind_of
from capszoo.demo.presets import loaded
from capszoo.demo.presets import shown_presets
from capszoo.demo.text_panel import text_panel
from capszoo.visualization.figures import check_matplotlib

PANELS = {
    "pictures": picture_panel,
    "pixels": label_panel,
    "voxels": slice_panel,
    "texts": text_panel,
}
# Nothing is asked of a server that is not on this machine.
OFFLINE = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}
FIRST = "capsnet_digits"


def make_page(preset: str = FIRST):
    """Makes the page of the demo.

    Args:
        preset: The preset shown first: a name, or whatever `capszoo.load` takes. Defaults to
            `"capsnet_digits"`.

    Returns:
        A `gradio.Blocks`.

    Raises:
        ImportError: If Gradio or Matplotlib is not installed.
        ValueError: If the preset is unknown, untrained, or there is nothing to show of it.
    """
    if importlib.util.find_spec("gradio") is None:
        raise ImportError('The demo needs Gradio: pip install "capszoo[demo]"')
    check_matplotlib()
    description = zoo.read_preset(preset)
    if kind_of(description) is None:
        raise ValueError(
            f"There is no panel for {description.name}: the demo shows pictures of 1 or 3 "
            "channels, texts and what segments. `capszoo explain` shows others."
        )
    loaded(preset)
    os.environ.update(OFFLINE)
    import gradio as gr

    names = shown_presets()
    with gr.Blocks(title="capszoo", analytics_enabled=False) as page:
        gr.Markdown("## What a capsule network sees")
        choice = gr.Dropdown(
            names if preset in names else [preset, *names], value=preset, label="Preset"
        )

        @gr.render(inputs=choice)
        def panel(name):
            chosen = zoo.read_preset(name)
            gr.Markdown(chosen.description)
            PANELS[kind_of(chosen)](gr, *loaded(name))

    return page
