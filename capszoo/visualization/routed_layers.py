"""What the capsule layers of a model do with given examples: children, couplings, parents."""

import contextlib
import dataclasses

import keras
import numpy as np

from capszoo.layers.capsule_layer import CapsuleLayer
from capszoo.ops import safe_norm
from capszoo.validation import unknown_name_error


@dataclasses.dataclass
class Routed:
    """What a capsule layer was given and made of it.

    Attributes:
        layer: The layer.
        presence: How present the children are, activation or length: `(n, *spatial, types)`.
        coupling: How much of each child went to each parent, `(n, *positions, parents, children)`.
        parents: How present the parents are, `(n, *positions, parents)`.
    """

    layer: CapsuleLayer
    presence: np.ndarray
    coupling: np.ndarray
    parents: np.ndarray


def routed_layers(model) -> dict[str, CapsuleLayer]:
    """Finds the capsule layers of a model that are routed, in the order they compute.

    Args:
        model: A `capszoo.models.CapsuleModel`.

    Returns:
        Dictionary of layers by name. Layers inside of others, as in
        `capszoo.layers.CapsuleCell`, are not among them.

    Example:

    >>> model = capszoo.models.CapsNet((28, 28, 1), num_classes=10)
    >>> list(capszoo.visualization.routed_layers(model))
    ['class_capsules']
    """
    return {layer.name: layer for layer in model.layers if isinstance(layer, CapsuleLayer)}


def route(model, x, layer=None, iterations=None, batch_size=32) -> Routed:
    """Computes what a capsule layer makes of examples.

    Args:
        model: A `capszoo.models.CapsuleModel`.
        x: Examples, as the model takes them.
        layer: Name of the layer. Defaults to `None`, the last: of class capsules.
        iterations: How often the routing repeats its step, of one that does. Defaults to `None`,
            as often as in the model.
        batch_size: How many examples are computed at a time. Defaults to `32`.

    Returns:
        A `Routed`.

    Raises:
        ValueError: If the model has no such layer, or the routing no such iterations.

    Example:

    >>> model = capszoo.models.CapsNet((20, 20, 1), num_classes=3, decoder=None)
    >>> images = np.zeros((2, 20, 20, 1), "uint8")
    >>> capszoo.visualization.route(model, images, iterations=1).coupling.shape
    (2, 3, 128)
    """
    return route_each(model, x, [iterations], layer, batch_size)[0]


def route_each(model, x, rounds, layer=None, batch_size=32) -> list[Routed]:
    """Computes what a capsule layer makes of the same children by several numbers of iterations.

    Args:
        model: As in `route`.
        x: As in `route`.
        rounds: Numbers of iterations, each as in `route`.
        layer: As in `route`. Defaults to `None`.
        batch_size: As in `route`. Defaults to `32`.

    Returns:
        List of `Routed`, one for each of `rounds`.

    Raises:
        ValueError: As `route`.

    Example:

    >>> model = capszoo.models.CapsNet((20, 20, 1), num_classes=3, decoder=None)
    >>> images = np.zeros((1, 20, 20, 1), "uint8")
    >>> len(capszoo.visualization.route_each(model, images, [1, 2, 3]))
    3
    """
    layers = routed_layers(model)
    if not layers:
        raise ValueError(f"Model '{model.name}' has no capsule layers that are routed.")
    if layer is not None and layer not in layers:
        raise unknown_name_error("layer", layer, layers)
    layer = list(layers.values())[-1] if layer is None else layers[layer]
    x = model.to_arrays(x)
    model.check_data(x)
    before = keras.Model(model.input, layer.input)
    found: list[list] = [[] for _ in rounds]
    for start in range(0, _count(x), batch_size):
        children = before.predict_on_batch(_rows(x, start, batch_size))
        for parts, iterations in zip(found, rounds, strict=True):
            with _iterations(layer.routing, iterations):
                parts.append(_route(layer, children))
    return [
        Routed(layer, *(np.concatenate(part) for part in zip(*parts, strict=True)))
        for parts in found
    ]


def iterations_of(layer) -> int:
    """How many times the routing of a capsule layer repeats its step: 1 of one that does not."""
    return getattr(layer.routing, "iterations", 1)


def _route(layer, children):
    *capsules, coupling = keras.tree.flatten(layer(children, return_coupling=True, training=False))
    return tuple(map(_as_numpy, (_presence(children), coupling, _presence(capsules))))


def _presence(capsules):
    """Activations where capsules have them, else the lengths of poses."""
    if isinstance(capsules, (tuple, list)):
        if len(capsules) > 1:
            return capsules[1]
        (capsules,) = capsules
    return safe_norm(capsules)


@contextlib.contextmanager
def _iterations(routing, iterations):
    if iterations is None:
        yield
        return
    own = getattr(routing, "iterations", 1)
    if not 1 <= iterations <= own:
        raise ValueError(
            f"{type(routing).__name__} repeats its step {own} times here: expected `iterations` "
            f"between 1 and {own}. Received: iterations={iterations}"
        )
    if own == 1:
        yield
        return
    routing.iterations = iterations
    try:
        yield
    finally:
        routing.iterations = own


def _count(x):
    return len(keras.tree.flatten(x)[0])


def _rows(x, start, number):
    return keras.tree.map_structure(lambda array: array[start : start + number], x)


def _as_numpy(tensor):
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))
