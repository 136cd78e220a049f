"""Noise as the input of a generator: as many latents as there are examples in a batch."""

import keras
from keras import ops

from capszoo.validation import check_positive_int


@keras.saving.register_keras_serializable(package="capszoo")
class LatentNoise(keras.layers.Layer):
    """Draws a latent from the normal distribution for each example of a batch.

        z ~ N(0, 1)

    What the examples are does not count, only how many there are. What is drawn next is saved with
    the model, so that a training that goes on draws what it would have.

    Args:
        size: How many numbers a latent has.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, ...)`.

    Output shape:
        `(batch, size)`.

    Raises:
        ValueError: If `size` is not a positive integer.

    Example:

    >>> capszoo.layers.LatentNoise(16)(np.zeros((4, 28, 28, 1))).shape[1]
    16
    """

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = check_positive_int("size", size)
        # Keras' own seed at the time: `keras.utils.set_random_seed` counts.
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, inputs):
        shape = (ops.shape(inputs)[0], self.size)
        return keras.random.normal(shape, dtype=self.compute_dtype, seed=self.seed_generator)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size)

    def get_config(self):
        return {**super().get_config(), "size": self.size}
