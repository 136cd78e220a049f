"""The pictures that a model sees."""

import keras
import numpy as np


def check_pictures(model, images) -> None:
    """Raises `ValueError` unless a model takes pictures, and these are some."""
    if len(model.example_shape) != 3:
        raise ValueError(
            f"Expected a model of pictures. Received: model '{model.name}' of "
            f"{model.input_end.unit}"
        )
    model.check_data(model.to_arrays(images))


def prepared_pictures(model, images) -> np.ndarray:
    """Computes pictures as the body of a model sees them, but for their normalization.

    Args:
        model: A `capszoo.models.CapsuleModel` of pictures.
        images: Pictures, as the model takes them.

    Returns:
        Array `(n, height, width, channels)`, numbers between 0 and 1.

    Example:

    >>> model = capszoo.models.CapsNet((20, 20, 1), resize=(24, 24))
    >>> images = np.full((1, 48, 48, 1), 255, "uint8")
    >>> capszoo.visualization.prepared_pictures(model, images).shape
    (1, 20, 20, 1)
    """
    check_pictures(model, images)
    images = model.to_arrays(images)
    rescaling = model.get_layer("rescaling")
    prepared = keras.Model(model.input, rescaling.output)
    return np.clip(prepared.predict(images, verbose=0), 0, 1)
