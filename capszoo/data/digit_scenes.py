"""Pictures to segment, made of scikit-learn's digits by a formula: no download."""

import functools

import numpy as np

from capszoo.data.cases import Case
from capszoo.data.digits import load_digits
from capszoo.data.images import resize_images

SIDE = 32
CLASSES = ("background", "zero", "one")
COUNTS = {"train": 800, "validation": 100, "test": 200}
# A digit's strokes are what is brighter than this, of 255.
STROKE = 96


def digit_scenes(split: str) -> list[Case]:
    """Makes one split of scenes: handwritten zeros and ones on a textured background.

    Each quarter of a scene of 32 x 32 pixels holds, with a probability of 0.6, a zero or a one
    of scikit-learn's digits, 11 to 16 pixels wide and high, somewhere in the quarter; where no
    quarter would, one does. The background is two sine waves of random direction and noise; the
    strokes of a digit (what is brighter than 96 of 255) are the mask. Scenes of a split are made
    of the digits of that split of `digits`; seeds are fixed, each split has its own.

    Args:
        split: `"train"` (800 scenes), `"validation"` (100) or `"test"` (200).

    Returns:
        Cases with pictures, uint8 of shape (32, 32, 1); classes are 0 background, 1 zero, 2 one.
    """
    return [
        Case(f"scene_{number:04}", image.copy(), mask.copy(), (1.0, 1.0))
        for number, (image, mask) in enumerate(_made(split))
    ]


@functools.cache
def _made(split):
    random = np.random.default_rng([2018, list(COUNTS).index(split)])
    images, labels = load_digits(split)
    digits = [images[labels == digit] for digit in (0, 1)]
    return [_scene(digits, random) for _ in range(COUNTS[split])]


def _scene(digits, random):
    strokes, mask = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE), "uint8")
    filled = random.random(4) < 0.6
    filled[random.integers(4)] |= not filled.any()
    for quarter in np.flatnonzero(filled):
        kind = random.integers(2)
        digit = digits[kind][random.integers(len(digits[kind]))]
        height, width = random.integers(11, SIDE // 2 + 1, size=2)
        digit = resize_images(digit[np.newaxis], int(height), int(width))[0, ..., 0]
        top, left = (
            quarter_start * SIDE // 2 + random.integers(SIDE // 2 - side + 1)
            for quarter_start, side in zip(divmod(int(quarter), 2), digit.shape, strict=True)
        )
        place = np.s_[top : top + height, left : left + width]
        strokes[place] = digit / 255
        mask[place][digit > STROKE] = kind + 1
    brightness = random.uniform(140, 230)
    picture = texture(random) * (1 - strokes) + brightness * strokes
    picture += random.normal(0, 12, size=picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype("uint8")[..., np.newaxis], mask


def texture(random):
    """A background of two sine waves, of a random brightness and directions: (32, 32), from 0."""
    row, column = np.indices((SIDE, SIDE))
    texture = np.full((SIDE, SIDE), random.uniform(50, 110))
    for _ in range(2):
        direction, phase = random.uniform(0, 2 * np.pi, size=2)
        along = row * np.sin(direction) + column * np.cos(direction)
        texture += random.uniform(5, 25) * np.sin(along * random.uniform(0.2, 1.0) + phase)
    return texture
