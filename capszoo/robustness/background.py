"""What lies behind the object of a picture, as far as its edge tells."""

import numpy as np


def background(image: np.ndarray) -> np.ndarray:
    """Computes the median of the pixels on a picture's edge, for each channel.

    What comes in from beyond an edge, and what hides a part, has this colour: on handwritten
    digits that is black, on photographed toys the grey of the table. It adds no shape of its own.

    Args:
        image: Array `(height, width, channels)`.

    Returns:
        Array `(channels,)`.

    Example:

    >>> capszoo.robustness.background.background(np.eye(5)[..., None]).tolist()
    [0.0]
    """
    edge = (image[0], image[-1], image[1:-1, 0], image[1:-1, -1])
    return np.median(np.concatenate(edge), axis=0)


def pixels(share: float, image: np.ndarray, least: int = 0) -> int:
    """How many whole pixels a share of the shorter side of a picture is, at least some."""
    return max(least, round(share * min(image.shape[:2])))
