"""From the values of hyper-parameters to what a preset holds: model, augmentation, training.

What is about the optimizer is made here. The input end takes what is about the data, the task what
is about the loss; the family makes arguments of the rest.
"""

import math

from capszoo import data as data_sets
from capszoo.models import get_family
from capszoo.zoo import Preset
from capszoo.zoo.schema import validate


def make_preset(family, values, base, *, name, data, epochs, train_images, seed=0):
    """Makes the preset that hyper-parameters stand for.

    Args:
        family: Name of the family.
        values: Maps names to values, those that count alone.
        base: What does not follow from them: a dictionary with `model` and, where they are
            given, `data` and `training`, as in a preset.
        name: The preset's name.
        data: Name of the data.
        epochs: Number of epochs.
        train_images: How many training images an epoch has; a schedule spans all epochs.
        seed: Seed of the training. Defaults to `0`.

    Returns:
        A `Preset`.

    Raises:
        ValueError: If a name is neither one of ours nor an argument of the family.
    """
    cls, left = get_family(family), dict(values)
    described = dict(base.get("data", {}))
    if described.get("name", data) != data:
        # What its own set offers means nothing to another.
        for key in ("value_range", *data_sets.options(described["name"])):
            described.pop(key, None)
    images = cls.input_end.search_data(left, {**described, "name": data})
    batch_size = left.pop("batch_size", 32)
    training = {**base.get("training", {}), "epochs": epochs, "batch_size": batch_size}
    training["optimizer"] = _optimizer(left, math.ceil(train_images / batch_size), epochs)
    training["seed"] = seed
    loss = cls.search_loss(left, training.get("loss"))
    if loss is not None:
        training["loss"] = loss
    content = {
        "name": name,
        "family": family,
        "task": cls.task,
        "model": {**base["model"], **cls.search_arguments(left)},
        "data": images,
        "training": training,
    }
    return validate(content, f"the hyper-parameters of {family}")


def check_space(space, base):
    """Raises `ValueError` if a space names, or reaches, what its family does not take.

    Every choice and both ends of every range are tried, one at a time, beside the defaults.

    Args:
        space: A `SearchSpace`.
        base: As in `make_preset`.
    """
    trial = {"name": "check", "data": "", "epochs": 1, "train_images": 1}
    # First all that it names, whether it counts by default or not.
    make_preset(
        space.family, {one.name: one.default for one in space.hyperparameters}, base, **trial
    )
    entries = {entry.name: entry for entry in space.hyperparameters}
    for entry in space.hyperparameters:
        for value in entry.extremes:
            values = space.defaults(_chosen(entry, value, entries))
            try:
                make_preset(space.family, values, base, **trial)
            except ValueError as error:
                raise ValueError(
                    f"The search space of {space.family} reaches what cannot be, with "
                    f"{entry.name}={value!r}: {error}"
                ) from error


def _chosen(entry, value, entries):
    """The value of an entry, with values of its parents that make it count."""
    chosen = {entry.name: value}
    for parent, allowed in entry.when.items():
        default = entries[parent].default
        of_parent = default if default in allowed else allowed[0]
        chosen |= _chosen(entries[parent], of_parent, entries)
    return chosen


def base_of(family, preset, shape, num_classes):
    """What of a preset the hyper-parameters leave as it is; without one, the sizes alone.

    Args:
        family: Name of the family.
        preset: A `Preset` or `None`.
        shape: The shape of an example.
        num_classes: How many classes there are, or `None`; a family without classes takes none.

    Returns:
        A dictionary, as `make_preset` takes it.
    """
    sizes = {get_family(family).input_end.shape_argument: list(shape)}
    if num_classes is not None and "num_classes" in get_family(family).argument_names():
        sizes["num_classes"] = num_classes
    if preset is None:
        return {"model": sizes}
    content = Preset.model_dump(preset, mode="json", exclude_none=True)
    base = {"model": {**content["model"], **sizes}}
    base["data"] = content.get("data", {})
    loss = content.get("training", {}).get("loss")
    base["training"] = {} if loss is None else {"loss": loss}
    return base


def _optimizer(values, steps, epochs):
    """Takes what is about the optimizer out of the values."""
    name = values.pop("optimizer", "Adam")
    rates = {key: values.pop(key, 1e-3) for key in ("learning_rate", "sgd_learning_rate")}
    rate = rates["sgd_learning_rate" if name == "SGD" else "learning_rate"]
    schedule, decay_rate = values.pop("schedule", "constant"), values.pop("decay_rate", 0.97)
    if schedule == "cosine":
        rate = {"CosineDecay": {"initial_learning_rate": rate, "decay_steps": steps * epochs}}
    elif schedule == "exponential":
        decay = {"decay_steps": steps, "decay_rate": decay_rate}
        rate = {"ExponentialDecay": {"initial_learning_rate": rate, **decay}}
    names = ("momentum", "weight_decay", "beta_1")
    others = {key: values.pop(key) for key in names if key in values}
    return {name: {"learning_rate": rate, **others}}
