"""Convolutions, each with an activation and a normalization: the stem of Efficient-CapsNet."""

import keras

from capszoo.layers import Conv2D
from capszoo.validation import check_fits

# How steep a leaky ReLU is below 0.
SLOPE = 0.3


def check_convolutions(image_shape, conv_filters, kernel_sizes, strides, *others) -> None:
    """Checks that the three sequences are of one length and that an image is large enough.

    Args:
        image_shape: `(height, width, channels)`.
        conv_filters: Filters of the convolutions.
        kernel_sizes: Sizes of their windows.
        strides: Steps between their windows.
        *others: Pairs of size and step of the windows that follow.

    Raises:
        ValueError: If they are not as said above.
    """
    if not len(conv_filters) == len(kernel_sizes) == len(strides):
        raise ValueError(
            "Arguments `conv_filters`, `kernel_sizes` and `strides` must be of one length. "
            f"Received: {tuple(conv_filters)}, {tuple(kernel_sizes)}, {tuple(strides)}"
        )
    check_fits(image_shape, [*zip(kernel_sizes, strides, strict=True), *others])


def normalized_convolutions(features, model, dtype):
    """Convolves features: convolution, activation, normalization, as often as a model says.

    Args:
        features: Symbolic tensor `(batch, height, width, channels)`.
        model: What has the arguments as attributes: `conv_filters`, `kernel_sizes`, `strides`,
            `activation` (`"relu"` or `"leaky_relu"`) and `conv_normalization` (`"batch"` or
            `"instance"`).
        dtype: Dtype or policy of the layers.

    Returns:
        Symbolic tensor `(batch, height, width, filters)`.
    """
    convolutions = zip(model.conv_filters, model.kernel_sizes, model.strides, strict=True)
    for number, (filters, kernel_size, step) in enumerate(convolutions, start=1):
        features = Conv2D(
            filters,
            kernel_size,
            strides=step,
            kernel_initializer="he_normal",
            dtype=dtype,
            name=f"conv_{number}",
        )(features)
        if model.activation == "relu":
            nonlinearity = keras.layers.ReLU(dtype=dtype, name=f"relu_{number}")
        else:
            nonlinearity = keras.layers.LeakyReLU(
                negative_slope=SLOPE, dtype=dtype, name=f"leaky_relu_{number}"
            )
        features = nonlinearity(features)
        if model.conv_normalization == "batch":
            layer = keras.layers.BatchNormalization(dtype=dtype, name=f"norm_{number}")
        else:
            layer = keras.layers.GroupNormalization(
                groups=-1,
                epsilon=1e-3,
                beta_initializer="random_uniform",
                gamma_initializer="random_uniform",
                dtype=dtype,
                name=f"norm_{number}",
            )
        features = layer(features)
    return features


def convolutions_of_search(found: dict) -> None:
    """Makes the three sequences of what a search chose, and takes that out of the arguments.

    The paper's stem, or its first three convolutions, without the strided one, for small images.

    Args:
        found: Arguments by name, among them `conv_layers`, `conv_width` and `conv_kernel_size`
            of the search space; changed in place.
    """
    if "conv_layers" not in found:
        return
    layers, width = found.pop("conv_layers"), found.pop("conv_width")
    found["conv_filters"] = [width, 2 * width, 2 * width, 4 * width][:layers]
    found["kernel_sizes"] = [found.pop("conv_kernel_size"), 3, 3, 3][:layers]
    found["strides"] = [1, 1, 1, 2][:layers]
