"""All distortions by name, and the one function that distorts pictures."""

import zlib

import numpy as np

from capszoo.robustness.affine_changes import ROTATION
from capszoo.robustness.affine_changes import SCALE
from capszoo.robustness.affine_changes import SHEAR
from capszoo.robustness.affine_changes import SHIFT
from capszoo.robustness.blur import BLUR
from capszoo.robustness.contrast import CONTRAST
from capszoo.robustness.distortion import LEVELS
from capszoo.robustness.distortion import Distortion
from capszoo.robustness.elastic import ELASTIC
from capszoo.robustness.noise import NOISE
from capszoo.robustness.occlusions import BARS
from capszoo.robustness.occlusions import BORDER
from capszoo.robustness.occlusions import PATCH
from capszoo.validation import check_choice

DISTORTIONS: dict[str, Distortion] = {
    one.name: one
    for one in (
        SHIFT,
        ROTATION,
        SHEAR,
        SCALE,
        PATCH,
        BARS,
        BORDER,
        BLUR,
        NOISE,
        CONTRAST,
        ELASTIC,
    )
}


def distort(images: np.ndarray, name: str, strength: int, seed: int = 0) -> np.ndarray:
    """Distorts pictures by one of five strengths, each picture by chance of its own.

    What is drawn depends on the seed, the name and the place of the picture among the others, and
    not on the strength: a picture that is moved to the left is moved further to the left by more.

    Args:
        images: uint8 array `(n, height, width, channels)`.
        name: A key of `DISTORTIONS`, such as `"rotation"`.
        strength: 0, as they are, to 5.
        seed: Seed of the chance. Defaults to `0`.

    Returns:
        uint8 array of the same shape.

    Raises:
        ValueError: If an argument is not as said above.

    Example:

    >>> images, _ = capszoo.data.load("digits", "test")
    >>> capszoo.robustness.distort(images, "rotation", strength=3).shape
    (360, 8, 8, 1)
    """
    check_choice("name", name, list(DISTORTIONS))
    if isinstance(strength, bool) or strength not in range(LEVELS + 1):
        raise ValueError(
            f"Received an invalid value for argument `strength`, expected an integer from 0 to "
            f"{LEVELS}. Received: strength={strength!r}"
        )
    images = np.asarray(images)
    if images.ndim != 4 or images.dtype != np.uint8 or min(images.shape[1:3]) < 3:
        raise ValueError(
            "Expected pictures, uint8 (n, height, width, channels) of at least 3 x 3 pixels. "
            f"Received: {images.dtype} of shape {images.shape}"
        )
    if strength == 0:
        return images.copy()
    chosen, key = DISTORTIONS[name], zlib.crc32(name.encode())
    amount = chosen.amounts[strength - 1]
    distorted = np.empty_like(images)
    for place, image in enumerate(images):
        random = np.random.default_rng([seed, key, place])
        changed = chosen.change(image.astype("float64"), amount, random)
        distorted[place] = np.clip(np.rint(changed), 0, 255)
    return distorted
