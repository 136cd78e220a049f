"""What was done to the layers of a model after it was built: frozen, quantized, adapted by LoRA.

The constructor of a family makes its layers anew, and knows nothing of it; configs and presets
keep it beside the arguments.
"""

from typing import Any

import keras

from capszoo.kinds import Check
from capszoo.kinds import check_text
from capszoo.validation import check_flag
from capszoo.validation import check_number
from capszoo.validation import check_positive_int
from capszoo.validation import invalid_value_error
from capszoo.validation import unknown_name_error


def record(model: keras.Model) -> dict[str, dict[str, Any]]:
    """Lists what differs from how layers are made.

    Args:
        model: A model.

    Returns:
        Maps the paths of layers (`"decoder/hidden_0"`) to a dictionary of plain data with
        `trainable` (`False`), `lora_rank` and `lora_alpha`, or `quantization`.

    Example:

    >>> model = capszoo.load("capsnet_digits")
    >>> model.get_layer("conv").trainable = False
    >>> capszoo.models.layer_changes.record(model)
    {'conv': {'trainable': False}}
    """
    found: dict[str, dict[str, Any]] = {}
    for path, layer in _layers(model):
        changes: dict[str, Any] = {}
        if not layer.trainable:
            changes["trainable"] = False
        if getattr(layer, "lora_rank", None):
            changes["lora_rank"] = layer.lora_rank
            changes["lora_alpha"] = layer.lora_alpha
        if getattr(layer, "quantization_mode", None):
            config = getattr(layer, "quantization_config", None)
            changes["quantization"] = {
                "mode": layer.quantization_mode,
                "config": keras.saving.serialize_keras_object(config),
            }
        if changes:
            found[path] = changes
    return found


def check(changes: dict[str, dict[str, Any]]) -> None:
    """Raises `ValueError` unless changes are of the form that `record` gives.

    Args:
        changes: Maps the paths of layers to dictionaries.
    """
    for path, of_layer in changes.items():
        for key, value in of_layer.items():
            if key not in _CHECKS:
                raise unknown_name_error(f"key in layer_changes.{path}:", key, _CHECKS)
            _CHECKS[key](f"layer_changes.{path}.{key}", value)


def _check_quantization(argument, value):
    if not isinstance(value, dict) or set(value) != {"mode", "config"}:
        raise invalid_value_error(argument, "a mapping with mode and config", value)
    check_text(f"{argument}.mode", value["mode"])
    if value["config"] is not None and not isinstance(value["config"], dict):
        raise invalid_value_error(f"{argument}.config", "a config or null", value["config"])


_CHECKS: dict[str, Check] = {
    "trainable": check_flag,
    "lora_rank": check_positive_int,
    "lora_alpha": check_number,
    "quantization": _check_quantization,
}


def apply(model: keras.Model, changes: dict[str, dict[str, Any]]) -> None:
    """Does to the layers of a newly built model what was done to those of another.

    Args:
        model: A model.
        changes: What `record` gave of the other one.

    Raises:
        ValueError: If a path is of no layer.
    """
    layers = dict(_layers(model))
    for path in changes:
        if path not in layers:
            raise ValueError(
                f"The model {model.name!r} has no layer {path!r} to be frozen, quantized or "
                f"adapted. Expected one of: {', '.join(layers)}."
            )
    # Outer layers stand before those in them, to which `trainable` is handed on.
    for path, layer in layers.items():
        wanted = changes.get(path, {})
        quantization = wanted.get("quantization")
        if quantization and not layer.quantization_mode:
            config = keras.saving.deserialize_keras_object(quantization["config"])
            layer.quantize(quantization["mode"], config=config)
        if wanted.get("lora_rank") and not layer.lora_rank:
            layer.enable_lora(wanted["lora_rank"], lora_alpha=wanted.get("lora_alpha"))
        if layer.trainable != wanted.get("trainable", True):
            layer.trainable = wanted.get("trainable", True)


def _layers(model):
    """Pairs of path and layer, for every layer that holds variables."""

    def walk(layers, above=""):
        for layer in layers:
            if layer.variables:
                path = f"{above}{layer.name}"
                yield path, layer
                yield from walk(
                    layer._flatten_layers(include_self=False, recursive=False), f"{path}/"
                )

    return walk(model.layers)
