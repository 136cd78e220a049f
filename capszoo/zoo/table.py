"""The table of models, for the command line and the README.

`python -m capszoo.zoo.table README.md` writes it anew between the README's two markers.
"""

import pathlib
import re
import sys
import textwrap

from capszoo.zoo.cache import home
from capszoo.zoo.figures import published_figure
from capszoo.zoo.figures import test_figure
from capszoo.zoo.preset_file import read_preset_file
from capszoo.zoo.presets import find_preset
from capszoo.zoo.presets import list_presets
from capszoo.zoo.presets import read_preset

COLUMNS = ("preset", "family", "data", "parameters", "size", "weights", "measured", "published")

# Data that come with the package or are generated.
EMBEDDED = (
    "digits",
    "generated_histories",
    "generated_ecg",
    "digit_scenes",
    "generated_volumes",
    "generated_questions",
    "generated_graphs",
    "moving_digits",
)

BEGIN, END = "<!-- models: begin -->", "<!-- models: end -->"


def weights_here(preset, path):
    """Says whether the weights of a preset are here.

    Args:
        preset: A `Preset`.
        path: `pathlib.Path` of its file.

    Returns:
        `"yes"`, or `"downloaded"` where they lie in the cache; `"missing"` where the preset
        names weights that are not there; `"no"` where it is not trained.

    Example:

    >>> path = capszoo.zoo.find_preset("capsnet_digits")
    >>> capszoo.zoo.table.weights_here(capszoo.zoo.read_preset(path), path)
    'yes'
    """
    if preset.members:
        found = [weights_here(read_preset(name), find_preset(name)) for name in preset.members]
        return "yes" if set(found) == {"yes"} else "missing"
    if preset.weights is None:
        return "no"
    if not path.with_name(preset.weights.file).is_file():
        return "missing"
    return "downloaded" if path.is_relative_to(home()) else "yes"


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
