"""A distortion: fog."""

from capszoo.robustness.distortion import Distortion


def _lose_contrast(image, amount, random):
    mean = image.mean(axis=(0, 1))
    return mean + (1 - amount) * (image - mean)


CONTRAST = Distortion(
    "contrast",
    "each channel nearer to its mean",
    "share that is lost",
    (0.3, 0.5, 0.7, 0.8, 0.9),
    _lose_contrast,
)
