"""Golden records: what a trained model must give for a few synthetic images, on every backend."""

import numpy as np

# Of the scores, or of the largest where they are more than 1.
TOLERANCE = 1e-4


def synthetic_images(image_shape, count=3):
    """Makes pictures of interference rings, in whole numbers: alike on every machine.

    Args:
        image_shape: Height, width and channels.
        count: How many pictures. Defaults to `3`.

    Returns:
        uint8 array `(count, height, width, channels)`.

    Example:

    >>> capszoo.zoo.golden.synthetic_images((8, 8, 1))[1, 2, 3, 0]
    np.uint8(179)
    """
    index, row, column, channel = np.indices((count, *image_shape))
    rings = 3 * row * row + 5 * column * column + 7 * row * column
    return ((rings + 50 * channel + 80 * index) % 256).astype("uint8")


def record(model):
    """Makes the golden record of a model: its scores of the synthetic images.

    Args:
        model: A `CapsuleClassifier`.

    Returns:
        List of a list of scores for each image.

    Example:

    >>> len(capszoo.zoo.golden.record(capszoo.load("capsnet_digits")))
    3
    """
    scores = model.predict(synthetic_images(model.image_shape), verbose=0)
    return [[round(float(score), 6) for score in own] for own in scores]


def difference(model, expected):
    """Computes how far a model is from a golden record.

    Args:
        model: A `CapsuleClassifier`.
        expected: The record.

    Returns:
        The largest difference of a score, as a share of the largest score where that is more
        than 1; no more than `TOLERANCE` where all is well.

    Example:

    >>> model = capszoo.load("capsnet_digits")
    >>> capszoo.zoo.golden.difference(model, capszoo.zoo.golden.record(model)) < 1e-5
    True
    """
    expected = np.array(expected)
    found = model.predict(synthetic_images(model.image_shape, len(expected)), verbose=0)
    return float(np.abs(found - expected).max() / max(1.0, np.abs(expected).max()))
