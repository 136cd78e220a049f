"""What each part of a picture is, as an autoencoder tells its parts."""

from typing import NamedTuple

import numpy as np


class Parts(NamedTuple):
    """What each part capsule drew, how present it is and where.

    Attributes:
        pictures: What each drew, `(n, parts, height, width, channels)`, between 0 and 1.
        presence: How present each is, `(n, parts)`, between 0 and 1.
        places: Where each is: the affine maps `(n, parts, 2, 3)` that take a point of the
            template, from -1 to 1 on both axes, to its `(x, y)` on the picture, which reaches
            from -1 to 1 as well. `None` where parts have no templates.
        masks: How much of each pixel is of each part, `(n, parts, height, width)`, which sums to 1
            over the parts: the segmentation of a picture. Defaults to `None`, where a family
            does not share its pictures out.
    """

    pictures: np.ndarray
    presence: np.ndarray
    places: np.ndarray | None
    masks: np.ndarray | None = None
