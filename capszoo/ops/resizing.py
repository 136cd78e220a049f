"""Resizing of pictures inside a graph, to the numbers that Pillow gives outside of it."""

import math

from keras import ops


def resize(images, height, width, levels=None):
    """Resizes channels-last pictures: reduces bilinearly, enlarges by Lanczos.

    A new pixel `i` of an axis is the sum `sum_j w[i, j] x[j]` of the old ones with

        w[i, j] = f((j + 1/2 - s (i + 1/2)) / max(s, 1)),   s = old size / new size

    divided by their sum; `f` is the triangle where neither axis grows, else the windowed sinc of
    Lanczos with three lobes. As it widens with the reduction, nothing is aliased. Sizes may be
    known at run time only.

    Args:
        images: Tensor of shape `(batch, old_height, old_width, channels)`.
        height: Height of the results, in pixels.
        width: Width of the results, in pixels.
        levels: The largest pixel value of pictures of whole numbers: they are rounded and cut
            off at 0 and `levels` after each axis, as Pillow does. Defaults to `None`: numbers
            come out as they are.

    Returns:
        Tensor of shape `(batch, height, width, channels)`, in float32; the images as they are
        where they have that size.

    Example:

    >>> pictures = np.array([0, 80, 160, 240], "float32").reshape(1, 1, 4, 1)
    >>> np.asarray(capszoo.ops.resize(pictures, 1, 2, levels=255)).ravel().tolist()
    [57.0, 183.0]
    """
    old_height, old_width = images.shape[1:3]
    if (old_height, old_width) == (height, width):
        return images
    images = ops.cast(images, "float32")
    sizes = ops.shape(images)
    rows, columns = (ops.cast(size, "float32") for size in sizes[1:3])
    enlarges = ops.logical_or(rows < height, columns < width)
    if old_width != width:
        weights = _weights(sizes[2], columns, width, enlarges)
        images = _as_levels(ops.einsum("bhwc,vw->bhvc", images, weights), levels)
    if old_height != height:
        weights = _weights(sizes[1], rows, height, enlarges)
        images = _as_levels(ops.einsum("bhvc,gh->bgvc", images, weights), levels)
    return images


def _weights(old, old_as_number, new, enlarges):
    """What each old pixel of an axis is worth in each new one, `(new, old)`."""
    scale = old_as_number / new
    centers = (ops.arange(new, dtype="float32") + 0.5) * scale
    places = ops.cast(ops.arange(old), "float32") + 0.5
    distances = ops.expand_dims(places, 0) - ops.expand_dims(centers, 1)
    distances = ops.abs(distances) / ops.maximum(scale, 1.0)
    weights = ops.where(enlarges, _lanczos(distances), ops.maximum(1.0 - distances, 0.0))
    return weights / ops.sum(weights, axis=1, keepdims=True)


def _lanczos(distance):
    angle = math.pi * ops.maximum(distance, 1e-4)  # where the sinc is 1, to float32
    value = 3.0 * ops.sin(angle) * ops.sin(angle / 3.0) / ops.square(angle)
    return ops.where(distance < 3.0, value, 0.0)


def _as_levels(images, levels):
    return images if levels is None else ops.clip(ops.floor(images + 0.5), 0.0, float(levels))
