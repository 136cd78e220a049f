"""What a training was asked for: from a preset or family, data and settings to one recipe."""

import copy
import json
import os

from capszoo import data as data_sets
from capszoo.kinds import plain
from capszoo.models import get_family
from capszoo.models import list_models
from capszoo.validation import unknown_name_error
from capszoo.zoo import Preset
from capszoo.zoo import list_presets
from capszoo.zoo import read_preset
from capszoo.zoo.schema import validate

# What was measured of, and written about, weights that are going to be others.
OF_WEIGHTS = ("results", "weights", "golden", "layer_changes", "learnt")


def resolve(target, changes):
    """Finds the recipe of what is to be trained and applies changes to dotted keys.

    On other data than its own, a preset loses what describes its own: number of classes, shape
    of the pictures, names of the classes, options of the data set, and the steps over which a
    cosine decay falls. What the changes do not say anew is then taken from the data. A published
    figure and the description stay with the model and the data they are about.

    Args:
        target: A preset as `capszoo.training.train` takes it, or the name of a family.
        changes: Maps dotted keys to values.

    Returns:
        A `Preset` without results, weights and golden record, and a dictionary of the dotted keys
        that were taken from the data.

    Raises:
        ValueError: If a key is unknown or a value not allowed, or there is nothing to train by.
    """
    preset, limit = _find(target)
    before = preset.model_dump(mode="json", exclude=set(OF_WEIGHTS), exclude_none=True)
    # As a file would hold them: lists for tuples, text for paths.
    changes = {
        key: json.loads(json.dumps(plain(value), default=os.fspath))
        for key, value in changes.items()
    }
    changed = _apply(before, changes, preset.name)
    if _name_of_data(changed) != _name_of_data(before):
        changed = _apply(_without_its_data(before), changes, preset.name)
    where = f"preset {preset.name!r} with {changes}" if changes else preset.name
    for section in ("data", "training"):
        if changed.get(section) is None:
            raise ValueError(
                f"Preset {preset.name!r} cannot be trained or measured: it has no "
                f"`{section}` section."
            )
    validate(changed, where)
    content, taken = _complete(changed, limit)
    if not _same_subject(content, before):
        for key in ("published", "description"):
            if content.get(key) == before.get(key):
                content.pop(key, None)
    # The whole, as it will be written: what could not be read then is found now.
    return validate(content, where), taken


def _find(target):
    """The preset that a target means, and the shape that examples of other data are kept within."""
    if isinstance(target, str) and target in list_models() and target not in list_presets():
        return _recipe_of_family(target), get_family(target).input_end.default_limit
    try:
        preset = target if isinstance(target, Preset) else read_preset(target)
    except ValueError as error:
        if isinstance(target, str) and f"Unknown preset {target!r}" in str(error):
            names = [*list_models(), *list_presets()]
            raise unknown_name_error("preset", target, names) from None
        raise
    input_end = get_family(preset.family).input_end
    return preset, preset.model.get(input_end.shape_argument, input_end.default_limit)


def _recipe_of_family(family):
    """The recipe of a family's preset for its first data, without what is about these."""
    name = f"{family}_{get_family(family).input_end.default_data}"
    if name not in list_presets():
        raise ValueError(
            f"The family {family!r} has no recipe of its own (a preset {name!r}). Give a preset."
        )
    content = read_preset(name).model_dump(
        mode="json",
        exclude={*OF_WEIGHTS, "published", "description"},
        exclude_none=True,
    )
    return validate({**_without_its_data(content), "name": family, "data": None}, name)


def _apply(content, changes, name):
    content = copy.deepcopy(content)
    for key, value in changes.items():
        *sections, last = key.split(".")
        target = content
        for section in sections:
            if target.get(section) is None:
                target[section] = {}
            target = target[section]
            if not isinstance(target, dict):
                raise ValueError(f"Cannot set {key!r}: {section!r} is no section of a preset.")
        target[last] = value
    return content


def _name_of_data(content):
    section = content.get("data")
    return section.get("name") if isinstance(section, dict) else None


def _without_its_data(content):
    """A recipe without what it says of the data that it names, and of them alone."""
    content = copy.deepcopy(content)
    shape_argument = get_family(content["family"]).input_end.shape_argument
    for size in ("num_classes", shape_argument):
        content["model"].pop(size, None)
    section = content.get("data") or {}
    if "name" in section:
        for key in ("class_names", "value_range", *data_sets.options(section["name"])):
            section.pop(key, None)
    for arguments in (content.get("training") or {}).get("optimizer", {}).values():
        rate = (arguments or {}).get("learning_rate")
        if isinstance(rate, dict) and isinstance(rate.get("CosineDecay"), dict):
            # Without a number of steps it falls until the end of the training.
            rate["CosineDecay"].pop("decay_steps", None)
    return content


def _complete(content, limit):
    """Adds what is not said of the sizes and classes, as the data have them.

    Returns:
        The content, and what was added, by dotted key.
    """
    content = copy.deepcopy(content)
    model, section = content["model"], content["data"]
    cls, name = get_family(content["family"]), section["name"]
    arguments, taken = cls.argument_names(), {}
    own = name not in data_sets.names()
    names = None
    if "num_classes" in arguments and ("num_classes" not in model or own):
        names = data_sets.class_names(name, kind=cls.input_end.unit)
        if "num_classes" not in model:
            model["num_classes"] = taken["model.num_classes"] = len(names)
    shape_argument = cls.input_end.shape_argument
    if shape_argument in arguments and shape_argument not in model:
        shape, added = cls.input_end.fit(section, limit)
        section |= added
        taken |= {f"data.{key}": value for key, value in added.items()}
        model[shape_argument] = taken[f"model.{shape_argument}"] = shape
    # The names of a user's own classes are known here, and not where the model goes.
    numbers = names is not None and names == [str(number) for number in range(len(names))]
    if own and names and not numbers and "class_names" in cls.data_fields:
        section["class_names"] = section.get("class_names") or names
    return content, taken


def _same_subject(one, other):
    """Whether two recipes are about one model on the same data, however it is trained."""
    return (one["family"], one["model"], _subject(one)) == (
        other["family"],
        other["model"],
        _subject(other),
    )


def _subject(content):
    training_only = ("augmentation", "class_names")
    section = content.get("data") or {}
    return {key: value for key, value in section.items() if key not in training_only}
