"""From a preset to a model."""

import os
from typing import Any

import keras

from capszoo import data
from capszoo import memory
from capszoo.data.datasets import named_shape
from capszoo.models import CapsuleModel
from capszoo.models import get_family
from capszoo.models import layer_changes
from capszoo.models import preset_functions
from capszoo.models.arguments import defaults
from capszoo.validation import check_positive_int
from capszoo.zoo import weights as weights_files
from capszoo.zoo.preset_file import read_preset_file
from capszoo.zoo.presets import find_preset
from capszoo.zoo.presets import read_preset
from capszoo.zoo.schema import Preset


def build(preset: Preset, dtype=None, *, prepared: bool = False, **overrides) -> CapsuleModel:
    """Builds the untrained model of a `Preset`.

    Args:
        preset: A `Preset`.
        dtype: Dtype or policy of the model. Defaults to `None`, that of the preset or else Keras'
            global policy.
        prepared: Whether examples will come prepared, instead of as `capszoo.data.load` gives
            them or a user has them. Defaults to `False`.
        **overrides: Arguments of the family's class that replace the preset's.

    Returns:
        A `CapsuleModel`.

    Raises:
        ValueError: If its arguments fit no model, or one that takes more memory than allowed, see
            `capszoo.memory`.

    Example:

    >>> preset = capszoo.zoo.read_preset("capsnet_digits")
    >>> capszoo.zoo.build(preset, num_classes=3).num_classes
    3
    """
    family = get_family(preset.family)
    for member in preset.members:
        if read_preset(member).members:
            raise ValueError(
                f"{preset.where}: the member {member!r} is made of presets itself. Name those."
            )
    arguments = {"name": preset.name, **preset.model, **(preset.learnt or {}), **overrides}
    if dtype is not None:
        arguments["dtype"] = dtype
    if prepared:
        arguments.update(family.input_end.unprepared)
    elif preset.data is not None:
        content = preset.data.model_dump()
        of_data = family.input_end.of_data(
            {**defaults(family), **arguments}, content, named_shape(content["name"])
        )
        arguments = {**of_data, **arguments}
    with preset.named_in_errors(), memory.counted():
        model = family(**arguments)
        if preset.layer_changes is not None:
            layer_changes.apply(model, preset.layer_changes)
    return model


def load(
    preset: str | os.PathLike,
    *,
    family: type[CapsuleModel] | None = None,
    load_weights: bool = True,
    num_classes: int | None = None,
    dtype=None,
    prepared: bool = False,
    name: str | None = None,
    memory_limit: float | None = None,
) -> CapsuleModel:
    """Loads a model by name, path or address, ready to predict or train on.

    The model takes what `capszoo.data.load` gives of its preset's data, and pictures of any other
    size: what the preset resizes, crops and scales, the model does by itself.

    The weights are checked against their SHA-256 before they are read. The model is compiled
    as its family is trained; call `compile` again for another loss or optimizer.

    Args:
        preset: A name of `capszoo.list_presets()`, a preset directory, a preset file, or an
            address (`https://...`, `hf://owner/repository`), see `capszoo.zoo.find_preset`.
        family: The `CapsuleModel` subclass the preset must be of. Defaults to `None`,
            any.
        load_weights: Whether the trained weights are loaded. Defaults to `True`.
        num_classes: Number of classes, if not the preset's: what does not depend on it keeps
            its trained weights, the rest is fresh. Defaults to `None`.
        dtype: Dtype or policy of the model. Defaults to `None`, that of the preset or else Keras'
            global policy.
        prepared: Whether examples will come prepared already, pictures at the size that the
            body of the model sees. Others are then refused. Defaults to `False`.
        name: Name of the model, as where it is one of several inside another. Defaults to
            `None`, the preset's.
        memory_limit: How many GB the model may take, see `capszoo.memory`; a larger one is
            refused before it is made. Defaults to `None`: the environment variable
            `CAPSZOO_MEMORY_LIMIT`, or else half of the machine's memory.

    Returns:
        A `CapsuleModel`.

    Raises:
        ValueError: If the preset is unknown, broken, untrained or of another family, or its
            weights are missing, truncated, altered or another model's, or `num_classes` is no
            positive integer.
        ImportError: If the address is `hf://...` and huggingface_hub is not installed.
        OSError: If an address cannot be downloaded or kept.

    Example:

    >>> model = capszoo.load("capsnet_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> bool((model.predict(images, verbose=0).argmax(-1) == labels).mean() > 0.9)
    True
    """
    if num_classes is not None:
        check_positive_int("num_classes", num_classes)
    path = find_preset(preset)
    description = read_preset_file(path)
    cls = get_family(description.family)
    if num_classes is not None and "num_classes" not in cls.argument_names():
        raise ValueError(
            f"Preset {description.name!r} is for the task {cls.task!r}, which has no classes. "
            f"Received: num_classes={num_classes}"
        )
    if family is not None and not issubclass(cls, family):
        raise ValueError(
            f"Preset {description.name!r} is of the family {description.family!r} "
            f"({cls.__name__}), not a {family.__name__}. Use capszoo.load for any family."
        )
    named: dict[str, Any] = {} if name is None else {"name": name}
    file = None
    if load_weights:
        if not description.is_trained:
            raise ValueError(
                f"Preset {description.name!r} has no trained weights yet. Train it with "
                f"`capszoo train {description.name}`, or use load_weights=False."
            )
        if description.weights is not None:
            file = path.parent / description.weights.file
            weights_files.verify(file, description.weights)
    with memory.limited(memory_limit):
        with memory.limited(**(weights_files.numbers_in(description) if file else {})):
            model = build(description, dtype=dtype, prepared=prepared, **named)
        if file:
            weights_files.load_into(model, file)
        if num_classes is not None and num_classes != model.num_classes:
            named["num_classes"] = num_classes
            model = _with_fresh_head(
                model, build(description, dtype=dtype, prepared=prepared, **named)
            )
    model.compile()
    return model


def class_names(preset: Preset) -> list[str]:
    """Names the classes of a `Preset`, in the order of its scores.

    Args:
        preset: A `Preset`.

    Returns:
        List of strings: the preset's own, else those of its data, else the numbers; none for a
        task without classes.

    Example:

    >>> capszoo.zoo.class_names(capszoo.zoo.read_preset("capsnet_digits"))[:3]
    ['0', '1', '2']
    """
    if getattr(preset.data, "class_names", None):
        return preset.data.class_names
    if not get_family(preset.family).labeled:
        return []
    if preset.data and preset.data.name in data.names():
        return data.class_names(preset.data.name)
    count = preset.model.get("num_classes") or build(preset).num_classes
    return [str(number) for number in range(count)]


def _with_fresh_head(trained, fresh):
    """Copies to `fresh` every variable that does not depend on the number of classes."""
    # In the order of their making: a path may hold a number that Keras counts on.
    for source, variable in zip(trained.variables, fresh.variables, strict=True):
        if source.shape == variable.shape:
            variable.assign(keras.ops.convert_to_numpy(source.value))
    return fresh


preset_functions["load"] = load
