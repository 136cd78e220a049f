"""Checks of images and labels given as arrays, before any work is done."""

import warnings

import keras
import numpy as np


def is_array(data):
    """Tells whether `data` is one array or tensor, as against a pipeline of batches."""
    return data is not None and hasattr(data, "shape") and hasattr(data, "dtype")


def _to_numpy(data):
    # Tensors of another framework than the backend's convert as arrays do.
    return keras.ops.convert_to_numpy(data) if keras.ops.is_tensor(data) else np.asarray(data)


def check_images(images, image_shape, rescaling):
    """Raises `ValueError` unless `images` are what a model of `image_shape` takes.

    Warns where pixel values look already scaled and the model scales them again.
    """
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[1:] != tuple(image_shape):
        hint = ""
        if shape[1:] == image_shape[:2] and image_shape[2] == 1:
            hint = " Add the channel axis: images[..., None]."
        elif shape == tuple(image_shape):
            hint = " Add the batch axis: images[None]."
        elif len(shape) == 4 and (shape[2], shape[3], shape[1]) == tuple(image_shape):
            hint = " Move the channels last: numpy.moveaxis(images, 1, -1)."
        raise ValueError(
            "Expected images of shape (batch, height, width, channels) = "
            f"(batch, {', '.join(map(str, image_shape))}). "
            f"Received: images of shape {shape}.{hint}"
        )
    if shape[0] == 0:
        raise ValueError("Expected at least one image. Received: none (an empty array).")
    first = _to_numpy(images[:16])
    is_float = "float" in str(first.dtype)
    if rescaling < 0.1 and is_float and 0.0 < float(first.max()) <= 1.0 and shape[0] > 1:
        warnings.warn(
            "The first images hold no value above 1, but this model scales its images itself, "
            f"by {rescaling:.6f}: give it pixel values from 0 to 255, or build it with "
            "rescaling=1.",
            stacklevel=3,
        )


def check_labels(labels, num_images, num_classes):
    """Raises `ValueError` unless `labels` are integer, one-hot or multi-hot labels."""
    shape = tuple(labels.shape)
    is_hot = len(shape) == 2 and shape[1] == num_classes
    is_integer = len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)
    if not (is_hot or is_integer):
        raise ValueError(
            "Expected integer labels of shape (batch,) or one-hot or multi-hot labels of shape "
            f"(batch, {num_classes}). Received: labels of shape {shape}"
        )
    if shape[0] != num_images:
        raise ValueError(
            f"Expected a label for each image. Received: {num_images} images, {shape[0]} labels"
        )
    values = _to_numpy(labels)
    if not is_hot and (values != np.floor(values)).any():
        wrong = values[values != np.floor(values)].flat[0]
        raise ValueError(f"Expected integer labels. Received: a label {wrong}")
    smallest, largest = float(values.min()), float(values.max())
    highest = 1 if is_hot else num_classes - 1
    if smallest < 0 or largest > highest:
        raise ValueError(
            f"Expected labels from 0 to {highest} for {num_classes} classes"
            f"{' (one-hot or multi-hot)' if is_hot else ''}. "
            f"Received: labels from {smallest:g} to {largest:g}"
        )
