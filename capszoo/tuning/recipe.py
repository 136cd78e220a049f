"""From the values of hyper-parameters to what a preset holds: model, augmentation, training.

A hyper-parameter called as an argument of the family's class is that argument. The others are the
names in this file.
"""

import math

from capszoo.zoo import Preset
from capszoo.zoo.schema import validate

_ROUTING = ("iterations", "leaky")
_MARGIN = ("positive_margin", "negative_margin", "negative_weight")
_TRAINING = (
    "optimizer",
    "learning_rate",
    "sgd_learning_rate",
    "momentum",
    "weight_decay",
    "schedule",
    "decay_rate",
    "batch_size",
    "translation",
    "rotation",
    "margin_steps",
)


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
    steps = math.ceil(train_images / values.get("batch_size", 32))
    training = {
        **base.get("training", {}),
        "epochs": epochs,
        "batch_size": values.get("batch_size", 32),
        "optimizer": _optimizer(values, steps, epochs),
        "seed": seed,
    }
    loss = _loss(values, training.get("loss"))
    if loss is not None:
        training["loss"] = loss
    images = {**base.get("data", {}), "name": data}
    images["augmentation"] = _augmentation(values, images.get("augmentation", []))
    content = {
        "name": name,
        "family": family,
        "model": {**base["model"], **_model(values)},
        "data": images,
        "training": training,
    }
    return validate(content, f"the hyper-parameters of {family}")


def check_names(space, base):
    """Raises `ValueError` if a name of a space is neither one of ours nor an argument."""
    values = {entry.name: entry.default for entry in space.hyperparameters}
    make_preset(space.family, values, base, name="check", data="", epochs=1, train_images=1)


def base_of(preset, image_shape, num_classes):
    """What of a preset the hyper-parameters leave as it is; without one, the sizes alone.

    Args:
        preset: A `Preset` or `None`.
        image_shape: `(height, width, channels)` of the images.
        num_classes: How many classes there are.

    Returns:
        A dictionary, as `make_preset` takes it.
    """
    sizes = {"image_shape": list(image_shape), "num_classes": num_classes}
    if preset is None:
        return {"model": sizes}
    content = Preset.model_dump(preset, mode="json", exclude_none=True)
    base = {"model": {**content["model"], **sizes}}
    base["data"] = {key: content["data"][key] for key in content.get("data", {}) if key != "name"}
    loss = content.get("training", {}).get("loss")
    base["training"] = {} if loss is None else {"loss": loss}
    return base


def _model(values):
    arguments = {
        name: value
        for name, value in values.items()
        if name not in (*_ROUTING, *_MARGIN, *_TRAINING)
    }
    routing = arguments.pop("routing", None)
    # Cluster routing is what the family that has a `cluster_size` takes by itself.
    if routing is not None and not (routing == "cluster" and "cluster_size" in values):
        given = {name: values[name] for name in _ROUTING if name in values}
        arguments["routing"] = {"name": routing, **given}
    if "decoder" in arguments:
        units = arguments.pop("decoder_units", 128)
        arguments["decoder"] = [units, 2 * units] if arguments["decoder"] else None
    if arguments.get("mode") == "plain":
        arguments["mode"] = None
    if "capsule_layers" in arguments:
        arguments.update(_capsule_layers(arguments.pop("capsule_layers"), arguments))
    if "conv_layers" in arguments:
        layers, width = arguments.pop("conv_layers"), arguments.pop("conv_width")
        # The paper's stem; without the last, strided convolution for small images.
        arguments["conv_filters"] = [width, 2 * width, 2 * width, 4 * width][:layers]
        arguments["kernel_sizes"] = [arguments.pop("conv_kernel_size"), 3, 3, 3][:layers]
        arguments["strides"] = [1, 1, 1, 2][:layers]
    return arguments


def _capsule_layers(layers, arguments):
    """Strides (and numbers of types) of that many convolutional capsule layers."""
    if "primary_types" not in arguments:
        # Image, then half the size at the second and at the fourth layer, as in the paper.
        return {"strides": [2 if index in (1, 3) else 1 for index in range(layers)]}
    return {
        "capsule_types": [arguments["capsule_types"]] * layers,
        "capsule_strides": [2] + [1] * (layers - 1),
    }


def _augmentation(values, others):
    """The layers of a preset but for those that are tuned, then these."""
    tuned = {"RandomTranslation": "translation", "RandomRotation": "rotation"}
    layers = [spec for spec in others if tuned.get(next(iter(spec))) not in values]
    if values.get("translation"):
        factor = values["translation"]
        sizes = {"height_factor": factor, "width_factor": factor, "fill_mode": "constant"}
        layers.append({"RandomTranslation": sizes})
    if values.get("rotation"):
        turn = {"factor": values["rotation"], "fill_mode": "constant"}
        layers.append({"RandomRotation": turn})
    return layers


def _optimizer(values, steps, epochs):
    name = values.get("optimizer", "Adam")
    rate = values.get("sgd_learning_rate" if name == "SGD" else "learning_rate", 1e-3)
    schedule = values.get("schedule", "constant")
    if schedule == "cosine":
        rate = {"CosineDecay": {"initial_learning_rate": rate, "decay_steps": steps * epochs}}
    elif schedule == "exponential":
        decay = {"decay_steps": steps, "decay_rate": values.get("decay_rate", 0.97)}
        rate = {"ExponentialDecay": {"initial_learning_rate": rate, **decay}}
    others = {key: values[key] for key in ("momentum", "weight_decay") if key in values}
    return {name: {"learning_rate": rate, **others}}


def _loss(values, base):
    """The loss with its tuned arguments; `None` where there are none: the base's own."""
    if "margin_steps" in values:
        return {"SpreadLoss": {"margin": {"SpreadMargin": {"steps": values["margin_steps"]}}}}
    tuned = {name: values[name] for name in _MARGIN if name in values}
    if not tuned:
        return base
    return {"MarginLoss": {**((base or {}).get("MarginLoss") or {}), **tuned}}
