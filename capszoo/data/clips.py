"""Clips and their masks: resized, and cut to a window of frames."""

from collections.abc import Sequence

import numpy as np

from capszoo.data.images import resize_images


def middle_window(
    clips: np.ndarray, labels: np.ndarray, window: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Cuts the middle out of clips, and out of their masks.

    Args:
        clips: Array `(n, frames, height, width, channels)`.
        labels: Labels `(n,)`, which stay as they are, or masks `(n, frames, height, width)`.
        window: Frames, height and width of the middle.

    Returns:
        Clips of `(n, *window, channels)`, and labels.

    Example:

    >>> clips, masks = capszoo.data.load("moving_digits", "test", labels="masks")
    >>> clips, masks = capszoo.data.clips.middle_window(clips, masks, (8, 28, 28))
    >>> clips.shape, masks.shape
    ((800, 8, 28, 28, 1), (800, 8, 28, 28))
    """
    places = [slice(None)]
    for whole, part in zip(clips.shape[1:4], window, strict=True):
        start = (whole - part) // 2
        places.append(slice(start, start + part))
    return clips[tuple(places)], labels[tuple(places)] if labels.ndim > 2 else labels


def resize_clips(
    clips: np.ndarray, labels: np.ndarray, height: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Resizes the frames of clips as `resize_images` does; of masks the nearest pixels stay.

    Args:
        clips: uint8 array `(n, frames, height, width, channels)`.
        labels: Labels `(n,)`, which stay as they are, or masks `(n, frames, height, width)`.
        height: Height of the results, in pixels.
        width: Width of the results, in pixels.

    Returns:
        Clips of `(n, frames, height, width, channels)`, and labels.

    Example:

    >>> clips, labels = capszoo.data.load("moving_digits", "validation")
    >>> clips, labels = capszoo.data.clips.resize_clips(clips, labels, 16, 16)
    >>> clips.shape, labels.shape
    ((400, 10, 16, 16, 1), (400,))
    """
    number, frames, *old, channels = clips.shape
    if labels.ndim > 2:
        for axis, (before, after) in enumerate(zip(old, (height, width), strict=True), start=2):
            middles = (np.arange(after) + 0.5) * (before / after)
            labels = np.take(labels, np.floor(middles).astype(int), axis=axis)
    pictures = resize_images(clips.reshape(-1, *old, channels), height, width)
    return pictures.reshape(number, frames, height, width, channels), labels
