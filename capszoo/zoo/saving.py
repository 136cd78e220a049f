"""From a model to a preset directory."""

import json
import os
import pathlib
import shutil
import tempfile

from capszoo.models import CapsuleModel
from capszoo.models import get_family
from capszoo.models import preset_functions
from capszoo.zoo import weights as weights_files
from capszoo.zoo.model_card import write_card
from capszoo.zoo.presets import PRESET_FILE
from capszoo.zoo.presets import write_preset
from capszoo.zoo.schema import validate

WEIGHTS_FILE = "model.weights.h5"


def save(
    model: CapsuleModel,
    directory: str | os.PathLike,
    *,
    name: str | None = None,
    description: str = "",
    **sections,
) -> None:
    """Saves a model as a preset directory that `capszoo.load` loads.

    The directory holds `preset.yaml`, the weights and a model card, `README.md`; as it stands
    it can be published on a web server or in a Hugging Face repository. It appears whole or
    not at all.

    Args:
        model: A `CapsuleModel` of a registered family.
        directory: Where to save; must not exist yet.
        name: Name of the preset. Defaults to `None`, the model's name.
        description: One line on what it is. Defaults to `""`.
        **sections: Other sections of `capszoo.zoo.Preset`: `data`, `training`, `results`, ...

    Raises:
        ValueError: If the directory exists or the model's family is not registered.
        OSError: If it cannot be written.

    Example:

    >>> model = capszoo.load("capsnet_digits")
    >>> capszoo.zoo.save(model, "my_preset", description="A copy")
    >>> capszoo.load("my_preset").num_classes
    10
    """
    directory = pathlib.Path(directory)
    if directory.exists():
        raise ValueError(f"{str(directory)!r} exists already; choose another directory.")
    arguments = model_arguments(model)
    learnt = {name: arguments.pop(name, None) for name in model.input_end.learnt}
    content = {
        "name": name or model.name,
        "family": family_of(model),
        "task": model.task,
        "description": description,
        "model": arguments,
        "learnt": {key: value for key, value in learnt.items() if value is not None} or None,
        "layer_changes": plain_config(model).get("layer_changes"),
        **sections,
    }
    preset = validate(content, f"preset to save in {str(directory)!r}")
    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = pathlib.Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        write_into(model, preset, partial)
        partial.chmod(0o755)
        os.rename(partial, directory)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def write_into(model, preset, folder):
    """Writes a model's weights, its preset file, which then describes them, and a model card.

    Returns:
        The `Preset` as written.
    """
    # A copy that was never compiled: an optimizer's state is no part of a preset.
    bare = type(model).from_config(model.get_config())
    bare.set_weights(model.get_weights())
    weights_files.write(bare, folder / WEIGHTS_FILE)
    described = weights_files.describe(folder / WEIGHTS_FILE)
    preset = preset.model_copy(update={"weights": described})
    write_preset(preset, folder / PRESET_FILE)
    write_card(preset, folder, parameters=bare.count_params())
    return preset


def family_of(model):
    """Names the registered family a model is of, or raises `ValueError`."""
    family = getattr(model, "family", None)
    if family is None or get_family(family) is not type(model):
        raise ValueError(
            f"{type(model).__name__} is of no registered family. Put "
            '@capszoo.register_family("name") on the class.'
        )
    return family


def model_arguments(model):
    """The model's arguments as a preset holds them: plain data, without name and dtype."""
    others = ("name", "trainable", "dtype", "layer_changes")
    return {key: value for key, value in plain_config(model).items() if key not in others}


def plain_config(model):
    """The model's config as plain data, for any number of classes."""
    return _unbuilt(json.loads(json.dumps(model.get_config())))


def _unbuilt(config):
    """Leaves out the shapes Keras notes for layers, which hold for this number of classes only."""
    if isinstance(config, dict):
        return {key: _unbuilt(value) for key, value in config.items() if key != "build_config"}
    return [_unbuilt(value) for value in config] if isinstance(config, list) else config


preset_functions["save"] = save
