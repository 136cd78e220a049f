"""Two digits of MNIST on top of each other."""

from collections.abc import Callable

import numpy as np

from capszoo.data.affine_mnist import placed
from capszoo.data.splits import SPLITS

SIDE = 36
NUM_CLASSES = 10


def multi_mnist(read: Callable, split: str, data_dir) -> tuple[np.ndarray, np.ndarray]:
    """Makes one split of overlapping digits out of the same split of MNIST.

    Each digit meets one of another class. Both are moved by up to 4 pixels each way on a canvas of
    36 x 36, and the brighter sum is cut at 255. The boxes of 20 x 20 pixels that digits fill share
    73 % of their area in the mean (the paper speaks of 80 %). Seeds are fixed, each split has its
    own; there are as many pictures as digits.

    Args:
        read: Function of a split and a folder that gives the digits, uint8
            `(n, 28, 28, 1)`, and their labels.
        split: `"train"`, `"validation"` or `"test"`.
        data_dir: The folder of MNIST, or `None`.

    Returns:
        uint8 array `(n, 36, 36, 1)` and labels, int64 `(n, 10)`, 1 for both classes.
    """
    images, labels = read(split, data_dir)
    random = np.random.default_rng([2017, SPLITS.index(split)])
    pictures = np.empty((len(images), SIDE, SIDE, images.shape[-1]), "uint8")
    hot = np.zeros((len(images), NUM_CLASSES), "int64")
    others = {label: np.flatnonzero(labels != label) for label in np.unique(labels)}
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        partner = others[label][random.integers(len(others[label]))]
        pair = [placed(one, SIDE, random).astype("int64") for one in (image, images[partner])]
        pictures[number] = np.minimum(sum(pair), 255)
        hot[number, [label, labels[partner]]] = 1
    return pictures, hot
