"""Parts of residual stems: a convolution with batch normalization, and a block of two."""

import keras

from capszoo.layers import Conv2D


def convolve(features, filters, kernel_size, strides, dtype, name):
    """A convolution without bias, padded, and batch normalization.

    Args:
        features: Symbolic tensor `(batch, height, width, channels)`.
        filters: How many filters there are.
        kernel_size: Size of the window in pixels.
        strides: Step between windows.
        dtype: Dtype or policy of the layers.
        name: Name of the convolution; that of the normalization ends in `_norm`.

    Returns:
        Symbolic tensor.
    """
    features = Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        dtype=dtype,
        name=name,
    )(features)
    return keras.layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, dtype=dtype, name=f"{name}_norm"
    )(features)


def residual_block(features, filters, strides, dtype, name, shortcut):
    """Two convolutions of 3x3, added to what enters.

    Args:
        features: Symbolic tensor `(batch, height, width, channels)`.
        filters: How many filters the convolutions have.
        strides: Step between the windows of the first.
        dtype: Dtype or policy of the layers.
        name: What the names of the layers begin with.
        shortcut: Function of the features that gives them the shape of the block's result; called
            where it is another.

    Returns:
        Symbolic tensor.
    """
    inner = convolve(features, filters, 3, strides, dtype, f"{name}_conv_1")
    inner = keras.layers.ReLU(dtype=dtype, name=f"{name}_relu_1")(inner)
    inner = convolve(inner, filters, 3, 1, dtype, f"{name}_conv_2")
    if inner.shape != features.shape:
        features = shortcut(features)
    total = keras.layers.Add(dtype=dtype, name=f"{name}_sum")([features, inner])
    return keras.layers.ReLU(dtype=dtype, name=f"{name}_relu_2")(total)
