"""What the arrays of a capsule network are, told by their shapes and by what follows on what."""

import itertools
import math
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import numpy as np

from capszoo.converters.stored import Array
from capszoo.validation import check_size

# The axes of the class capsules' transforms, as scripts have them, the most frequent first. Axes
# of size 1 may stand before them.
CLASS_AXES = (
    ("classes", "children", "class_dim", "child_dim"),
    ("children", "classes", "child_dim", "class_dim"),
    ("children", "classes", "class_dim", "child_dim"),
    ("classes", "children", "child_dim", "class_dim"),
)
# Larger ones are tried where these give no reading.
STRIDES = ((1, 2), (1, 2, 3, 4))
PADDINGS = ("valid", "same")


class Weighted(NamedTuple):
    """A layer of kernel and bias: the names of both in the file, and the shape of the kernel."""

    kernel: str
    bias: str
    shape: tuple[int, ...]


class Arrays(NamedTuple):
    """The arrays of a file by their role.

    Attributes:
        convolutions: From the image on; the last makes the primary capsules.
        classes: The name of the transforms of the class capsules, `None` where there are none.
        shape: Their shape, without axes of size 1 before the last four.
        dense: The decoder's layers, in the order of the file.
        logits: Names of arrays of zeros for each pair of child and class, where routing starts.
    """

    convolutions: list[Weighted]
    classes: str | None
    shape: tuple[int, ...]
    dense: list[Weighted]
    logits: list[str]


class Reading(NamedTuple):
    """One way to read the shapes of a file: the axes of the class capsules, and the windows."""

    class_axes: tuple[str, ...]
    conv_strides: tuple
    primary_strides: Any
    padding: str


def recognize(arrays: Mapping[str, Array]) -> Arrays:
    """Tells arrays apart by their shapes, whatever their names.

    A convolution has a kernel of four axes, and takes as many channels as the one before it
    makes; a dense layer has a kernel of two; what has four axes and belongs to no such chain, or
    more, are the transforms of the class capsules.

    Args:
        arrays: Dictionary from path to array, in the order of the file.

    Returns:
        `Arrays`.

    Example:

    >>> shapes = {"a": (3, 3, 1, 8), "b": (3, 3, 8, 8), "caps": (10, 72, 16, 4), "d": (160, 49)}
    >>> found = capszoo.converters.recognition.recognize(
    ...     {f"{name}/kernel": np.zeros(shape) for name, shape in shapes.items()}
    ... )
    >>> found.classes, [one.kernel for one in found.convolutions]
    ('caps/kernel', ['a/kernel', 'b/kernel'])
    """
    shapes = {name: _without_ones(array.shape) for name, array in arrays.items()}
    kernels = {name: shapes[name] for name, array in arrays.items() if array.ndim == 4}
    # The transforms have no bias beside them, leave the longest chain of convolutions, and are
    # larger than what else a routing may keep for each child and class.
    chains = {
        name: _chain({one: shape for one, shape in kernels.items() if one != name})
        for name, shape in shapes.items()
        if len(shape) == 4 and not _biases(name, arrays)
    }
    classes = max(chains, key=lambda name: (len(chains[name]), arrays[name].size), default=None)
    dense = [_weighted(name, arrays) for name, array in arrays.items() if array.ndim == 2]
    if classes is None:
        return Arrays([_weighted(name, arrays) for name in _chain(kernels)], None, (), dense, [])
    convolutions = [_weighted(name, arrays) for name in chains[classes]]
    logits = [
        name
        for name, array in arrays.items()
        if name != classes
        and _group(name) == _group(classes)
        and array.size == math.prod(shapes[classes][:2])
        and not np.any(np.asarray(array))
    ]
    return Arrays(convolutions, classes, shapes[classes], dense, logits)


def readings(
    found: Arrays, image_shape: tuple[int, ...], known: Mapping[str, Any]
) -> list[Reading]:
    """Finds the windows that give as many primary capsules as the class capsules have children.

    Args:
        found: What `recognize` gave.
        image_shape: `(height, width, channels)`.
        known: What is known of the fields of a `Reading`; `conv_strides` as a list, one for each
            convolution but the last, `None` where it is not known.

    Returns:
        List of `Reading`s: those with strides of 1 and 2, if there are none up to 4.
    """
    for strides in STRIDES:
        fitting = list(_readings(found, image_shape, known, strides))
        if fitting:
            return fitting
    return []


def _readings(found, image_shape, known, strides) -> Iterator[Reading]:
    *stem, primary = (one.shape for one in found.convolutions)
    wanted = known.get("class_axes")
    stem_strides = known.get("conv_strides") or [None] * len(stem)
    options = [
        strides if step is None else (step,)
        for step in (*stem_strides, known.get("primary_strides"))
    ]
    free = [len(option) > 1 for option in options]
    paddings = PADDINGS if known.get("padding") is None else (known["padding"],)
    for axes in CLASS_AXES if wanted is None else (tuple(wanted),):
        sizes = dict(zip(axes, found.shape, strict=True))
        types, rest = divmod(primary[-1], sizes["child_dim"])
        if rest or sizes["children"] % types:
            continue
        for padding, steps in itertools.product(paddings, itertools.product(*options)):
            grid = _grid(image_shape[:2], [*stem, primary], steps, padding, free)
            if grid is not None and math.prod(grid) * types == sizes["children"]:
                *first, last = steps
                yield Reading(axes, tuple(first), last, padding)


def _grid(size, kernels, steps, padding, free):
    """How many windows there are along each axis; `None` where one does not fit."""
    for kernel, step, is_free in zip(kernels, steps, free, strict=True):
        before, by = size, check_size("strides", step, rank=2)
        if padding == "same":
            size = tuple(-(-old // way) for old, way in zip(size, by, strict=True))
        else:
            left = [old - window for old, window in zip(size, kernel, strict=False)]
            if min(left) < 0:
                return None
            size = tuple(one // way + 1 for one, way in zip(left, by, strict=True))
        # Of a lone window any step is the same: one of them is enough.
        if is_free and step > 1 and ((padding == "valid" and max(left) == 0) or before == (1, 1)):
            return None
    return size


def _chain(shapes):
    """The longest sequence of kernels, each of which takes what the one before makes."""
    left = dict(shapes)
    if not left:
        return []
    # Images have the fewest channels.
    chain = [min(left, key=lambda name: left[name][2])]
    channels = left.pop(chain[0])[3]
    while following := [name for name, shape in left.items() if shape[2] == channels]:
        chain.append(following[0])
        channels = left.pop(following[0])[3]
    return chain


def _without_ones(shape):
    while len(shape) > 4 and shape[0] == 1:
        shape = shape[1:]
    return tuple(shape)


def _weighted(kernel, arrays):
    """A layer with its bias, or with the name that its bias would have."""
    found = _biases(kernel, arrays)
    bias = found[0] if len(found) == 1 else f"{_group(kernel)}/bias"
    return Weighted(kernel, bias, arrays[kernel].shape)


def _biases(kernel, arrays):
    """The arrays of one axis beside a kernel."""
    return [
        name for name, array in arrays.items() if _group(name) == _group(kernel) and array.ndim == 1
    ]


def _group(name):
    return name.rpartition("/")[0]
