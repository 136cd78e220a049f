"""The table of models, for the command line and the README.

`python -m capszoo.zoo.table README.md` writes it anew between the README's two markers.
"""

import pathlib
import re
import sys

from capszoo.zoo.presets import list_presets
from capszoo.zoo.presets import read_preset

COLUMNS = ("preset", "family", "data", "parameters", "measured", "published", "weights")

BEGIN, END = "<!-- models: begin -->", "<!-- models: end -->"


def row(preset):
    """The cells of one preset; what is not there yet is a dash."""
    results, published, weights = preset.results, preset.published, preset.weights
    measured = "-"
    if results is not None:
        accuracy, images = results.test_accuracy, results.test_images
        error = (accuracy * (1 - accuracy) / images) ** 0.5
        measured = f"{100 * accuracy:.2f} ± {100 * error:.2f} %"
    return (
        preset.name,
        preset.family,
        preset.data.name if preset.data else "-",
        f"{results.parameters:,}" if results else "-",
        measured,
        f"{100 * published.test_accuracy:.2f} %" if published else "-",
        f"{weights.size / 1e6:.1f} MB" if weights else "-",
    )


def markdown_table():
    """Makes the Markdown table of all presets.

    Returns:
        String of lines.

    Example:

    >>> capszoo.zoo.table.markdown_table().splitlines()[0].split("|")[1].strip()
    'preset'
    """
    rows = [COLUMNS, ["---"] * len(COLUMNS)]
    rows += [row(read_preset(name)) for name in list_presets()]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def replace_table(text):
    """Replaces what stands between the two markers by the table of today."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    return pattern.sub(lambda _: f"{BEGIN}\n{markdown_table()}\n{END}", text)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        file = pathlib.Path(name)
        file.write_text(replace_table(file.read_text(encoding="utf-8")), encoding="utf-8")
