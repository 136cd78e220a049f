"""Where on a picture the capsules of a map stand."""

import dataclasses

from capszoo.ops.window_grid import same_pads


@dataclasses.dataclass(frozen=True)
class Axis:
    """Where the positions of a map lie along one axis of the picture.

    Attributes:
        first: The middle of what the first position sees, in pixels from the picture's edge.
        step: How many pixels lie between the middles of neighbours.
        count: How many positions there are.
        seen: How many pixels each position sees.
    """

    first: float
    step: float
    count: int
    seen: int

    @property
    def edges(self) -> tuple[float, float]:
        """From where to where the map lies, each position as wide as a step."""
        return self.first - self.step / 2, self.first + (self.count - 0.5) * self.step


@dataclasses.dataclass(frozen=True)
class ChildMap:
    """A map of child capsules on a picture.

    Attributes:
        rows: The `Axis` downwards.
        columns: The `Axis` to the right.
        types: How many capsules stand at each position.
    """

    rows: Axis
    columns: Axis
    types: int


def child_maps(layer, picture_size) -> list[ChildMap]:
    """Finds the maps that the children of a capsule layer stand on, one after another.

    The windows of convolutions on the way from the picture tell where a position is. Where a layer
    says nothing of windows, positions are taken to be spread evenly over those before.

    Args:
        layer: A `capszoo.layers.CapsuleLayer` in a model of pictures.
        picture_size: `(height, width)` of the picture.

    Returns:
        List of maps; empty where children stand on none.

    Example:

    >>> model = capszoo.models.CapsNet((28, 28, 1), num_classes=10)
    >>> layer = model.get_layer("class_capsules")
    >>> (found,) = capszoo.visualization.places.child_maps(layer, (28, 28))
    >>> found.types, found.rows  # two windows of 9 pixels, the second by steps of 2
    (32, Axis(first=8.5, step=2.0, count=6, seen=17))
    """
    inputs = layer.input
    return _maps(inputs[0] if isinstance(inputs, (tuple, list)) else inputs, picture_size)


def _maps(tensor, picture_size):
    if len(tensor.shape) == 5:
        rows, columns = (
            _axis(tensor, axis, size, tensor.shape[1 + axis])
            for axis, size in enumerate(picture_size)
        )
        return [ChildMap(rows, columns, tensor.shape[3])]
    # Behind a layer that flattens, of one map or of several beside each other.
    maps = []
    for before in _inputs_of(tensor):
        found = _maps(before, picture_size)
        if not found:
            return []
        maps += found
    return maps


def _axis(tensor, axis, picture_size, count):
    windows = []
    while tensor.shape[1 + axis] is not None:
        before = _inputs_of(tensor)
        if not before:
            break
        layer, *_ = tensor._keras_history
        size, own = before[0].shape[1 + axis], tensor.shape[1 + axis]
        if size is None:
            break  # pictures of any size, that are resized here
        if hasattr(layer, "kernel_size") and hasattr(layer, "strides"):
            kernel, stride = _along(layer.kernel_size, axis), _along(layer.strides, axis)
            same = getattr(layer, "padding", "valid") == "same"
            pad = same_pads((size,), (kernel,), (stride,))[0][0] if same else 0
            windows.append(((kernel - 1) / 2 - pad, stride, kernel))
        elif own != size:
            step = size / own
            windows.append(((step - 1) / 2, step, step))
        tensor = before[0]
    first, step, seen = 0.5, 1.0, 1.0
    for offset, stride, kernel in reversed(windows):
        first += offset * step
        seen += (kernel - 1) * step
        step *= stride
    return Axis(first, step, count, min(round(seen), picture_size))


def _inputs_of(tensor):
    """The tensors that a tensor is made of; the picture is made of none."""
    layer, node, _ = tensor._keras_history
    made = layer._inbound_nodes[node].input_tensors
    return [one for one in made if len(one.shape) >= 3]


def _along(size, axis):
    return size if isinstance(size, int) else size[axis]
