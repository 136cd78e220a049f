"""The convolutions before the primary capsules: one, or several one after the other."""

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
