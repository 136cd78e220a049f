"""What a whole saved Keras model tells of its script beside the weights: its configuration."""

import math
import pathlib
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

from capszoo.converters import keras_files
from capszoo.converters.recognition import Weighted

# What scripts call the number of iterations of their capsule layer.
ITERATIONS = ("routings", "num_routing", "num_routings", "routing_iterations", "n_routing")


class Script(NamedTuple):
    """What is known of a script.

    Attributes:
        image_shape: `(height, width, channels)`, or `None`.
        strides: Of each convolution, `None` where it is not known.
        padding: Of all convolutions, or `None`.
        iterations: Of the routing, or `None`.
        optimizer: How many arrays of the optimizer the file holds.
    """

    image_shape: tuple[int, ...] | None
    strides: list
    padding: str | None
    iterations: int | None
    optimizer: int


def read(file: pathlib.Path, convolutions: Sequence[Weighted]) -> Script:
    """Reads what a file tells of its script.

    Args:
        file: A file that `capszoo.converters.keras_files.opened_keras` opens.
        convolutions: Its convolutions, from the image on.

    Returns:
        A `Script`.

    Raises:
        ValueError: If the configuration shows what `capszoo.models.CapsNet` does not have, or is
            none of Keras.
    """
    config, optimizer = keras_files.read_architecture(file)
    try:
        return _understood(file, convolutions, list(_layers(config)), optimizer)
    except (TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        # Where a list or a number stands that Keras never writes.
        raise ValueError(f"{file} has a configuration that is none of Keras: {error!r}") from error


def _understood(file, convolutions, layers, optimizer):
    _check(file, layers)
    shapes = [
        one[key][1:]
        for _, one in layers
        for key in ("batch_shape", "batch_input_shape")
        if len(one.get(key) or ()) == 4 and None not in one[key][1:]
    ]
    iterations = [one[key] for _, one in layers for key in ITERATIONS if _is_count(one.get(key))]
    strides: list[Any] = []
    paddings = set()
    left = [one for name, one in layers if name == "Conv2D"]
    last = len(convolutions) - 1
    for number, convolution in enumerate(convolutions):
        own = next((one for one in left if _is_of(one, convolution.shape)), None)
        if own is None:
            strides.append(None)
            continue
        left = left[left.index(own) + 1 :]
        height, width = own["strides"]
        strides.append(height if height == width else (height, width))
        paddings.add(own["padding"])
        _check_activation(file, own, number == last)
    if len(paddings) > 1:
        raise ValueError(f"{file} pads some convolutions and not others; CapsNet all or none.")
    return Script(
        tuple(shapes[0]) if shapes else None,
        strides,
        next(iter(paddings), None),
        iterations[0] if iterations else None,
        optimizer,
    )


def _layers(config: Any) -> Iterator[tuple[str, dict]]:
    """The class and configuration of each layer in a model's configuration, in its order."""
    if isinstance(config, dict):
        own = config.get("config")
        if "class_name" in config and isinstance(own, dict):
            yield config["class_name"], own
        for value in config.values():
            yield from _layers(value)
    elif isinstance(config, list):
        for value in config:
            yield from _layers(value)


def _check(file, layers):
    foreign = {name for name, own in layers if _is_foreign(name, own)}
    if foreign:
        raise ValueError(
            f"{file} is of a network with {', '.join(sorted(foreign))}, which CapsNet has not."
        )


def _is_foreign(name, own):
    if name == "Rescaling":  # CapsNet divides by 255 as well
        return own["offset"] != 0 or not math.isclose(own["scale"], 1 / 255, rel_tol=1e-3)
    return "Pooling" in name or "Normalization" in name


def _check_activation(file, own, is_primary):
    activation, expected = own.get("activation"), "linear" if is_primary else "relu"
    if activation not in (expected, None):
        where = "of the primary capsules" if is_primary else "before the primary capsules"
        raise ValueError(
            f"{file}: expected the activation {expected!r} in the convolution {where} "
            f"{own['name']!r}. Received: {activation!r}"
        )


def _is_of(config, shape):
    return (*config["kernel_size"], config["filters"]) == (*shape[:2], shape[3])


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
