"""Measuring a trained preset again."""

from capszoo.training.trainer import load_images
from capszoo.zoo import golden
from capszoo.zoo import load
from capszoo.zoo import read_preset
from capszoo.zoo.model_card import standard_error


def evaluate(preset, *, split="test", data_dir=None, batch_size=128, verbose="auto"):
    """Measures a trained preset and says whether the recorded accuracy comes out again.

    It agrees if the two differ by no more than two standard errors of the recorded accuracy
    on that many images, or one image; the same images and weights give the same number up to
    a few ties.

    Args:
        preset: A name of `capszoo.list_presets()`, a preset directory, a preset file or an
            address, see `capszoo.zoo.find_preset`.
        split: `"test"`, `"validation"` or `"train"`. Defaults to `"test"`.
        data_dir: Folder of the data sets; see `capszoo.data.load`. Defaults to `None`.
        batch_size: How many images are computed at a time. Defaults to `128`.
        verbose: As in `keras.Model.evaluate`. Defaults to `"auto"`.

    Returns:
        A dictionary: `preset`, `split`, `images`, `accuracy`, `standard_error`, `loss`,
        `recorded` (the accuracy in the preset for this split, or `None`), `agrees`, and
        `golden_difference`, how far the scores of the synthetic images are from the preset's
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
    model = load(preset)
    images, labels = load_images(description, model, split, data_dir)
    measured = model.evaluate(
        images, labels, batch_size=batch_size, verbose=verbose, return_dict=True
    )
    accuracy = measured["accuracy"]
    recorded = getattr(description.results, f"{split}_accuracy", None)
    agrees = None
    if recorded is not None:
        tolerance = max(2 * standard_error(recorded, len(images)), 1 / len(images))
        agrees = abs(accuracy - recorded) <= tolerance
    return {
        "preset": description.name,
        "split": split,
        "images": len(images),
        "accuracy": round(accuracy, 6),
        "standard_error": round(standard_error(accuracy, len(images)), 6),
        "loss": round(measured["loss"], 6),
        "recorded": recorded,
        "agrees": agrees,
        "golden_difference": (
            golden.difference(model, description.golden.scores) if description.golden else None
        ),
    }
