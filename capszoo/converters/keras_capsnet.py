"""The weights of the widespread Keras scripts of CapsNet, in files of Keras 2 and 3.

The layout: two convolutions or more, of which the last makes the primary capsules, transforms of
the class capsules with no bias in the routing, and dense layers as decoder. Arrays are recognized
by their shapes. What differs from the paper's code: no bias before the squash of the class
capsules, and no factor 1/32 on the primary convolution. The squash is ours; older scripts have no
epsilon in the length, which matters at length zero alone.
"""

import math
import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from capszoo import routing as routings
from capszoo.converters import reference
from capszoo.converters import script
from capszoo.converters.matching import Layout
from capszoo.converters.matching import Pair
from capszoo.converters.matching import layout_error
from capszoo.converters.recognition import Reading
from capszoo.converters.recognition import readings
from capszoo.converters.recognition import recognize
from capszoo.converters.stored import Array
from capszoo.models import CapsNet
from capszoo.models.stem import convolutions

EXPECTED = {
    "convolutions": "kernel (height, width, channels, filters) and bias, two or more: the last "
    "makes the primary capsules",
    "class capsules": "(classes, children, class_dim, child_dim), or these axes in another order",
}
SECTIONS = {
    "paper": {
        "title": "Dynamic Routing Between Capsules",
        "url": "https://arxiv.org/abs/1710.09829",
    },
}
# The sides of the images that networks without a decoder are most often for, by their channels.
USUAL_SIDES = {1: 28, 3: 32}
MOST_NAMED = 6


