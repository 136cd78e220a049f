"""Which presets can be shown, and as what."""

import functools
from typing import Any

import numpy as np

from capszoo import zoo
from capszoo.data.images import MODES
from capszoo.models import get_family
from capszoo.models.arguments import defaults
from capszoo.zoo import Preset

# So many models stay in memory.
_MOST_MODELS = 4
_MOST_EXAMPLES = 100


def kind_of(description: Preset) -> str | None:
    """Names the panel that shows a preset.

    Args:
        description: A `Preset`.

    Returns:
        `"pictures"` for classes of pictures that a person can draw or drop, `"pixels"` and
        `"voxels"` for networks that segment, `"texts"`; `None` where there is no panel.

    Example:

    >>> capszoo.demo.presets.kind_of(capszoo.zoo.read_preset("capsnet_digits"))
    'pictures'
    """
    family = get_family(description.family)
    unit = family.input_end.unit
    if family.task == "segmentation":
        return "voxels" if unit == "volumes" else "pixels"
    if family.task != "classification":
        return None
    if unit == "images":
        # Stereo pairs are in no file of a picture.
        shape = {**defaults(family), **description.model}["image_shape"]
        return "pictures" if shape[-1] in MODES else None
    return "texts" if unit == "texts" else None


def shown_presets() -> list[str]:
    """Lists the trained presets that the demo can show.

    Returns:
        Names, sorted.

    Example:

    >>> "capsnet_digits" in capszoo.demo.shown_presets()
    True
    """
    known = ((name, zoo.read_preset(name)) for name in zoo.list_presets())
    return [name for name, one in known if one.weights is not None and kind_of(one)]


@functools.lru_cache(maxsize=_MOST_MODELS)
def loaded(preset: str):
    """Loads a preset once.

    Args:
        preset: What `capszoo.load` takes.

    Returns:
        The model, the names of its classes and the first of its test examples, `None` where its
        data are not here.
    """
    description = zoo.read_preset(preset)
    model = zoo.load(preset)
    examples: Any = None
    if description.data is not None:
        content = description.data.model_dump()
        try:
            examples, _ = model.input_end.load(content, "test", None, model.example_shape)
        except (ValueError, ImportError, OSError):
            examples = None
    if examples is not None:
        order = np.random.default_rng(0).permutation(len(examples))[:_MOST_EXAMPLES]
        examples = [examples[row] for row in order]
    return model, zoo.class_names(description), examples
