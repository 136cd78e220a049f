"""The graph of a U-Net, in the plane and in space: plain convolutions, no capsules."""

import math
from collections.abc import Sequence

import keras

from capszoo.layers import Conv2D


def unet(features, filters: Sequence[int], num_classes: int, dtype):
    """Makes a U-Net: down by halves, up again, with what was seen on the way down.

    A block is two convolutions with windows of 3, each with instance normalization and ReLU. Down
    is the maximum of windows of 2, up each position twice along each axis; sizes that are odd are
    rounded up on the way down, and what is too much is cut off on the way up.

    Args:
        features: Symbolic tensor `(batch, *spatial, channels)`, of two or three axes.
        filters: Filters of each level, the finest first.
        num_classes: How many classes there are.
        dtype: Dtype or policy of the layers.

    Returns:
        Symbolic probabilities `(batch, *spatial, num_classes)`.
    """
    rank = len(features.shape) - 2
    layers = {
        2: (
            Conv2D,
            keras.layers.MaxPooling2D,
            keras.layers.UpSampling2D,
            keras.layers.Cropping2D,
        ),
        3: (
            keras.layers.Conv3D,
            keras.layers.MaxPooling3D,
            keras.layers.UpSampling3D,
            keras.layers.Cropping3D,
        ),
    }
    convolution, pooling, upsampling, cropping = layers[rank]
    channels_last = {"data_format": "channels_last", "dtype": dtype}

    def block(features, count, name):
        for number in (1, 2):
            features = convolution(
                count,
                3,
                padding="same",
                # Normalization takes a bias out again.
                use_bias=False,
                kernel_initializer="he_normal",
                name=f"{name}_conv_{number}",
                **channels_last,
            )(features)
            # With a group for each channel this is instance normalization.
            features = keras.layers.GroupNormalization(
                groups=-1, axis=-1, dtype=dtype, name=f"{name}_norm_{number}"
            )(features)
            features = keras.layers.ReLU(dtype=dtype, name=f"{name}_relu_{number}")(features)
        return features

    seen = []
    for level, count in enumerate(filters, start=1):
        if level > 1:
            seen.append(features)
            features = pooling(2, padding="same", name=f"down_{level}", **channels_last)(features)
        features = block(features, count, f"down_{level}")
    for level in reversed(range(1, len(filters))):
        finer = seen[level - 1]
        features = upsampling(2, name=f"up_{level}", **channels_last)(features)
        too_much = [
            (0, own - wanted)
            for own, wanted in zip(features.shape[1:-1], finer.shape[1:-1], strict=True)
        ]
        features = cropping(too_much, name=f"cut_{level}", **channels_last)(features)
        features = keras.layers.Concatenate(axis=-1, dtype=dtype, name=f"join_{level}")(
            [finer, features]
        )
        features = block(features, filters[level - 1], f"up_{level}")
    logits = convolution(num_classes, 1, name="logits", **channels_last)(features)
    return keras.layers.Softmax(axis=-1, dtype="float32", name="probabilities")(logits)


def check_levels(argument: str, shape: Sequence[int], filters: Sequence[int]) -> None:
    """Raises `ValueError` where nothing would be left at the coarsest level of a U-Net.

    Args:
        argument: Name of the argument `shape`.
        shape: Shape of an example, channels last.
        filters: Filters of each level.
    """
    if not len(filters):
        raise ValueError("Argument `filters` must name at least one level.")
    coarsest = [math.ceil(size / 2 ** (len(filters) - 1)) for size in shape[:-1]]
    if math.prod(coarsest) == 1:
        raise ValueError(
            f"Argument `{argument}` is too small for {len(filters)} levels, each half as large as "
            "the one before: instance normalization would leave nothing of the single position "
            f"at the last. Received: {argument}={tuple(shape)}, filters={tuple(filters)}"
        )


def search_filters(values: dict) -> dict:
    """Makes `filters` of what a search chose: twice as many from level to level."""
    found = dict(values)
    if "levels" in found:
        levels, first = found.pop("levels"), found["filters"]
        found["filters"] = [first << level for level in range(levels)]
    return found
