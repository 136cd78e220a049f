"""Clips of moving digits, made of scikit-learn's digits by a formula: no download."""

import functools

import numpy as np

from capszoo.data.digit_scenes import SIDE
from capszoo.data.digit_scenes import STROKE
from capszoo.data.digit_scenes import texture
from capszoo.data.digits import load_digits
from capszoo.data.images import resize_images

FRAMES = 10
# Rows and columns of a step.
DIRECTIONS = {"right": (0, 1), "down": (1, 0), "left": (0, -1), "up": (-1, 0)}
CLASSES = tuple(f"{digit} {direction}" for digit in range(10) for direction in DIRECTIONS)
COUNTS = {"train": 2400, "validation": 400, "test": 800}
# What labels may be.
FORMS = ("classes", "masks")


def moving_digits(split: str, labels: str = "classes") -> tuple[np.ndarray, np.ndarray]:
    """Makes one split of clips: a handwritten digit moves over a textured background.

    A clip of 10 frames of 32 x 32 pixels shows one of scikit-learn's digits, 12 to 16 pixels wide
    and high, that moves right, down, left or up by 1 to 1.7 pixels a frame, rounded to whole
    pixels, and stays inside. Digit and direction together are the class: a frame alone says the
    one, not the other. The background is two sine waves that stand still; noise differs from frame
    to frame. Clips of a split are made of the digits of that split of `digits`: those of the test
    show handwriting that training has not seen. Seeds are fixed, each split has its own, and
    classes are equally many.

    Args:
        split: `"train"` (2,400 clips), `"validation"` (400) or `"test"` (800).
        labels: `"classes"`, or `"masks"` for where the digit is too. Defaults to `"classes"`.

    Returns:
        Clips, uint8 of shape (n, 10, 32, 32, 1), and labels, int64 of shape (n,), from 0 to 39; or
        masks, uint8 of shape (n, 10, 32, 32): on the strokes of the digit (what is brighter than
        96 of 255) the class and one more, elsewhere 0.
    """
    clips, classes, strokes = _made(split)
    if labels == "masks":
        return clips.copy(), strokes * (classes + 1).astype("uint8")[:, None, None, None]
    return clips.copy(), classes.copy()


@functools.cache
def _made(split):
    random = np.random.default_rng([2019, list(COUNTS).index(split)])
    images, digits = load_digits(split)
    classes = random.permutation(np.arange(COUNTS[split]) % len(CLASSES)).astype("int64")
    clips = np.empty((len(classes), FRAMES, SIDE, SIDE, 1), "uint8")
    strokes = np.empty((len(classes), FRAMES, SIDE, SIDE), "uint8")
    for number, one in enumerate(classes):
        digit, direction = divmod(int(one), len(DIRECTIONS))
        own = images[digits == digit]
        image = own[random.integers(len(own))]
        step = list(DIRECTIONS.values())[direction]
        clips[number, ..., 0], strokes[number] = _clip(image, step, random)
    return clips, classes, strokes


def _clip(image, step, random):
    """A clip `(frames, side, side)` of a digit that moves, and where its strokes are."""
    height, width = (int(side) for side in random.integers(12, 17, size=2))
    digit = resize_images(image[np.newaxis], height, width)[0, ..., 0]
    way = np.rint(random.uniform(1.0, 1.7) * np.arange(FRAMES)).astype(int)
    # Of the way that a digit goes, and of the place across it, all that stays inside.
    room = np.array([SIDE - height, SIDE - width]) - np.abs(step) * way[-1]
    start = random.integers(room + 1)
    # Who moves up or left begins where others end.
    start = start + np.maximum(-np.array(step), 0) * way[-1]
    ground, brightness = texture(random), random.uniform(180, 250)
    clip, strokes = np.empty((FRAMES, SIDE, SIDE)), np.zeros((FRAMES, SIDE, SIDE), "uint8")
    for frame, gone in enumerate(way):
        top, left = start + np.array(step) * gone
        place = np.s_[top : top + height, left : left + width]
        ink = np.zeros((SIDE, SIDE))
        ink[place] = digit / 255
        strokes[frame][place] = digit > STROKE
        clip[frame] = ground * (1 - ink) + brightness * ink
    clip += random.normal(0, 8, size=clip.shape)
    return np.clip(np.rint(clip), 0, 255), strokes
