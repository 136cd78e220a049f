"""The model card of a preset directory: what lies there, in Markdown, made from the preset."""

import yaml

from capszoo.files import write_text

CARD_FILE = "README.md"
BAR = r"\|"  # as it stands inside a table's cell


def card(preset, parameters=None):
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
    arguments = "" if preset.weights else ", load_weights=False"
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


def result_lines(preset):
    """Makes the lines of a table of what was measured of a preset, and what others published."""
    results, published = preset.results, preset.published
    lines = []
    if results is not None:
        lines += [
            f"| test accuracy | {percent_with_error(results.test_accuracy, results.test_images)} "
            f"(standard error) of {results.test_images:,} images |",
            f"| validation accuracy | {100 * results.validation_accuracy:.2f} % |",
            f"| parameters | {results.parameters:,} |",
            f"| epochs | {results.epochs}, the best was {results.best_epoch} |",
            f"| seed | {results.seed} |",
            f"| training time | {results.training_seconds:,.0f} s on {results.hardware} |",
            f"| command | `{results.command.replace('|', BAR)}` |",
            f"| date | {results.date} |",
            f"| versions | {', '.join(f'{k} {v}' for k, v in results.versions.items())} |",
        ]
        if results.float32_test_accuracy is not None:
            before = f"{100 * results.float32_test_accuracy:.2f} %"
            lines.append(f"| test accuracy before storing in float16 | {before} |")
    if published is not None:
        figure = f"{100 * published.test_accuracy:.2f} %"
        lines.append(f"| published by others | {figure} ({published.source}) |")
    return ["| | |", "|---|---|", *lines] if lines else []


def _parameters(preset, parameters):
    if parameters is None and preset.results is not None:
        parameters = preset.results.parameters
    return "" if parameters is None else f"Parameters: {parameters:,}"


def percent_with_error(accuracy, images):
    """An accuracy in percent with its standard error, the root of p (1 - p) / n.

    Args:
        accuracy: Fraction p of the images.
        images: Their number n.

    Returns:
        String.

    Example:

    >>> capszoo.zoo.model_card.percent_with_error(0.9, 100)
    '90.00 ± 3.00 %'
    """
    return f"{100 * accuracy:.2f} ± {100 * standard_error(accuracy, images):.2f} %"


def standard_error(accuracy, images):
    """Standard error of an accuracy measured on that many images."""
    return (accuracy * (1 - accuracy) / images) ** 0.5


def _section(title, content):
    if not content:
        return ""
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    return f"## {title}\n\n```yaml\n{text}```"
