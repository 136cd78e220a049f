"""Digits of MNIST on a larger canvas: moved to train on, deformed to test on."""

import functools
from collections.abc import Callable

import numpy as np

from capszoo.data.affine import affine_matrix
from capszoo.data.affine import warp
from capszoo.data.splits import SPLITS

SIDE = 40
# The published ranges of affNIST: degrees, columns a row, factors on height and width.
ROTATION = 20.0
SHEAR = 0.2
SCALE = (0.8, 1.2)


def affine_mnist(read: Callable, split: str, data_dir) -> tuple[np.ndarray, np.ndarray]:
    """Makes one split of affine MNIST out of the same split of MNIST.

    Those to train on and to validate with are whole digits somewhere on a canvas of 40 x 40: only
    moved. Those of the test are turned by up to 20 degrees, sheared by up to 0.2 columns a row,
    scaled by 0.8 to 1.2, height and width each by itself, and moved anywhere where the ink stays
    on the canvas: what no training picture shows. The ranges are those of affNIST; the pictures
    are not affNIST's, which is a file of its own. Seeds are fixed, each split has its own.

    Args:
        read: Function of a split and a folder that gives the digits, uint8
            `(n, 28, 28, 1)`, and their labels.
        split: `"train"`, `"validation"` or `"test"`.
        data_dir: The folder of MNIST, or `None`.

    Returns:
        uint8 array `(n, 40, 40, 1)` and labels, int64 `(n,)`.
    """
    images, labels = read(split, data_dir)
    random = np.random.default_rng([2013, SPLITS.index(split)])
    place = deformed if split == "test" else functools.partial(placed, side=SIDE)
    return np.stack([place(image, random=random) for image in images]), labels


def placed(image: np.ndarray, side: int, random: np.random.Generator) -> np.ndarray:
    """Puts a picture somewhere on a black canvas.

    Args:
        image: Array `(height, width, channels)`.
        side: Height and width of the canvas.
        random: Where from.

    Returns:
        Array `(side, side, channels)` of the same type.
    """
    canvas = np.zeros((side, side, image.shape[-1]), image.dtype)
    height, width = image.shape[:2]
    top, left = (int(random.integers(side - size + 1)) for size in (height, width))
    canvas[top : top + height, left : left + width] = image
    return canvas


def deformed(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Turns, shears, scales and moves a digit on a canvas that keeps all of its ink.

    Args:
        image: uint8 array `(28, 28, 1)`, the digit in its middle.
        random: Where from.

    Returns:
        uint8 array `(40, 40, 1)`.
    """
    rotation, shear = random.uniform(-1, 1, size=2) * (ROTATION, SHEAR)
    scale = random.uniform(*SCALE, size=2)
    canvas = np.zeros((SIDE, SIDE, 1))
    margin = (SIDE - image.shape[0]) // 2
    canvas[margin : margin + image.shape[0], margin : margin + image.shape[1]] = image
    canvas = warp(canvas, affine_matrix(rotation, shear, (scale[0], scale[1])))
    canvas = np.clip(np.rint(canvas), 0, 255).astype("uint8")
    shift = []
    for axis in (0, 1):
        inked = np.flatnonzero(canvas.any(axis=(1 - axis, 2)))
        first, last = (inked[0], inked[-1]) if len(inked) else (0, SIDE - 1)
        shift.append(int(random.integers(-first, SIDE - last)))
    return np.roll(canvas, shift, axis=(0, 1))
