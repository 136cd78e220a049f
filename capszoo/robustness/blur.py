"""A distortion: out of focus."""

from scipy import ndimage

from capszoo.robustness.distortion import Distortion


def _blur(image, amount, random):
    deviation = amount * min(image.shape[:2])
    return ndimage.gaussian_filter(image, (deviation, deviation, 0), mode="nearest")


BLUR = Distortion(
    "blur",
    "out of focus: a Gaussian filter",
    "its deviation as a share of the side",
    (0.02, 0.04, 0.06, 0.08, 0.1),
    _blur,
)
