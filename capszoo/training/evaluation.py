"""Measuring a trained preset again."""

import os
from typing import Any

from capszoo.models import get_family
from capszoo.training.codes import measure_codes
from capszoo.training.examples import load_examples
from capszoo.zoo import golden
from capszoo.zoo import load
from capszoo.zoo import read_preset
from capszoo.zoo.figures import measures_of
from capszoo.zoo.figures import standard_error
from capszoo.zoo.figures import unit_of


def evaluate(
    preset: str | os.PathLike,
    *,
    split: str = "test",
    data_dir: str | os.PathLike | None = None,
    batch_size: int | None = None,
    verbose: str | int = "auto",
) -> dict[str, Any]:
    """Measures a trained preset and says whether the recorded figures come out again.

    A share of examples agrees if the two differ by no more than two standard errors of the
    recorded one on that many examples, or one example; the same examples and weights give the
    same number up to a few ties. Any other measure agrees to three digits.

    Args:
        preset: A name of `capszoo.list_presets()`, a preset directory, a preset file or an
            address, see `capszoo.zoo.find_preset`.
        split: `"test"`, `"validation"` or `"train"`. Defaults to `"test"`.
        data_dir: Folder of the data sets; see `capszoo.data.load`. Defaults to `None`.
        batch_size: How many examples, or windows of them, are computed at a time. Defaults to
            `None`, that of the recipe.
        verbose: As in `keras.Model.evaluate`. Defaults to `"auto"`.

    Returns:
        A dictionary: `preset`, `split`, the number of `images` (or whatever the examples are),
        each measure of the task (`accuracy`), on test examples those of codes learnt without
        labels (`probe_accuracy`), `standard_error` (of the first, or `None`),
        `loss`, `recorded` (the first measure in the preset for this split, or `None`), `agrees`,
        and `golden_difference`, how far the output for synthetic examples is from the preset's
        golden record (`None` without one; at most 1e-4 where all is well).

    Raises:
        ValueError: If the preset is unknown or untrained, or has no data.

    Example:

    >>> capszoo.training.evaluate("capsnet_digits", verbose=0)["agrees"]
    True
    """
    description = read_preset(preset)
    if description.data is None:
        raise ValueError(f"Preset {description.name!r} names no data to measure it on.")
    # Originals are compared as the body sees them.
    prepared = not get_family(description.family).labeled and split != "train"
    model = load(preset, prepared=prepared)
    x, y = load_examples(description, model, split, data_dir, prepared=prepared)
    if batch_size is None:
        batch_size = description.training.batch_size if description.training else 32
    measured = model.measure(x, y, batch_size=batch_size, verbose=verbose)
    of_codes = {}
    if model.code_measures and split == "test":
        of_codes = measure_codes(description, model, data_dir)
    measure, count = measures_of(description)[0], len(x)
    value = measured[measure.name]
    recorded = getattr(description.results, f"{split}_{measure.name}", None)
    agrees = error = None
    if measure.of_examples:
        error = round(standard_error(value, count), 6)
    if recorded is not None:
        tolerance = 0.001
        if measure.of_examples:
            tolerance = max(2 * standard_error(recorded, count), 1 / count)
        agrees = abs(value - recorded) <= tolerance
    return {
        "preset": description.name,
        "split": split,
        unit_of(description): count,
        **{one.name: round(measured[one.name], 6) for one in measures_of(description)},
        **{name: round(value, 6) for name, value in of_codes.items()},
        "standard_error": error,
        "loss": round(measured["loss"], 6),
        "recorded": recorded,
        "agrees": agrees,
        "golden_difference": (
            golden.difference(model, description.golden) if description.golden else None
        ),
    }
