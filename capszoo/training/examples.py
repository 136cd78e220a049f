"""The examples of a preset, as its model takes them."""

import os

import numpy as np

from capszoo.models import CapsuleModel
from capszoo.zoo import Preset


def load_examples(
    preset: Preset,
    model: CapsuleModel,
    split: str,
    data_dir: str | os.PathLike | None = None,
    *,
    prepared: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Loads one split of a preset's data and checks that the model takes it.

    Args:
        preset: A `Preset` with a `data` section.
        model: What the examples are for.
        split: `"train"`, `"validation"` or `"test"`.
        data_dir: Folder of the data sets; see `capszoo.data.load`. Defaults to `None`.
        prepared: Whether they come as the body of the model sees them; training images that are
            cropped batch by batch come whole. Defaults to `False`.

    Returns:
        Examples and labels.

    Raises:
        ValueError: If the data do not fit the preset or the model.
    """
    content = preset.data.model_dump()
    try:
        x, y = model.input_end.load(content, split, data_dir, model.example_shape, prepared)
        if not (prepared and split == "train" and content.get("crop")):
            model.check_data(x, y)
    except ValueError as error:
        raise ValueError(f"The data of preset {preset.name!r} do not fit: {error}") from None
    return x, y
