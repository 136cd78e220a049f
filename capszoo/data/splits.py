"""The fixed rules by which pictures are held out of a training set."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

SPLITS = ("train", "validation", "test")
HOLD_OUT = ("object", "tenth")


class Examples(NamedTuple):
    """Pictures (n, height, width, channels), labels (n,) and, if known, what else is told of them.

    Attributes:
        images: The pictures, or other examples.
        labels: Their classes.
        instances: Which object of its class each shows, `(n,)`.
        viewpoints: From where it shows it, `(n, 2)`: elevation and azimuth.
    """

    images: np.ndarray
    labels: np.ndarray
    instances: np.ndarray | None = None
    viewpoints: np.ndarray | None = None


def digest(content: bytes) -> bytes:
    """Returns the SHA-256 of `content`, the key by which `hold_out_tenth` orders examples."""
    return hashlib.sha256(content).digest()


def hold_out_tenth(labels: np.ndarray, keys: Sequence[bytes], source: str) -> np.ndarray:
    """Marks a tenth of each class, the examples with the smallest keys, to be held out.

    The keys are digests, so the choice is as good as random; it needs no seed, and it does not
    depend on the order of the examples, which differs between a set's official files and its
    copy in TensorFlow Datasets. Equal pictures have equal keys and stay on one side together,
    but for the few that meet the cut.

    Args:
        labels: Integer classes, of shape (n,).
        keys: The digest of each example.
        source: What to name in the error, for example the file and the split to be made.

    Returns:
        Boolean array of shape (n,), true where an example is held out: as near to a tenth of
        all as can be, within one of a tenth in each class, and at least one in each class.

    Raises:
        ValueError: If a class has fewer than two examples.
    """
    classes, members = np.unique(labels, return_inverse=True)
    counts = np.bincount(members)
    if counts.min() < 2:
        raise ValueError(
            f"Too few examples in {source}: each class needs one to hold out and one to keep. "
            f"Received: class {classes[counts.argmin()]} with {counts.min()} left."
        )
    # Rounding the running total, not each class, keeps the sum right: 6,000 of MNIST's 60,000.
    sizes = np.diff(np.rint(np.cumsum(counts) / 10).astype(int), prepend=0)
    by_key = np.array(sorted(range(len(keys)), key=keys.__getitem__))
    held_out = np.zeros(len(labels), dtype=bool)
    for member, size in enumerate(np.maximum(sizes, 1)):
        held_out[by_key[members[by_key] == member][:size]] = True
    return held_out


def deal_folds(labels: np.ndarray, keys: Sequence[bytes], folds: int) -> np.ndarray:
    """Deals examples to folds: in each class, those with the smallest keys to the first one.

    As by `hold_out_tenth`, the choice needs no seed, and equal examples are in one fold, but for
    the few that meet a cut.

    Args:
        labels: Integer classes, of shape (n,).
        keys: The digest of each example.
        folds: How many there are.

    Returns:
        Integer array of shape (n,), from 0 to `folds - 1`.

    Example:

    >>> keys = [capszoo.data.splits.digest(bytes([number])) for number in range(8)]
    >>> labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    >>> capszoo.data.splits.deal_folds(labels, keys, 2).tolist()
    [1, 0, 1, 0, 1, 1, 0, 0]
    """
    by_key = np.array(sorted(range(len(keys)), key=keys.__getitem__))
    found = np.zeros(len(labels), dtype=int)
    for one in np.unique(labels):
        members = by_key[labels[by_key] == one]
        found[members] = np.arange(len(members)) * folds // len(members)
    return found


def take_share(labels: np.ndarray, keys: Sequence[bytes], share: float) -> np.ndarray:
    """Marks a share of the training examples, those with the smallest keys in each class.

    A smaller share is part of a larger one, and the choice needs no seed.

    Args:
        labels: Integer classes, of shape (n,); or masks, and then all are of one class.
        keys: The digest of each example.
        share: How large a share, more than 0 and at most 1.

    Returns:
        Boolean array of shape (n,): in each class the nearest number to the share, at least one.

    Example:

    >>> keys = [capszoo.data.splits.digest(bytes([number])) for number in range(20)]
    >>> int(capszoo.data.splits.take_share(np.arange(20) % 2, keys, 0.25).sum())
    4
    """
    classes = labels if labels.ndim == 1 else np.zeros(len(labels), dtype=int)
    by_key = np.array(sorted(range(len(keys)), key=keys.__getitem__))
    taken = np.zeros(len(labels), dtype=bool)
    for one in np.unique(classes):
        members = by_key[classes[by_key] == one]
        taken[members[: max(1, round(share * len(members)))]] = True
    return taken


def hold_out_instance(labels: np.ndarray, instances: np.ndarray) -> np.ndarray:
    """Marks, in each class, the pictures of the object with the highest number.

    Where many pictures show one object, a random split would show the same object on both
    sides, and the validation score would say little about objects not seen before.

    Args:
        labels: Integer classes, of shape (n,).
        instances: The number of the object in each picture, of shape (n,).

    Returns:
        Boolean array of shape (n,), true where a picture is held out.
    """
    held_out = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        of_class = labels == label
        held_out |= of_class & (instances == instances[of_class].max())
    return held_out


def choose(
    examples: Examples, split: str, source: str, hold_out: str = "object"
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the pictures and labels of "train" or "validation" out of a training set.

    Args:
        examples: The whole training set.
        split: `"train"` or `"validation"`.
        source: What to name in an error.
        hold_out: `"tenth"` for a tenth of each class even where the objects are known.
            Defaults to `"object"`.

    Returns:
        Pictures of shape (n, height, width, channels) and labels of shape (n,), in the order
        in which they came.
    """
    images, labels, instances, _ = examples
    if instances is not None and hold_out == "object":
        held_out = hold_out_instance(labels, instances)
    else:
        keys = [digest(image.tobytes()) for image in images]
        held_out = hold_out_tenth(labels, keys, f"{source} to make a validation split")
    chosen = held_out if split == "validation" else ~held_out
    return images[chosen], labels[chosen]
