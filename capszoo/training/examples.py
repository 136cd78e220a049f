"""The examples of a preset, as its model takes them."""

import os

import numpy as np

from capszoo.data.corruption import corrupt
from capszoo.data.splits import digest
from capszoo.data.splits import take_share
from capszoo.models import CapsuleModel
from capszoo.models import get_family
from capszoo.models.arguments import defaults
from capszoo.training.recipe_objects import make_corruptions
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

    Of the training examples it is the share that the preset names, see
    `capszoo.data.splits.take_share`.

    Args:
        preset: A `Preset` with a `data` section.
        model: What the examples are for.
        split: `"train"`, `"validation"` or `"test"`.
        data_dir: Folder of the data sets; see `capszoo.data.load`. Defaults to `None`.
        prepared: Whether they come as the body of the model sees them; training images that are
            cropped batch by batch come whole. Defaults to `False`.

    Returns:
        Examples and labels. For a task without labels, the originals of the examples stand in
        their place, and the examples are corrupted where the preset says how.

    Raises:
        ValueError: If the data do not fit the preset or the model.
    """
    content = preset.data.model_dump()
    try:
        x, y = model.input_end.load(content, split, data_dir, model.example_shape, prepared)
        x = model.to_arrays(x)
        if split == "train" and content.get("share"):
            taken = take_share(y, [digest(example.tobytes()) for example in x], content["share"])
            x, y = x[taken], y[taken]
        if not model.labeled:
            # Those of training are corrupted batch by batch.
            x, y = (x, x) if prepared and split == "train" else to_restore(x, preset)
        if not (prepared and split == "train"):
            model.check_whole(x, y)
        elif not content.get("crop"):
            model.check_data(x, y)
    except ValueError as error:
        raise ValueError(f"The data of preset {preset.name!r} do not fit: {error}") from None
    return x, y


def to_restore(x: np.ndarray, preset: Preset) -> tuple[np.ndarray, np.ndarray]:
    """Corrupts examples to be measured as their preset says, in the same way each time.

    Args:
        x: Array of examples.
        preset: A `Preset` of a task without labels.

    Returns:
        The corrupted examples, and what they were.
    """
    return corrupt(x, make_corruptions(preset.data), np.random.default_rng(0)), x


def learn(preset: Preset, data_dir: str | os.PathLike | None = None) -> Preset:
    """Learns from a preset's training examples what its input end has to know, as a vocabulary.

    Args:
        preset: A `Preset` with a `data` section.
        data_dir: Folder of the data sets; see `capszoo.data.load`. Defaults to `None`.

    Returns:
        The `Preset` with what was learnt in its section `learnt`; as it is, where its arguments
        say all that there is to know.

    Raises:
        ValueError: If the data are not as the input end takes them.
    """
    family = get_family(preset.family)
    if all(preset.model.get(name) is not None for name in family.input_end.learnt):
        return preset
    shape = {**defaults(family), **preset.model}[family.input_end.shape_argument]
    x, _ = family.input_end.load(preset.data.model_dump(), "train", data_dir, shape)
    return preset.model_copy(update={"learnt": family.input_end.learn(x, shape)})
