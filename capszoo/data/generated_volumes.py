"""Volumes to segment, made by a formula: no scan of anybody."""

import functools

import numpy as np

from capszoo.data.cases import Case

SIDE = 16
CLASSES = ("background", "dim", "bright")
COUNTS = {"train": 160, "validation": 40, "test": 80}
BRIGHTNESS = {1: 0.7, 2: 1.4}
NOISE = 0.2


def generated_volumes(split: str) -> list[Case]:
    """Makes one split of volumes: ellipsoids of two kinds in noise.

    A volume of 16 x 16 x 16 voxels holds two to four ellipsoids that do not meet, with half axes
    of 2 to 4.5 voxels, in any rotation; the first is dim (0.7), the second bright (1.4), others
    are either, on a background of 0 with noise of deviation 0.2. Each volume has its own gain
    and offset, as magnetic resonance does: brightness tells the kinds apart within a volume, not
    across them. Seeds are fixed, each split has its own.

    Args:
        split: `"train"` (160 volumes), `"validation"` (40) or `"test"` (80).

    Returns:
        Cases with volumes, float32 of shape (16, 16, 16, 1), of 1 mm; classes are 0 background,
        1 dim, 2 bright.
    """
    return [
        Case(f"volume_{number:04}", image.copy(), mask.copy(), (1.0, 1.0, 1.0), np.eye(4))
        for number, (image, mask) in enumerate(_made(split))
    ]


@functools.cache
def _made(split):
    random = np.random.default_rng([2021, list(COUNTS).index(split)])
    return [_volume(random) for _ in range(COUNTS[split])]


def _volume(random):
    mask = np.zeros((SIDE,) * 3, "uint8")
    kinds = [1, 2, *random.integers(1, 3, size=random.integers(3))]
    # A place that is taken is drawn anew; in one volume in many there is none left.
    for kind in kinds:
        for _ in range(100):
            inside = _ellipsoid(random)
            if not mask[inside].any():
                mask[inside] = kind
                break
    brightness = np.array([0, BRIGHTNESS[1], BRIGHTNESS[2]])[mask]
    volume = brightness + random.normal(0, NOISE, size=mask.shape)
    volume = random.lognormal(3, 1) * (volume + random.uniform(-1, 1))
    # Three decimals: the last digits of an exponential differ among machines.
    return np.round(volume, 3).astype("float32")[..., np.newaxis], mask


def _ellipsoid(random):
    """The voxels of an ellipsoid of random size, place and rotation, as a boolean volume."""
    half_axes = random.uniform(2, 4.5, size=3)
    middle = random.uniform(3, SIDE - 4, size=3)
    rotation, _ = np.linalg.qr(random.normal(size=(3, 3)))
    offsets = np.indices((SIDE,) * 3).reshape(3, -1) - middle[:, np.newaxis]
    distances = np.sum((rotation @ offsets / half_axes[:, np.newaxis]) ** 2, axis=0)
    return distances.reshape((SIDE,) * 3) <= 1
