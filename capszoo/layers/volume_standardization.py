"""Standardizing each channel of each volume by its own mean and deviation."""

import keras
from keras import ops

# Deviations below this share of the largest number are rounding, not signal; the smallest keeps
# a volume of zeros finite.
SMALLEST_SHARE, SMALLEST = 1e-5, 1e-15


@keras.saving.register_keras_serializable(package="capszoo")
class VolumeStandardization(keras.layers.Layer):
    """Gives each channel of each volume mean 0 and deviation 1, on any scale.

    `(volume - mean) / deviation`, over all positions: what two scanners, or two sequences of one,
    call bright differs by a factor and an offset, which do not count. A constant channel becomes
    0. In float32 whatever the policy: half precision would lose volumes that are far from 1.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, depth, height, width, channels)`.

    Output shape:
        Same as the input.

    Example:

    >>> volumes = 1e3 * np.random.normal(5.0, size=(2, 8, 8, 8, 2)).astype("float32")
    >>> standardized = capszoo.layers.VolumeStandardization()(volumes)
    >>> abs(float(keras.ops.std(standardized)) - 1) < 1e-3
    True
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, inputs):
        axes = (1, 2, 3)
        largest = ops.max(ops.abs(inputs), axis=axes, keepdims=True)
        # Of numbers up to 1: squares of very large or small ones would leave float32.
        scaled = inputs / ops.maximum(largest, SMALLEST)
        centered = scaled - ops.mean(scaled, axis=axes, keepdims=True)
        variance = ops.mean(ops.square(centered), axis=axes, keepdims=True)
        return centered * ops.rsqrt(ops.maximum(variance, SMALLEST_SHARE**2))

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)
