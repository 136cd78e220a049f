"""The convolutions before the primary capsules: one, or several one after the other."""

import math
from typing import NamedTuple

import keras

from capszoo.layers import Conv2D
from capszoo.validation import check_positive_int
from capszoo.validation import check_size


class Convolution(NamedTuple):
    """A convolution: how many filters, the size of its window and the step between windows."""

    filters: int
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]


def convolutions(conv_filters, conv_kernel_size, conv_strides, rank: int) -> list[Convolution]:
    """Reads the arguments of a stem: one convolution, or a sequence.

    Args:
        conv_filters: Number of filters, or a sequence of them, one for each convolution.
        conv_kernel_size: Size of the window, one integer or one for each axis; where
            `conv_filters` is a sequence, one integer for all or a sequence of such.
        conv_strides: Step between windows, likewise.
        rank: How many axes there are.

    Returns:
        List of `Convolution`s.

    Raises:
        ValueError: If a size is not a positive integer, or the sequences differ in length.

    Example:

    >>> capszoo.models.stem.convolutions((32, 64), (9, 5), 2, rank=1)[1]
    Convolution(filters=64, kernel_size=(5,), strides=(2,))
    """
    several = isinstance(conv_filters, (tuple, list))
    filters = [check_positive_int("conv_filters", one) for one in conv_filters] if several else []
    if not several:
        filters = [check_positive_int("conv_filters", conv_filters)]
    if not filters:
        raise ValueError("Argument `conv_filters` must name at least one convolution.")

    def for_each(argument, value):
        if not several:
            return [check_size(argument, value, rank)]
        values = value if isinstance(value, (tuple, list)) else [value] * len(filters)
        if len(values) != len(filters):
            raise ValueError(
                f"Argument `{argument}` must be one integer or a sequence as long as "
                f"`conv_filters`. Received: {argument}={value!r}, conv_filters={conv_filters!r}"
            )
        return [check_size(argument, one, rank) for one in values]

    sizes = for_each("conv_kernel_size", conv_kernel_size)
    steps = for_each("conv_strides", conv_strides)
    return [Convolution(*one) for one in zip(filters, sizes, steps, strict=True)]


def stem(features, layers: list[Convolution], padding: str, kernel_initializer, dtype):
    """Convolves features, with ReLU after each convolution.

    Args:
        features: Symbolic tensor `(batch, length, channels)` or `(batch, height, width, channels)`.
        layers: What `convolutions` gave.
        padding: `"valid"` or `"same"`.
        kernel_initializer: Initializer of the first kernel; the others start as He's, which keeps
            the size of features from one ReLU to the next.
        dtype: Dtype or policy of the layers, called `conv`, `conv_2`, `conv_3`, ...

    Returns:
        Symbolic tensor.
    """
    for number, (filters, kernel_size, strides) in enumerate(layers, start=1):
        convolution = Conv2D if len(kernel_size) == 2 else keras.layers.Conv1D
        features = convolution(
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            data_format="channels_last",
            activation="relu",
            kernel_initializer=kernel_initializer if number == 1 else "he_normal",
            bias_initializer=keras.initializers.Constant(0.1),
            dtype=dtype,
            name="conv" if number == 1 else f"conv_{number}",
        )(features)
    return features


def primary_initializer(kernel_size, last: Convolution, scale: float = 1.0):
    """Makes the initializer of the primary capsules behind a stem.

        deviation = 0.45 / (scale * fan_in**0.5)

    Whatever the size of the window, they begin neither all at 0 nor all of length 1: 0.1 for the
    sizes of the paper of dynamic routing and the factor 1/32 of its code.

    Args:
        kernel_size: Size of their window, one integer or one for each axis.
        last: The last convolution of the stem.
        scale: What they are multiplied by. Defaults to `1.0`.

    Returns:
        A Keras initializer.

    Example:

    >>> last = capszoo.models.stem.Convolution(256, (9, 9), (1, 1))
    >>> capszoo.models.stem.primary_initializer(9, last, scale=1 / 32).stddev
    0.1
    """
    window = check_size("primary_kernel_size", kernel_size, rank=len(last.kernel_size))
    fan_in = math.prod(window) * last.filters
    return keras.initializers.TruncatedNormal(stddev=0.45 / (scale * fan_in**0.5))
