"""Standardizing each signal by its own mean and deviation."""

import keras
from keras import ops

# Deviations below this share of the largest number are rounding, not signal; the smallest keeps
# a signal of zeros finite.
SMALLEST_SHARE, SMALLEST = 1e-5, 1e-15


@keras.saving.register_keras_serializable(package="capszoo")
class SignalStandardization(keras.layers.Layer):
    """Gives each signal mean 0 in each channel and deviation 1 over all channels, on any scale.

    `(signal - mean) / deviation`: channels keep their ratio, and volts and millivolts become the
    same. A constant signal becomes 0. In float32 whatever the policy: half precision would lose
    signals that are far from 1.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, length, channels)`.

    Output shape:
        Same as the input.

    Example:

    >>> signals = 1e-3 * np.random.normal(5.0, size=(2, 100, 3)).astype("float32")
    >>> standardized = capszoo.layers.SignalStandardization()(signals)
    >>> abs(float(keras.ops.std(standardized)) - 1) < 1e-3
    True
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, inputs):
        largest = ops.max(ops.abs(inputs), axis=(1, 2), keepdims=True)
        # Of numbers up to 1: squares of very large or small ones would leave float32.
        scaled = inputs / ops.maximum(largest, SMALLEST)
        centered = scaled - ops.mean(scaled, axis=1, keepdims=True)
        variance = ops.mean(ops.square(centered), axis=(1, 2), keepdims=True)
        deviation = ops.sqrt(ops.maximum(variance, SMALLEST_SHARE**2))
        return centered / deviation

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)
