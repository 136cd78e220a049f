"""Generated pictures beside each other, on one sheet."""

import math

import numpy as np

from capszoo.validation import check_positive_int


def sheet(pictures: np.ndarray, columns: int | None = None, gap: int = 1) -> np.ndarray:
    """Lays pictures of one size beside each other, row by row.

    Args:
        pictures: Array `(n, height, width, channels)`, values between 0 and 1.
        columns: How many stand in a row. Defaults to `None`, about as many as there are rows.
        gap: Pixels of white between two of them. Defaults to `1`.

    Returns:
        uint8 array `(rows * (height + gap) - gap, columns * (width + gap) - gap, channels)`.

    Raises:
        ValueError: If there is no picture, or an argument is not as said above.

    Example:

    >>> capszoo.visualization.sheet(np.zeros((6, 8, 8, 1)), columns=3).shape
    (17, 26, 1)
    """
    pictures = np.asarray(pictures)
    if pictures.ndim != 4 or not len(pictures):
        raise ValueError(
            "Expected pictures of the shape (n, height, width, channels). "
            f"Received: an array of shape {pictures.shape}"
        )
    count, height, width, channels = pictures.shape
    columns = math.isqrt(count - 1) + 1 if columns is None else columns
    check_positive_int("columns", columns)
    rows = -(-count // columns)
    laid = np.full((rows * (height + gap), columns * (width + gap), channels), 255, "uint8")
    for number, picture in enumerate(np.rint(np.clip(pictures, 0, 1) * 255)):
        top, left = number // columns * (height + gap), number % columns * (width + gap)
        laid[top : top + height, left : left + width] = picture
    return laid[: laid.shape[0] - gap, : laid.shape[1] - gap]
