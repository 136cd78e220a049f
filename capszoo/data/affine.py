"""Affine maps of pictures about their middle."""

import math

import numpy as np
from scipy import ndimage


def affine_matrix(
    rotation: float = 0.0, shear: float = 0.0, scale: tuple[float, float] = (1.0, 1.0)
) -> np.ndarray:
    """Makes the matrix that scales a picture, then shears it along its rows, then turns it.

        [cos r, -sin r; sin r, cos r] [1, 0; s, 1] [vertical, 0; 0, horizontal]

    of (row, column): a positive angle turns counter-clockwise, a positive shear moves what is lower
    to the right.

    Args:
        rotation: Angle in degrees. Defaults to `0.0`.
        shear: How many columns a row moves for each row it is lower. Defaults to `0.0`.
        scale: Factors on height and width. Defaults to `(1.0, 1.0)`.

    Returns:
        Array `(2, 2)`.

    Example:

    >>> capszoo.data.affine.affine_matrix(scale=(2.0, 0.5)).tolist()
    [[2.0, 0.0], [0.0, 0.5]]
    """
    angle = math.radians(rotation)
    turn = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    return np.array(turn) @ np.array([[1.0, 0.0], [shear, 1.0]]) @ np.diag(scale)


def warp(
    image: np.ndarray,
    matrix: np.ndarray | None = None,
    shift: tuple[float, float] = (0.0, 0.0),
    fill: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Maps a picture about its middle and moves it, with linear interpolation.

    Args:
        image: Array `(height, width, channels)`.
        matrix: What `affine_matrix` gives. Defaults to `None`, the picture as it is.
        shift: How many pixels it moves down and to the right. Defaults to `(0.0, 0.0)`.
        fill: What comes in from beyond the edge, a number or one for each channel. Defaults to
            `0.0`.

    Returns:
        float64 array of the same shape.

    Example:

    >>> picture = np.arange(6.0).reshape(2, 3, 1)
    >>> capszoo.data.affine.warp(picture, shift=(0, 1))[..., 0].tolist()
    [[0.0, 0.0, 1.0], [0.0, 3.0, 4.0]]
    """
    image = np.asarray(image, dtype="float64")
    backward = np.linalg.inv(np.eye(2) if matrix is None else matrix)
    middle = (np.array(image.shape[:2]) - 1) / 2
    offset = middle - backward @ (middle + np.asarray(shift))
    fills = np.broadcast_to(fill, image.shape[2:])
    channels = [
        ndimage.affine_transform(
            image[..., channel], backward, offset, order=1, mode="constant", cval=float(own)
        )
        for channel, own in enumerate(fills)
    ]
    return np.stack(channels, axis=-1)
