"""Standardizing each image, or clip, by its own mean and deviation."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="capszoo")
class ImageStandardization(keras.layers.Layer):
    """Gives each image, or clip, mean 0 and deviation 1 over all its numbers.

    `(image - mean) / max(deviation, 1 / sqrt(numbers))`; the bound keeps an image of one color
    finite.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, *size, channels)`.

    Output shape:
        Same as the input.

    Example:

    >>> images = np.random.uniform(size=(2, 8, 8, 1)).astype("float32")
    >>> abs(float(keras.ops.mean(capszoo.layers.ImageStandardization()(images)))) < 1e-5
    True
    """

    def call(self, inputs):
        wide = ops.cast(inputs, "float32")
        axes = tuple(range(1, len(inputs.shape)))
        mean, variance = ops.moments(wide, axes=axes, keepdims=True)
        smallest = 1.0 / math.prod(inputs.shape[1:])
        return ops.cast((wide - mean) * ops.rsqrt(ops.maximum(variance, smallest)), inputs.dtype)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)
