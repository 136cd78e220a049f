"""The weights that the authors of Efficient-CapsNet published, in Keras 2 HDF5 files.

What differs from ours and is taken care of: the primary kernel is that of a grouped convolution,
`(height, width, 1, channels)`; the class kernel is `(classes, children, child_dim, class_dim)`; the
bias of the couplings has a third axis of size 1. The authors' squash divides by the norm plus
1e-20, ours by the root of the squared norm plus 1e-7: scores differ by about 1e-7.
"""

import math
import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from capszoo.converters import reference
from capszoo.converters.layers_of_file import layers_of
from capszoo.converters.matching import Layout
from capszoo.converters.matching import Pair
from capszoo.converters.matching import layout_error
from capszoo.converters.stored import Array
from capszoo.models import EfficientCapsNet

DEPTHWISE = Layout((0, 1, 3, 2), lambda shape: (shape[0], shape[1], shape[3], shape[2]))
CLASS_KERNEL = Layout((1, 2, 0, 3), lambda shape: (shape[3], shape[0], shape[1], shape[4]))
COUPLING_BIAS = Layout(None, lambda shape: (*shape, 1))

# What shapes do not tell, by the sizes of the windows with that of the primary capsules, and the
# channels: the published networks, and the beginnings of their files' SHA-256.
PUBLISHED: dict[tuple[tuple[int, ...], int], dict[str, Any]] = {
    ((7, 3, 3, 3, 8), 2): {
        "title": "smallNORB",
        "data": {"name": "smallnorb", "resize": [64, 64], "crop": [48, 48]},
        "sha256": "c7fbd8cc",
        "arguments": {
            "image_shape": (48, 48, 2),
            "strides": (2, 1, 1, 2),
            # Each channel's over the training images, of pixels from 0 to 1.
            "normalization": {"mean": [0.75245, 0.75744], "variance": [0.030924, 0.029602]},
        },
        "note": (
            "Feed the 48x48 middle of images of 64x64, as the preset's data section does. Classes: "
            "animal, human, airplane, truck, car. The authors standardize the test images by the "
            "test images' own mean."
        ),
    },
    ((5, 3, 3, 3, 9), 1): {
        "title": "MNIST",
        "data": {"name": "mnist"},
        "sha256": "40293d33",
        "arguments": {
            "image_shape": (28, 28, 1),
            "strides": (1, 1, 1, 2),
            "rescaling": 1 / 256,
        },
        "note": "The authors divide pixel values by 256, and so does the converted model.",
    },
    ((5, 3, 3, 3, 5), 1): {
        "title": "MultiMNIST",
        "data": None,
        "sha256": "b6478a52",
        "arguments": {
            "image_shape": (36, 36, 1),
            "strides": (1, 1, 2, 2),
            "primary_strides": 2,
            "num_objects": 2,
        },
        "note": "The authors decode each of the two digits by itself, this model both at once.",
    },
}
EXPECTED = {
    "convolutions": "kernel (height, width, channels, filters) and bias, two or more",
    "primary convolution": "the last of them: kernel (height, width, 1, channels) and bias",
    "normalizations": "gamma and beta, after each convolution but the last",
    "class capsules": "W (classes, children, child_dim, class_dim) and b (classes, children, 1)",
}
SECTIONS = {
    "license": "Apache-2.0",
    "paper": {
        "title": "Efficient-CapsNet: Capsule Network with Self-Attention Routing",
        "url": "https://arxiv.org/abs/2101.12491",
    },
}


