"""A distortion: a picture on a rubber sheet."""

import numpy as np
from scipy import ndimage

from capszoo.robustness.background import background
from capszoo.robustness.distortion import Distortion

# How smooth the sheet is, as a share of the side: 4 pixels of 28.
SMOOTHNESS = 1 / 7


def _stretch(image, amount, random):
    side = min(image.shape[:2])
    fields = random.uniform(-1, 1, size=(2, *image.shape[:2]))
    fields = np.stack([ndimage.gaussian_filter(one, SMOOTHNESS * side) for one in fields])
    fields *= amount * side / np.sqrt(np.mean(np.sum(np.square(fields), axis=0)))
    places = np.indices(image.shape[:2]) + fields
    channels = [
        ndimage.map_coordinates(
            image[..., channel], places, order=1, mode="constant", cval=float(own)
        )
        for channel, own in enumerate(background(image))
    ]
    return np.stack(channels, axis=-1)


ELASTIC = Distortion(
    "elastic",
    "on a rubber sheet: pixels moved by smooth random fields",
    "how far in the quadratic mean, as a share of the side",
    (0.02, 0.04, 0.06, 0.08, 0.1),
    _stretch,
)
