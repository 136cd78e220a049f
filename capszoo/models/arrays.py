"""Checks of images and labels before any work is done."""

import warnings

import keras
import numpy as np

from capszoo.ops.labels import wrong_shape_error

# Pixel values, rescaled, of pictures that hold more than this are on another scale ...
LARGEST_RESCALED = 2.0
# ... and so are those that hold less: raw digits of 16 levels among 256.
SMALLEST_RESCALED = 0.07


def is_array(data):
    """Tells whether `data` is one array or tensor, as against a pipeline of batches."""
    return data is not None and hasattr(data, "shape") and hasattr(data, "dtype")


def to_numpy(data):
    """A tensor of any framework as a NumPy array."""
    # Tensors of another framework than the backend's convert as arrays do.
    return keras.ops.convert_to_numpy(data) if keras.ops.is_tensor(data) else np.asarray(data)


def check_images(images, image_shape, rescaling, any_size=False):
    """Raises `ValueError` unless `images` are what a model of `image_shape` takes.

    Of `image_shape` the channels alone count where a model takes images of `any_size`. Warns
    where `rescaling`, unless it is `None`, does not take the pixel values to between 0 and 1.
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
    if rescaling is not None:
        check_scale(to_numpy(images[:16]), rescaling)


def check_finite(examples, unit):
    """Raises `ValueError` unless examples, called `unit`, are numbers, none NaN or infinite."""
    numbers = to_numpy(examples)
    if numbers.dtype.kind in "OSU":
        raise ValueError(f"Expected {unit} of numbers. Received: dtype {numbers.dtype}")
    if numbers.dtype.kind in "biu":
        return
    finite = np.isfinite(numbers.astype("float32")).all(axis=tuple(range(1, numbers.ndim)))
    if not finite.all():
        raise ValueError(
            f"Expected {unit} of numbers, none of them NaN or infinite. Received: "
            f"{np.count_nonzero(~finite)} of {len(finite)} {unit} with such, the first at "
            f"row {np.flatnonzero(~finite)[0]}"
        )


def check_scale(first, rescaling):
    """Warns where the first images are not on the scale that a model takes."""
    is_float = "float" in str(first.dtype)
    highest, lowest = float(first.max()), float(first.min())
    # Pictures with values below 0 are normalized already, to a scale of their own.
    if lowest >= 0 and highest * rescaling > LARGEST_RESCALED:
        scale = np.iinfo(first.dtype).max if first.dtype.kind == "u" else highest
        warnings.warn(
            f"The first images hold values up to {highest:g}, which this model rescales to "
            f"{highest * rescaling:g} where it should see values from 0 to 1: divide them, or "
            f"build it with rescaling=1 / {scale:g}.",
            stacklevel=4,
        )
    # One picture may be dark, and one of a single value tells nothing, but for a fraction.
    tells = len(first) > 1 and (is_float or lowest < highest) and highest > 0
    is_dark = highest <= 1 or highest * rescaling < SMALLEST_RESCALED
    if tells and rescaling < 0.1 and is_dark:
        scale = max(1.0, highest)
        warnings.warn(
            f"The first images hold no value above {scale:g}, but this model scales its images "
            f"itself, by {rescaling:.6f}: give it pixel values from 0 to {1 / rescaling:.0f}, or "
            f"build it with rescaling={'1' if scale == 1 else f'1 / {scale:g}'}.",
            stacklevel=4,
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


def check_labels(labels, num_images, num_classes, compares_classes=False):
    """Raises `ValueError` unless `labels` are of a form that `capszoo.ops.multi_hot` takes.

    Where a loss compares classes, an image without any is refused too: it would teach nothing.
    """
    shape = tuple(labels.shape)
    is_one_each = len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)
    if not is_one_each and not (len(shape) == 2 and shape[1] == num_classes):
        raise wrong_shape_error(shape, num_classes)
    is_hot = num_classes == 1 or not is_one_each
    if shape[0] != num_images:
        raise ValueError(
            f"Expected a label for each image. Received: {num_images} images, {shape[0]} labels"
        )
    values = to_numpy(labels)
    if values.dtype.kind in "OSU":
        raise ValueError(f"Expected labels that are numbers. Received: {values.flat[0]!r}")
    values = values.astype("float32")
    if np.isnan(values).any():
        raise ValueError("Expected labels that are numbers. Received: a label nan")
    if not is_hot and (values != np.floor(values)).any():
        wrong = values[values != np.floor(values)].flat[0]
        raise ValueError(f"Expected integer labels. Received: a label {wrong}")
    smallest, largest = float(values.min()), float(values.max())
    highest = 1 if is_hot else num_classes - 1
    if smallest < 0 or largest > highest:
        form = " (one-hot or multi-hot)" if is_hot and num_classes > 1 else ""
        classes = f"{num_classes} classes" if num_classes > 1 else "a single class"
        raise ValueError(
            f"Expected labels from 0 to {highest} for {classes}{form}. "
            f"Received: labels from {smallest:g} to {largest:g}"
        )
    if compares_classes and is_hot and num_classes > 1 and not values.any(axis=-1).all():
        index = int(np.flatnonzero(~values.any(axis=-1))[0])
        raise ValueError(
            "Expected at least one class in each image, as this loss compares the classes of an "
            "image (MarginLoss does not). Received: no class in the labels of image "
            f"{index}"
        )