class EfficientCapsNetFile:
    """A weights file of the Efficient-CapsNet authors, understood.

    Args:
        file: The file, for errors.
        arrays: Dictionary from path to array, as `opened_keras` gives it.
        arguments: Arguments of `EfficientCapsNet` that replace what the file tells.

    Raises:
        ValueError: If the file does not show the layers of the format, or an argument is needed
            that it does not tell.
    """

    def __init__(self, file: pathlib.Path, arrays: Mapping[str, Array], arguments: dict[str, Any]):
        self.arrays = arrays
        found = layers_of(arrays)
        body = found.capsules[0].group if found.capsules else None
        windows = [one for one in found.convolutions if body in (None, one.group)]
        self.convolutions = windows[:-1]
        self.normalizations = [one for one in found.normalizations if one.group == body]
        self.decoder_dense = [one for one in found.dense if one.group != body]
        self.decoder_convolutions = [one for one in found.convolutions if body != one.group]
        seen = {
            "convolutions": bool(self.convolutions),
            "primary convolution": bool(windows) and windows[-1].arrays["kernel"].shape[2] == 1,
            "normalizations": len(self.normalizations) == len(self.convolutions),
            "class capsules": len(found.capsules) == 1,
        }
        if not all(seen.values()):
            raise layout_error(file, {key: (EXPECTED[key], seen[key]) for key in seen}, arrays)
        self.primary, self.classes = windows[-1], found.capsules[0]
        self.batch_normalized = any("moving_mean" in one.arrays for one in self.normalizations)
        kernels = [one.arrays["kernel"] for one in windows]
        sizes = tuple(kernel.shape[0] for kernel in kernels)
        self.published = PUBLISHED.get((sizes, kernels[0].shape[2]))
        self.arguments = self._arguments(file, sizes, arguments)
        self.has_reference = set(arguments) <= reference.FOLLOWED
        self.ignored: list[str] = []
        if self.arguments["decoder"] is None:
            layers = [*self.decoder_dense, *self.decoder_convolutions]
            self.ignored = [one.source(name) for one in layers for name in one.arrays]

    def _arguments(self, file, sizes, given):
        classes, _, primary_dim, class_dim = self.classes.arrays["W"].shape
        arguments = {
            "num_classes": classes,
            "conv_filters": tuple(one.arrays["kernel"].shape[-1] for one in self.convolutions),
            "kernel_sizes": sizes[:-1],
            "activation": "relu" if self.batch_normalized else "leaky_relu",
            "conv_normalization": "batch" if self.batch_normalized else "instance",
            "primary_dim": primary_dim,
            "primary_kernel_size": sizes[-1],
            "class_dim": class_dim,
            **(self.published["arguments"] if self.published else {}),
            **given,
        }
        needed = [name for name in ("image_shape", "strides") if name not in arguments]
        if needed:
            raise ValueError(
                f"{file} has windows of the sizes {sizes}, which is none of the published "
                f"networks: give {' and '.join(needed)}, which a weights file does not tell."
            )
        if "decoder" not in arguments:
            arguments["decoder"] = self._decoder(file, tuple(arguments["image_shape"]))
        return arguments

    def _decoder(self, file, image_shape):
        if not self.decoder_dense:
            return None
        units = tuple(one.arrays["kernel"].shape[-1] for one in self.decoder_dense)
        if not self.decoder_convolutions:
            return units[:-1]
        side = math.isqrt(units[-1])
        # Smallest first: a dense layer makes a small picture, three convolutions enlarge it.
        layers = [
            keras.layers.Flatten(data_format="channels_last", name="flatten"),
            keras.layers.Dense(units[-1], name="dense"),
            keras.layers.Reshape((side, side, units[-1] // max(side, 1) ** 2), name="reshape"),
        ]
        last = len(self.decoder_convolutions)
        for number, one in enumerate(self.decoder_convolutions, start=1):
            if number < last:
                enlarge = keras.layers.UpSampling2D(
                    2,
                    data_format="channels_last",
                    interpolation="bilinear",
                    name=f"up_{number}",
                )
                layers.append(enlarge)
            height, width, _, filters = one.arrays["kernel"].shape
            activation = "leaky_relu" if number < last else "sigmoid"
            layers.append(
                keras.layers.Conv2D(
                    filters,
                    (height, width),
                    data_format="channels_last",
                    activation=activation,
                    name=f"conv_{number}",
                )
            )
        shape = self.classes.arrays["W"].shape
        decoder = keras.Sequential([keras.Input((shape[0], shape[3])), *layers], name="decoder")
        if decoder.output_shape[1:] != image_shape:
            raise ValueError(
                f"The decoder of {file} makes images of shape {decoder.output_shape[1:]}, the "
                f"network takes {image_shape}. Give decoder=None to leave it out."
            )
        return decoder

    @property
    def sections(self) -> dict[str, Any]:
        """The sections of the preset that the file does not tell: paper, licence and data."""
        return {**SECTIONS, "data": self.published["data"] if self.published else None}

    def model(self, name: str) -> EfficientCapsNet:
        """Builds the untrained model."""
        return EfficientCapsNet(name=name, **self.arguments)

    def pairs(self, model: keras.Model) -> list[Pair]:
        """Pairs each variable of the model with the array of the file."""
        pairs = []
        for number, layer in enumerate(self.convolutions, start=1):
            pairs += _same(f"conv_{number}", layer, ("kernel", "bias"))
        names: tuple[str, ...] = ("gamma", "beta")
        if self.batch_normalized:
            names += ("moving_mean", "moving_variance")
        for number, layer in enumerate(self.normalizations, start=1):
            pairs += _same(f"norm_{number}", layer, names)
        convolution = "primary_capsules/convolution"
        pairs.append(Pair(f"{convolution}/kernel", self.primary.source("kernel"), DEPTHWISE))
        pairs.append(Pair(f"{convolution}/bias", self.primary.source("bias")))
        pairs.append(Pair("class_capsules/kernel", self.classes.source("W"), CLASS_KERNEL))
        routing = "class_capsules/self_attention_routing/bias"
        pairs.append(Pair(routing, self.classes.source("b"), COUPLING_BIAS))
        if self.arguments["decoder"] is None:
            return pairs
        if self.decoder_convolutions:
            paths = ["dense"] + [f"conv_{one + 1}" for one in range(len(self.decoder_convolutions))]
        else:
            paths = [f"hidden_{one}" for one in range(len(self.decoder_dense) - 1)] + ["pixels"]
        layers = [*self.decoder_dense, *self.decoder_convolutions]
        for path, layer in zip(paths, layers, strict=True):
            pairs += _same(f"decoder/{path}", layer, ("kernel", "bias"))
        return pairs

    def scores(self, images: np.ndarray) -> np.ndarray:
        """Computes the scores of rescaled and normalized images by NumPy from the file's arrays."""
        x, strides = images.astype("float64"), self.arguments["strides"]
        layers = zip(self.convolutions, self.normalizations, strides, strict=True)
        for convolution, normalization, stride in layers:
            weights = _double(convolution)
            x = reference.convolution(x, weights["kernel"], weights["bias"], stride)
            slope = 0.0 if self.arguments["activation"] == "relu" else 0.3
            x = np.where(x > 0, x, slope * x)
            weights = _double(normalization)
            mean = weights.get("moving_mean", x.mean(axis=(1, 2), keepdims=True))
            variance = weights.get("moving_variance", x.var(axis=(1, 2), keepdims=True))
            x = (x - mean) / np.sqrt(variance + 1e-3) * weights["gamma"] + weights["beta"]
        weights = _double(self.primary)
        stride = self.arguments.get("primary_strides", 1)
        x = reference.depthwise_convolution(x, weights["kernel"], weights["bias"], stride)
        children = x.reshape(len(x), -1, self.arguments["primary_dim"])
        weights = _double(self.classes)
        children = reference.exponential_squash(children)
        return reference.self_attention_scores(children, weights["W"], weights["b"])

    def notes(self, sha256: str) -> tuple[str, ...]:
        """What else there is to know of the file."""
        if not self.published:
            return ()
        known = sha256.startswith(self.published["sha256"])
        word = "is" if known else "is not"
        origin = f"This {word} the published file for {self.published['title']}, by its SHA-256."
        return (origin, self.published["note"])


def _same(path, layer, names):
    return [Pair(f"{path}/{name}", layer.source(name)) for name in names]


def _double(layer):
    return {name: np.asarray(array, "float64") for name, array in layer.arrays.items()}
