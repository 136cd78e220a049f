"""From a preset to a model."""

import keras

from capszoo import data
from capszoo.models import get_family
from capszoo.validation import check_positive_int
from capszoo.zoo import weights as weights_files
from capszoo.zoo.preset_file import read_preset_file
from capszoo.zoo.presets import find_preset


def build(preset, dtype=None, **overrides):
    """Builds the untrained model of a `Preset`.

    Args:
        preset: A `Preset`.
        dtype: Dtype or policy of the model. Defaults to `None`, Keras' global policy.
        **overrides: Arguments of the family's class that replace the preset's.

    Returns:
        A `CapsuleClassifier`.

    Example:

    >>> preset = capszoo.zoo.read_preset("capsnet_digits")
    >>> capszoo.zoo.build(preset, num_classes=3).num_classes
    3
    """
    arguments = {"name": preset.name, **preset.model, "dtype": dtype, **overrides}
    return get_family(preset.family)(**arguments)


def load(preset, *, family=None, load_weights=True, num_classes=None, dtype=None):
    """Loads a model by name, path or address, ready to predict or train on.

    The weights are checked against their SHA-256 before they are read. The model is compiled
    as its family is trained; call `compile` again for another loss or optimizer.

    Args:
        preset: A name of `capszoo.list_presets()`, a preset directory, a preset file, or an
            address (`https://...`, `hf://owner/repository`), see `capszoo.zoo.find_preset`.
        family: The `CapsuleClassifier` subclass the preset must be of. Defaults to `None`,
            any.
        load_weights: Whether the trained weights are loaded. Defaults to `True`.
        num_classes: Number of classes, if not the preset's: what does not depend on it keeps
            its trained weights, the rest is fresh. Defaults to `None`.
        dtype: Dtype or policy of the model. Defaults to `None`, Keras' global policy.

    Returns:
        A `CapsuleClassifier`.

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
    if family is not None and not issubclass(cls, family):
        raise ValueError(
            f"Preset {description.name!r} is of the family {description.family!r} "
            f"({cls.__name__}), not a {family.__name__}. Use capszoo.load for any family."
        )
    model = build(description, dtype=dtype)
    if load_weights:
        if description.weights is None:
            raise ValueError(
                f"Preset {description.name!r} has no trained weights yet. Train it with "
                f"`capszoo train {description.name}`, or use load_weights=False."
            )
        file = path.parent / description.weights.file
        weights_files.verify(file, description.weights)
        weights_files.load_into(model, file)
    if num_classes is not None and num_classes != model.num_classes:
        model = _with_fresh_head(model, build(description, dtype=dtype, num_classes=num_classes))
    model.compile()
    return model


def class_names(preset):
    """Names the classes of a `Preset`, in the order of its scores.

    Args:
        preset: A `Preset`.

    Returns:
        List of strings: the preset's own, else those of its data, else the numbers.

    Example:

    >>> capszoo.zoo.class_names(capszoo.zoo.read_preset("capsnet_digits"))[:3]
    ['0', '1', '2']
    """
    if preset.data and preset.data.class_names:
        return preset.data.class_names
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
