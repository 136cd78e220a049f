"""The model card of a preset directory: what lies there, in Markdown, made from the preset."""

import statistics

import yaml

from capszoo.files import write_text
from capszoo.models import get_family
from capszoo.zoo.figures import figure
from capszoo.zoo.figures import measures_of
from capszoo.zoo.figures import published_figure
from capszoo.zoo.figures import test_examples
from capszoo.zoo.figures import unit_of
from capszoo.zoo.schema import Preset

CARD_FILE = "README.md"
BAR = r"\|"  # as it stands inside a table's cell


def card(preset: Preset, parameters: int | None = None) -> str:
    """Makes the model card of a preset.

    Its head is what Hugging Face reads of a repository's `README.md`.

    Args:
        preset: A `Preset`.
        parameters: The model's number of parameters. Defaults to `None`, that of the results,
            where there are any.

    Returns:
        String of Markdown.

    Example:

    >>> preset = capszoo.zoo.read_preset("capsnet_digits")
    >>> capszoo.zoo.model_card.card(preset).splitlines()[6]
    '# capsnet_digits'
    """
    head = {
        "license": preset.license.lower(),
        "library_name": "keras",
        "tags": ["capsule-network", preset.family],
    }
    parts = [
        f"---\n{yaml.safe_dump(head, sort_keys=False, default_flow_style=None)}---",
        f"# {preset.name}",
        preset.description,
        f"A capsule network of the family `{preset.family}` for Keras 3, on JAX, TensorFlow and "
        "PyTorch.",
        _how_to_load(preset),
        _results(preset),
        _parameters(preset, parameters),
        _section("Model", preset.model),
        _section("Data", preset.data and preset.data.model_dump(exclude_none=True)),
        _section("Recipe", preset.training and preset.training.model_dump(exclude_none=True)),
        f"## Paper\n\n[{preset.paper.title}]({preset.paper.url})" if preset.paper else "",
        f"## Licence\n\n{preset.license}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def write_card(preset, folder, parameters=None):
    """Writes the model card of a preset to its directory, whole or not at all."""
    write_text(folder / CARD_FILE, card(preset, parameters))


def _how_to_load(preset):
    arguments = "" if preset.is_trained else ", load_weights=False"
    return f"""## Loading

```python
import capszoo

model = capszoo.load("path/to/this/directory"{arguments})
```

A web address (`https://...`) of this directory, or `hf://owner/repository`, works in place of the
path."""


def _results(preset):
    lines = result_lines(preset)
    return "## Results\n\n" + ("\n".join(lines) if lines else "None measured yet.")


def result_lines(preset: Preset) -> list[str]:
    """Makes the lines of a table of what was measured of a preset, and what others published."""
    results, published, measures = preset.results, preset.published, measures_of(preset)
    lines = []
    if results is not None:
        count = test_examples(preset)
        for measure in measures:
            value = figure(measure, getattr(results, f"test_{measure.name}"), count)
            error = " (standard error)" if measure.of_examples else ""
            validation = figure(measure, getattr(results, f"validation_{measure.name}"))
            lines += [
                f"| test {measure.name} | {value}{error} of {count:,} {unit_of(preset)} |",
                f"| validation {measure.name} | {validation} |",
            ]
        lines += _of_seeds(preset)
        for measure in get_family(preset.family).code_measures:
            value = getattr(results, f"test_{measure.name}")
            if value is not None:
                lines.append(f"| test {measure.name} of the codes | {figure(measure, value)} |")
        lines += [
            f"| parameters | {results.parameters:,} |",
            *(
                [
                    f"| epochs | {results.epochs}, the best was {results.best_epoch} |",
                    f"| seed | {results.seed} |",
                ]
                if results.epochs
                else []
            ),
            f"| training time | {results.training_seconds:,.0f} s on {results.hardware} |",
            f"| command | `{results.command.replace('|', BAR)}` |",
            f"| date | {results.date} |",
            f"| versions | {', '.join(f'{k} {v}' for k, v in results.versions.items())} |",
        ]
        for measure in measures:
            before = getattr(results, f"float32_test_{measure.name}")
            if before is not None:
                text = figure(measure, before)
                lines.append(f"| test {measure.name} before storing in float16 | {text} |")
    if published is not None:
        lines.append(f"| published by others | {published_figure(preset)} ({published.source}) |")
    return ["| | |", "|---|---|", *lines] if lines else []


def _of_seeds(preset):
    """The line of runs that differ in seed alone, where there were any."""
    measure = measures_of(preset)[0]
    values = getattr(preset.results, f"seeds_test_{measure.name}")
    if values is None:
        return []
    mean = figure(measure, statistics.mean(values))
    deviation = figure(measure, statistics.stdev(values))
    return [
        f"| test {measure.name} of {len(values)} seeds | mean {mean}, standard deviation "
        f"{deviation} |"
    ]


def _parameters(preset, parameters):
    if parameters is None and preset.results is not None:
        parameters = preset.results.parameters
    return "" if parameters is None else f"Parameters: {parameters:,}"


def _section(title, content):
    if not content:
        return ""
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    return f"## {title}\n\n```yaml\n{text}```"