class KerasCapsNetFile:
    """A file of a Keras CapsNet script, understood.

    Args:
        file: The file, for errors.
        arrays: Dictionary from path to array, as `opened_keras` gives it.
        arguments: Arguments of `CapsNet` that replace what the file tells, and `class_axes`, the
            order of the class array's axes, where its shape does not tell.

    Raises:
        ValueError: If the file does not show the layers of the format, or no windows or several
            fit the number of its capsules.
    """

    sections = SECTIONS

    def __init__(self, file: pathlib.Path, arrays: Mapping[str, Array], arguments: dict[str, Any]):
        self.file, self.arrays = file, arrays
        self.found = recognize(arrays)
        seen = {
            "convolutions": len(self.found.convolutions) >= 2,
            "class capsules": self.found.classes is not None,
        }
        if self.found.classes is None or not all(seen.values()):
            raise layout_error(file, {key: (EXPECTED[key], seen[key]) for key in seen}, arrays)
        self.classes = self.found.classes
        self.script = script.read(file, self.found.convolutions)
        self.inferred: list[str] = []
        given = dict(arguments)
        class_axes = given.pop("class_axes", None)
        image_shape = self._image_shape(given)
        self.reading = self._reading(class_axes, image_shape, given)
        self.arguments = self._arguments(image_shape, given)
        self.routing = routings.get(self.arguments["routing"])
        self.has_reference = set(given) <= {*reference.FOLLOWED, "routing"} and (
            isinstance(self.routing, routings.DynamicRouting) and not self.routing.leaky
        )
        self.ignored: list[str] = list(self.found.logits)
        if self.arguments["decoder"] is None:
            self.ignored += [name for one in self.found.dense for name in (one.kernel, one.bias)]

    def _image_shape(self, given):
        if "image_shape" in given:
            return tuple(given["image_shape"])
        if self.script.image_shape is not None:
            self._say("images of", self.script.image_shape, "the file's configuration")
            return self.script.image_shape
        channels = self.found.convolutions[0].shape[2]
        if self.found.dense:
            # The last dense layer makes a square image.
            side = math.isqrt(self.found.dense[-1].shape[-1] // channels)
            if channels * side**2 == self.found.dense[-1].shape[-1]:
                self._say("images of", (side, side, channels), "the decoder's size")
                return side, side, channels
        if channels not in USUAL_SIDES:
            raise ValueError(f"{self.file} does not tell the size of its images: give image_shape.")
        side = USUAL_SIDES[channels]
        self._say("images of", (side, side, channels), "nothing but their channels: assumed")
        return side, side, channels

    def _reading(self, class_axes, image_shape, given):
        """The one way to read the class array, the strides and the padding."""
        if isinstance(class_axes, str):
            class_axes = [axis.strip() for axis in class_axes.split(",")]
        steps = self.script.strides[:-1]
        if "conv_strides" in given:
            filters = tuple(one.shape[-1] for one in self.found.convolutions[:-1])
            one_or_several = filters if len(filters) > 1 else filters[0]
            stem = convolutions(one_or_several, 1, given["conv_strides"], rank=2)
            steps = [one.strides for one in stem]
        known = {
            "class_axes": class_axes,
            "conv_strides": steps,
            "primary_strides": given.get("primary_strides", self.script.strides[-1]),
            "padding": given.get("padding", self.script.padding),
        }
        fitting = readings(self.found, image_shape, known)
        if self.found.dense:
            # A decoder takes the poses of all classes, those of one left over.
            width = self.found.dense[0].shape[0]
            agree = [one for one in fitting if self._width(one) == width]
            fitting = agree or fitting
        if len(fitting) == 1:
            (reading,) = fitting
            source = "the file's configuration" if self.script.strides[-1] else "the counts"
            self._say(f"{self.classes} as", reading.class_axes, "its shape")
            strides = (*reading.conv_strides, reading.primary_strides)
            self._say(f"padding {reading.padding!r} and strides", strides, source)
            return reading
        children = {self.found.shape[0], self.found.shape[1]}
        about = (
            f"{self.file}, with a class array {self.classes} of shape {self.found.shape}, "
            f"for images of {image_shape}"
        )
        if not fitting:
            raise ValueError(
                f"No strides from 1 to 4 and no padding give {' or '.join(map(str, children))} "
                f"capsules to {about}. Give image_shape, conv_strides, primary_strides or padding."
            )
        named = [
            ", ".join(f"{key}={value!r}" for key, value in one._asdict().items())
            for one in fitting[:MOST_NAMED]
        ]
        more = len(fitting) - len(named)
        raise ValueError(
            "\n  ".join(
                [f"Several networks fit {about}. Give what tells them apart, of:", *named]
                + ([f"and {more} more"] if more else [])
            )
        )

    def _width(self, reading):
        sizes = dict(zip(reading.class_axes, self.found.shape, strict=True))
        return sizes["classes"] * sizes["class_dim"]

    def _arguments(self, image_shape, given):
        sizes = dict(zip(self.reading.class_axes, self.found.shape, strict=True))
        *stem, primary = (one.shape for one in self.found.convolutions)
        units = tuple(one.shape[-1] for one in self.found.dense)
        iterations = self.script.iterations
        routing = {"name": "dynamic", "use_bias": False}
        if iterations is not None and "routing" not in given:
            routing["iterations"] = iterations
            self._say("routing of", f"{iterations} iterations", "the file's configuration")
        # A single convolution is written as such.
        several = len(stem) > 1
        *windows, window = (
            shape[0] if shape[0] == shape[1] else shape[:2] for shape in (*stem, primary)
        )
        return {
            "image_shape": image_shape,
            "num_classes": sizes["classes"],
            "conv_filters": tuple(shape[-1] for shape in stem) if several else stem[0][-1],
            "conv_kernel_size": tuple(windows) if several else windows[0],
            "primary_types": primary[-1] // sizes["child_dim"],
            "primary_dim": sizes["child_dim"],
            "primary_kernel_size": window,
            "class_dim": sizes["class_dim"],
            "routing": routing,
            "decoder": units[:-1] if units else None,
            "normalization": None,
            **given,
            "conv_strides": self.reading.conv_strides if several else self.reading.conv_strides[0],
            "primary_strides": self.reading.primary_strides,
            "padding": self.reading.padding,
        }

    def _say(self, what, value, source):
        text = ", ".join(map(str, value)) if isinstance(value, tuple) else value
        self.inferred.append(f"{what} {text} (from {source})")

    def model(self, name: str) -> CapsNet:
        """Builds the untrained model."""
        return CapsNet(name=name, **self.arguments)

    def pairs(self, model: keras.Model) -> list[Pair]:
        """Pairs each variable of the model with the array of the file."""
        *stem, primary = self.found.convolutions
        names = ["conv", *(f"conv_{number}" for number in range(2, len(stem) + 1))]
        layers = dict(zip(names, stem, strict=True)) | {"primary_capsules": primary}
        if self.arguments["decoder"] is not None:
            dense = self.found.dense
            paths = [f"decoder/hidden_{one}" for one in range(len(dense) - 1)]
            layers.update(zip([*paths, "decoder/pixels"], dense, strict=True))
        pairs = []
        for path, layer in layers.items():
            pairs += [Pair(f"{path}/kernel", layer.kernel), Pair(f"{path}/bias", layer.bias)]
        layout = _layout(self.reading, ones=self.arrays[self.classes].ndim - 4)
        return [*pairs, Pair("class_capsules/kernel", self.classes, layout)]

    def scores(self, images: np.ndarray) -> np.ndarray:
        """Computes the scores of rescaled images by NumPy from the file's arrays."""
        x = images.astype("float64")
        steps = (*self.reading.conv_strides, self.reading.primary_strides)
        last = len(steps) - 1
        for number, (one, step) in enumerate(zip(self.found.convolutions, steps, strict=True)):
            kernel, bias = (
                np.asarray(self.arrays[name], "float64") for name in (one.kernel, one.bias)
            )
            x = reference.convolution(x, kernel, bias, step, self.reading.padding)
            x = x if number == last else x.clip(0)
        children = reference.squash(x.reshape(len(x), -1, self.arguments["primary_dim"]))
        kernel = np.asarray(self.arrays[self.classes], "float64").reshape(self.found.shape)
        axes = [
            self.reading.class_axes.index(axis)
            for axis in ("classes", "children", "class_dim", "child_dim")
        ]
        kernel = np.transpose(kernel, axes)
        return reference.dynamic_scores(children, kernel, self.routing.iterations)

    def notes(self, sha256: str) -> tuple[str, ...]:
        """What else there is to know of the file."""
        iterations = getattr(self.routing, "iterations", 1)
        notes = [
            f"Inferred: {'; '.join(self.inferred)}.",
            f"Routing: {type(self.routing).__name__} with {iterations} iterations; ReLU after each "
            "convolution but that of the primary capsules; pixel values divided by 255. Give "
            "other arguments where the script does otherwise.",
        ]
        if self.script.optimizer:
            notes.append(f"Left out: {self.script.optimizer} arrays of the optimizer's state.")
        return tuple(notes)


def _layout(reading: Reading, ones: int) -> Layout:
    """How the class array of a reading becomes ours: (children, child_dim, 1, classes, class_dim).

    Axes of size 1 may stand before it.
    """
    order = ("children", "child_dim", "classes", "class_dim")
    axes = (*range(ones), *(ones + reading.class_axes.index(axis) for axis in order))

    def file_shape(shape):
        sizes = dict(zip(order, (shape[0], shape[1], shape[3], shape[4]), strict=True))
        return (*[1] * ones, *(sizes[axis] for axis in reading.class_axes))

    return Layout(axes, file_shape)
