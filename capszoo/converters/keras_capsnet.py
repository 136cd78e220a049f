"""The weights of the widespread Keras 2 scripts of CapsNet, in HDF5 files.

The layout: two convolutions, a capsule layer `W` of `(classes, children, class_dim, child_dim)`
with no bias in the routing, and dense layers as decoder. What differs from the paper's code: no
bias before the squash of the class capsules, and no factor 1/32 on the primary convolution. The
squash is ours; older scripts have no epsilon in the length, which matters at length zero alone.
"""

import math
import pathlib
from typing import Any

import keras
import numpy as np

from capszoo import routing as routings
from capszoo.converters import reference
from capszoo.converters.layers_of_file import layers_of
from capszoo.converters.matching import Layout
from capszoo.converters.matching import Pair
from capszoo.converters.matching import layout_error
from capszoo.models import CapsNet

CLASS_KERNEL = Layout((1, 3, 0, 2), lambda shape: (shape[3], shape[0], shape[4], shape[1]))
EXPECTED = {
    "convolutions": "kernel (height, width, channels, filters) and bias, two: the second makes "
    "the primary capsules",
    "class capsules": "W (classes, children, class_dim, child_dim)",
}
SECTIONS = {
    "paper": {
        "title": "Dynamic Routing Between Capsules",
        "url": "https://arxiv.org/abs/1710.09829",
    },
}


class KerasCapsNetFile:
    """A weights file of a Keras 2 CapsNet script, understood.

    Args:
        file: The file, for errors.
        arrays: Dictionary from path to array, as `read_hdf5` makes it.
        arguments: Arguments of `CapsNet` that replace what the file tells.

    Raises:
        ValueError: If the file does not show the layers of the format, or the image is not of
            the size that the capsules tell.
    """

    sections = SECTIONS

    def __init__(
        self, file: pathlib.Path, arrays: dict[str, np.ndarray], arguments: dict[str, Any]
    ):
        self.arrays = arrays
        found = layers_of(arrays)
        seen = {
            "convolutions": len(found.convolutions) == 2,
            "class capsules": len(found.capsules) == 1,
        }
        if not all(seen.values()):
            raise layout_error(file, {key: (EXPECTED[key], seen[key]) for key in seen}, arrays)
        self.convolution, self.primary = found.convolutions
        self.classes, self.dense = found.capsules[0], found.dense
        self.arguments = self._arguments(file, arguments)
        self.routing = routings.get(self.arguments["routing"])
        self.has_reference = set(arguments) <= {*reference.FOLLOWED, "routing"} and (
            isinstance(self.routing, routings.DynamicRouting) and not self.routing.leaky
        )
        self.ignored: list[str] = []
        if self.arguments["decoder"] is None:
            self.ignored = [one.source(name) for one in self.dense for name in one.arrays]

    def _arguments(self, file, given):
        classes, _, class_dim, primary_dim = self.classes.arrays["W"].shape
        kernel, primary = self.convolution.arrays["kernel"], self.primary.arrays["kernel"]
        units = tuple(one.arrays["kernel"].shape[-1] for one in self.dense)
        arguments = {
            "num_classes": classes,
            "conv_filters": kernel.shape[-1],
            "conv_kernel_size": kernel.shape[0],
            "primary_types": primary.shape[-1] // primary_dim,
            "primary_dim": primary_dim,
            "primary_kernel_size": primary.shape[0],
            "primary_strides": 2,
            "class_dim": class_dim,
            "routing": {"name": "dynamic", "use_bias": False},
            "decoder": units[:-1] if units else None,
            "normalization": None,
            **given,
        }
        if "image_shape" not in arguments:
            # The last dense layer makes a square image; without it, the network is for MNIST.
            channels = kernel.shape[2]
            side = math.isqrt(units[-1] // channels) if units else 28
            arguments["image_shape"] = (side, side, channels)
        return arguments

    def model(self, name: str) -> CapsNet:
        """Builds the untrained model."""
        return CapsNet(name=name, **self.arguments)

    def pairs(self, model: keras.Model) -> list[Pair]:
        """Pairs each variable of the model with the array of the file."""
        layers = {"conv": self.convolution, "primary_capsules": self.primary}
        if self.arguments["decoder"] is not None:
            paths = [f"decoder/hidden_{one}" for one in range(len(self.dense) - 1)]
            layers.update(zip([*paths, "decoder/pixels"], self.dense, strict=True))
        pairs = [
            Pair(f"{path}/{name}", layer.source(name))
            for path, layer in layers.items()
            for name in ("kernel", "bias")
        ]
        return [*pairs, Pair("class_capsules/kernel", self.classes.source("W"), CLASS_KERNEL)]

    def scores(self, images: np.ndarray) -> np.ndarray:
        """Computes the scores of rescaled images by NumPy from the file's arrays."""
        x = images.astype("float64")
        kernel, bias = self._weights(self.convolution)
        x = reference.convolution(x, kernel, bias).clip(0)
        kernel, bias = self._weights(self.primary)
        x = reference.convolution(x, kernel, bias, self.arguments["primary_strides"])
        children = reference.squash(x.reshape(len(x), -1, self.arguments["primary_dim"]))
        kernel = self.classes.arrays["W"].astype("float64")
        return reference.dynamic_scores(children, kernel, self.routing.iterations)

    @staticmethod
    def _weights(layer):
        return layer.arrays["kernel"].astype("float64"), layer.arrays["bias"].astype("float64")

    def notes(self, sha256: str) -> tuple[str, ...]:
        """What else there is to know of the file."""
        strides = self.arguments["primary_strides"]
        return (
            f"A weights file tells neither routing nor strides: {type(self.routing).__name__} with "
            f"{getattr(self.routing, 'iterations', 1)} iterations, primary strides {strides}.",
        )
