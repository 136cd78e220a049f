"""Distortions that move, turn, slant or scale a picture."""

import math

from capszoo.data.affine import affine_matrix
from capszoo.data.affine import warp
from capszoo.robustness.background import background
from capszoo.robustness.distortion import Distortion


def _sign(random):
    return 1 if random.integers(2) else -1


def _shift(image, amount, random):
    direction, distance = random.uniform(0, 2 * math.pi), amount * min(image.shape[:2])
    move = distance * math.sin(direction), distance * math.cos(direction)
    return warp(image, shift=move, fill=background(image))


def _rotate(image, amount, random):
    return warp(image, affine_matrix(rotation=_sign(random) * amount), fill=background(image))


def _shear(image, amount, random):
    return warp(image, affine_matrix(shear=_sign(random) * amount), fill=background(image))


def _scale(image, amount, random):
    factor = amount ** _sign(random)
    return warp(image, affine_matrix(scale=(factor, factor)), fill=background(image))


SHIFT = Distortion(
    "shift",
    "moved in a direction drawn at random",
    "share of the side",
    (0.04, 0.08, 0.12, 0.16, 0.2),
    _shift,
)
ROTATION = Distortion(
    "rotation", "turned to the left or the right", "degrees", (10, 20, 30, 45, 60), _rotate
)
SHEAR = Distortion(
    "shear",
    "slanted to the left or the right",
    "columns a row",
    (0.1, 0.2, 0.3, 0.4, 0.5),
    _shear,
)
SCALE = Distortion("scale", "made larger or smaller", "factor", (1.1, 1.2, 1.3, 1.45, 1.6), _scale)
