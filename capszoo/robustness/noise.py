"""A distortion: grain."""

from capszoo.robustness.distortion import Distortion


def _add_noise(image, amount, random):
    return image + random.normal(scale=255 * amount, size=image.shape)


NOISE = Distortion(
    "noise",
    "a normal number added to each pixel and channel",
    "its deviation as a share of 255",
    (0.1, 0.2, 0.3, 0.4, 0.5),
    _add_noise,
)
