"""Gradients with respect to pictures, each backend by its own means."""

from collections.abc import Callable

import keras
import numpy as np


def gradients(function: Callable, images: np.ndarray) -> np.ndarray:
    """Computes the gradient of a number of each picture with respect to the picture.

    Args:
        function: From a tensor of pictures to a tensor of one number each, of which none depends
            on another picture.
        images: float32 array `(n, height, width, channels)`.

    Returns:
        float32 array of the same shape.

    Example:

    >>> def brightness(images):
    ...     return keras.ops.sum(images, axis=(1, 2, 3))
    >>> images = np.zeros((2, 3, 3, 1), "float32")
    >>> float(capszoo.robustness.gradients.gradients(brightness, images).mean())
    1.0
    """
    backend = keras.backend.backend()
    if backend == "jax":
        from capszoo.robustness.gradients.jax import gradients_of_sum
    elif backend == "tensorflow":
        from capszoo.robustness.gradients.tensorflow import gradients_of_sum
    else:
        from capszoo.robustness.gradients.torch import gradients_of_sum
    tensor = keras.ops.convert_to_tensor(images, dtype="float32")
    found = gradients_of_sum(lambda one: keras.ops.sum(function(one)), tensor)
    return np.asarray(keras.ops.convert_to_numpy(found), dtype="float32")
