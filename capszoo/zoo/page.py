"""The page of the zoo: what was measured of every trained preset, and how.

`python -m capszoo.zoo.page` writes it anew to `zoo_configs/README.md`.
"""

from capszoo.files import write_text
from capszoo.zoo.figures import figure
from capszoo.zoo.figures import measures_of
from capszoo.zoo.figures import published_figure
from capszoo.zoo.figures import test_figure
from capszoo.zoo.model_card import result_lines
from capszoo.zoo.presets import configs_folder
from capszoo.zoo.presets import list_presets
from capszoo.zoo.presets import read_preset

PAGE_FILE = "README.md"
# Behind a preset's name: the picture of its learning curve, beside its file.
CURVE = ".curve.png"

_HEAD = """# The zoo

<!-- Made from the preset files: python -m capszoo.zoo.page -->

One file is one preset: model, data, recipe and, once it is trained, what was measured and the
SHA-256 of its weights. `capszoo show NAME` prints it, `capszoo train NAME` trains it,
`capszoo evaluate NAME` repeats the measurement, `capszoo evaluate --all` every one.

The epoch is chosen on validation images, the test images are touched once; the figure after ± is
the standard error of that many images. Each is one run with one seed unless said otherwise. Where
weights are stored in float16, the figure is of the weights as they are stored. A published figure
is somebody else's."""


def page() -> str:
    """Makes the page.

    Returns:
        String of Markdown.

    Example:

    >>> capszoo.zoo.page.page().splitlines()[0]
    '# The zoo'
    """
    presets = [read_preset(name) for name in list_presets()]
    folder = configs_folder()
    curves = {path.name.removesuffix(CURVE): path for path in folder.glob(f"*/*{CURVE}")}
    measured = [preset for preset in presets if preset.results is not None]
    recipes = [preset for preset in presets if preset.results is None]
    rows = ["| preset | test | validation | training time |", "|---|---|---|---|"]
    for preset in measured:
        results, measure = preset.results, measures_of(preset)[0]
        validation = figure(measure, getattr(results, f"validation_{measure.name}"))
        rows.append(
            f"| [{preset.name}](#{preset.name}) | {test_figure(preset)} | {validation} "
            f"| {results.training_seconds / 60:.0f} min |"
        )
    parts = [_HEAD, "\n".join(rows)]
    for preset in measured:
        parts.append(_details(preset))
        if preset.name in curves:
            # A link that holds on the page, which lies in the folder of the presets.
            link = curves[preset.name].relative_to(folder).as_posix()
            parts.append(f"![Learning curve of {preset.name}]({link})")
    parts += ["## Recipes not trained yet", "\n".join(map(_recipe, recipes))]
    return "\n\n".join(parts) + "\n"


def _details(preset):
    weights = preset.weights
    lines = result_lines(preset)
    if preset.members:
        lines.append(f"| weights | of {', '.join(f'`{name}`' for name in preset.members)} |")
    elif weights is None:
        lines.append("| weights | not shipped |")
    else:
        lines += [
            f"| weights | {weights.size:,} bytes, {weights.dtype} |",
            f"| SHA-256 | `{weights.sha256}` |",
        ]
    return "\n".join(
        [
            f"## {preset.name}",
            "",
            f"{preset.description}. Family `{preset.family}`, licence {preset.license}, "
            f"[{preset.paper.title}]({preset.paper.url}).",
            "",
            *lines,
        ]
    )


def _recipe(preset):
    published = ""
    if preset.published is not None:
        published = f" Published: {published_figure(preset)} ({preset.published.source})."
    return f"- `{preset.name}`: {preset.description}.{published}"


if __name__ == "__main__":
    write_text(configs_folder() / PAGE_FILE, page())
