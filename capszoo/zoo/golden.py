"""Golden records: what a trained model must give for synthetic examples, on every backend."""

import numpy as np

from capszoo.models import CapsuleModel
from capszoo.zoo.sections import Section

# Of the numbers, or of the largest where they are more than 1. Most models agree to 2e-6; scores of
# variational Bayes are differences of long sums of logarithms, of which float32 leaves 1.5e-4.
TOLERANCE = 3e-4


def record(model: CapsuleModel) -> list:
    """Makes the golden record of a model: its primary output of the synthetic examples.

    Of large outputs it holds some numbers, see `CapsuleModel.condense`.

    Args:
        model: A `CapsuleModel`.

    Returns:
        Nested lists, one for each example.

    Example:

    >>> len(capszoo.zoo.golden.record(capszoo.load("capsnet_digits")))
    3
    """
    return np.round(_answer(model, 3).astype("float64"), 6).tolist()


def difference(model: CapsuleModel, golden: Section) -> float:
    """Computes how far a model is from a golden record.

    Args:
        model: A `CapsuleModel`.
        golden: The `golden` section of its preset.

    Returns:
        The largest difference of a number, as a share of the largest one where that is more
        than 1; no more than `TOLERANCE` where all is well.

    Raises:
        ValueError: If the record is of a model with other outputs.

    Example:

    >>> golden = capszoo.zoo.read_preset("capsnet_digits").golden
    >>> capszoo.zoo.golden.difference(capszoo.load("capsnet_digits"), golden) < 1e-4
    True
    """
    expected = np.array(getattr(golden, model.primary_output))
    found = _answer(model, len(expected))
    if found.shape != expected.shape:
        raise ValueError(
            "The golden record of the preset is of another model: expected numbers of shape "
            f"{found.shape}. Received: {expected.shape}. Leave out the preset's `golden`."
        )
    return float(np.abs(found - expected).max() / max(1.0, np.abs(expected).max()))


def _answer(model, count):
    examples = model.synthetic_examples(count)
    return model.condense(model.predict_output(model.primary_output, examples, prepared=True))
