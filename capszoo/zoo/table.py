"""The table of models, for the command line and the README.

`python -m capszoo.zoo.table README.md` writes it anew between the README's two markers.
"""

import pathlib
import re
import sys
import textwrap

from capszoo.zoo.figures import published_figure
from capszoo.zoo.figures import test_figure
from capszoo.zoo.preset_file import read_preset_file
from capszoo.zoo.presets import find_preset
from capszoo.zoo.presets import list_presets
from capszoo.zoo.what_is_here import EMBEDDED
from capszoo.zoo.what_is_here import weights_here

COLUMNS = ("preset", "family", "data", "parameters", "size", "weights", "measured", "published")

BEGIN, END = "<!-- models: begin -->", "<!-- models: end -->"


def row(preset, here, name=None):
    """The cells of one preset; what is not there yet is a dash.

    Args:
        preset: A `Preset`.
        here: Whether its weights are here, see `weights_here`.
        name: What it is loaded by. Defaults to `None`, its name.
    """
    results, weights = preset.results, preset.weights
    return (
        name or preset.name,
        preset.family,
        preset.data.name if preset.data else "-",
        f"{results.parameters:,}" if results else "-",
        f"{weights.size / 1e6:.1f} MB" if weights else "-",
        here,
        test_figure(preset),
        published_figure(preset),
    )


def markdown_table() -> str:
    """Makes the Markdown table of the presets measured on real data, and counts the others.

    Presets of the embedded data are for trying things out, recipes are not trained yet.

    Returns:
        String of lines.

    Example:

    >>> capszoo.zoo.table.markdown_table().splitlines()[0].split("|")[1].strip()
    'preset'
    """
    rows, small, recipes = [COLUMNS, ["---"] * len(COLUMNS)], 0, 0
    for name in list_presets():
        path = find_preset(name)
        preset = read_preset_file(path)
        if preset.results is None:
            recipes += 1
        elif preset.data.name in EMBEDDED:
            small += 1
        else:
            rows.append(row(preset, weights_here(preset, path)))
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    text = (
        f"Besides there are {small} small presets on data that need no download, and {recipes} "
        "recipes not trained yet, ready to `capszoo train`: see `capszoo list`."
    )
    return f"{table}\n\n{textwrap.fill(text, 120, break_on_hyphens=False)}"


def replace_table(text):
    """Replaces what stands between the two markers by the table of today."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    return pattern.sub(lambda _: f"{BEGIN}\n{markdown_table()}\n{END}", text)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        file = pathlib.Path(name)
        file.write_text(replace_table(file.read_text(encoding="utf-8")), encoding="utf-8")
