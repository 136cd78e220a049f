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


def check_images(images, image_shape, rescaling, any_size=False):
    """Raises `ValueError` unless `images` are what a model of `image_shape` takes.

    Of `image_shape` the channels alone count where a model takes images of `any_size`. Warns
    where pixel values look already scaled and the model scales them again.
    """
    shape = tuple(images.shape)
    expected = (None, None, image_shape[2]) if any_size else tuple(image_shape)
    fits = len(shape) == 4 and all(
        size in (None, own) for size, own in zip(expected, shape[1:], strict=True)
    )
    if not fits:
        sizes = ("any", "any", image_shape[2]) if any_size else image_shape
        raise ValueError(
            "Expected images of shape (batch, height, width, channels) = "
            f"(batch, {', '.join(map(str, sizes))}). "
            f"Received: images of shape {shape}.{_hint(shape, tuple(image_shape), any_size)}"
        )
    if 0 in shape:
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


def _hint(shape, image_shape, any_size):
    """What the shape of refused images may want for."""
    channels = image_shape[2]
    is_flat = shape[-1] != 1 if any_size else shape[1:] == image_shape[:2]
    if len(shape) == 3 and channels == 1 and is_flat:
        return " Add the channel axis: images[..., None]."
    if shape == image_shape or (any_size and len(shape) == 3 and shape[-1] == channels):
        return " Add the batch axis: images[None]."
    moved = (*shape[2:], *shape[1:2])
    if len(shape) == 4 and (moved == image_shape or (any_size and moved[-1] == channels)):
        return " Move the channels last: numpy.moveaxis(images, 1, -1)."
    return ""


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
