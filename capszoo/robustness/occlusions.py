"""Distortions that hide parts of a picture behind the colour of its background."""

import numpy as np

from capszoo.robustness.background import background
from capszoo.robustness.background import pixels
from capszoo.robustness.distortion import Distortion

# Bars come this often along a side.
PERIODS = 4


def _patch(image, amount, random):
    side = pixels(amount, image, least=1)
    top, left = (int(random.integers(size - side + 1)) for size in image.shape[:2])
    hidden = image.copy()
    hidden[top : top + side, left : left + side] = background(image)
    return hidden


def _bars(image, amount, random):
    axis, phase = int(random.integers(2)), random.uniform()
    size = image.shape[axis]
    place = (np.arange(size) * PERIODS / size + phase) % 1
    hidden = np.moveaxis(image.copy(), axis, 0)
    hidden[place < amount] = background(image)
    return np.moveaxis(hidden, 0, axis)


def _border(image, amount, random):
    width = pixels(amount, image, least=1)
    hidden = np.broadcast_to(background(image), image.shape).copy()
    inside = np.s_[width:-width, width:-width]
    hidden[inside] = image[inside]
    return hidden


PATCH = Distortion(
    "patch",
    "hidden behind a square somewhere",
    "its side as a share of the picture's",
    (0.15, 0.25, 0.35, 0.45, 0.55),
    _patch,
)
BARS = Distortion(
    "bars",
    "hidden behind four bars, upright or level",
    "share of the picture",
    (0.1, 0.2, 0.3, 0.4, 0.5),
    _bars,
)
BORDER = Distortion(
    "border",
    "hidden along all four edges, at least one pixel",
    "its width as a share of the side",
    (0.05, 0.1, 0.15, 0.2, 0.25),
    _border,
)
