"""Random damage to an image, of any number of axes, from which a network learns to restore it.

Brightness and noise are those of `capszoo.data.augmentation.RandomIntensity`.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from capszoo.kinds import Count
from capszoo.kinds import NonNegative
from capszoo.kinds import Share
from capszoo.kinds import checked
from capszoo.validation import check_number
from capszoo.validation import invalid_value_error

# Of larger ones two hardly ever find room beside each other.
LARGEST_SHARE = 1 / 3
# Draws of two places after which an image too small for two of them stays as it is.
MAX_DRAWS = 100


def check_small_share(argument: str, value: object) -> None:
    """Raises `ValueError` unless `value` is a share of at most a third, and more than nothing."""
    check_number(argument, value, 0)
    if not 0 < value <= LARGEST_SHARE:  # type: ignore[operator]
        raise invalid_value_error(argument, "more than 0, at most a third", value)


SmallShare = Annotated[float, check_small_share]


class RandomBlur:
    """Blurs an image by a Gaussian, each channel by itself.

    Args:
        deviation: Largest deviation of the Gaussian, in pixels or voxels; that of an image is
            drawn evenly up to it. Defaults to `1.0`.

    Raises:
        ValueError: If the argument is negative or no number.

    Call arguments:
        image: Array `(*spatial, channels)`.
        mask: Given back as it is.
        random: A `numpy.random.Generator`.

    Output shape:
        The image, float32, and the mask, as they were.

    Example:

    >>> blur = capszoo.data.corruption.RandomBlur(2.0)
    >>> image = np.random.default_rng(0).normal(size=(8, 8, 8, 1))
    >>> blurred, _ = blur(image, None, np.random.default_rng(0))
    >>> bool(blurred.std() < image.std())
    True
    """

    @checked
    def __init__(self, deviation: NonNegative = 1.0):
        self.deviation = deviation

    def __call__(self, image, mask, random):
        # Imported here: SciPy is slow to import, and comes with scikit-learn.
        from scipy.ndimage import gaussian_filter

        axes = tuple(range(image.ndim - 1))
        deviation = random.uniform(0, self.deviation)
        return gaussian_filter(image.astype("float32"), deviation, axes=axes), mask


class RandomPatchSwaps:
    """Swaps patches of an image, in pairs.

    The two patches of a pair do not meet; those of a later pair may.

    Args:
        size: Side of a patch, as a share of the image's along each axis: more than 0 and at most a
            third. Defaults to `0.2`.
        count: How many pairs are swapped. Defaults to `4`.

    Raises:
        ValueError: If an argument is not as said above.

    Call arguments:
        image: Array `(*spatial, channels)`.
        mask: Given back as it is.
        random: A `numpy.random.Generator`.

    Output shape:
        The image, float32, and the mask, as they were.

    Example:

    >>> swap = capszoo.data.corruption.RandomPatchSwaps(0.25, count=1)
    >>> image = np.arange(64.0).reshape(8, 8, 1)
    >>> swapped, _ = swap(image, None, np.random.default_rng(0))
    >>> int((swapped != image).sum())
    8
    """

    @checked
    def __init__(self, size: SmallShare = 0.2, count: Count = 4):
        self.size = size
        self.count = count

    def __call__(self, image, mask, random):
        changed = image.astype("float32")
        sides = np.maximum(1, np.rint(self.size * np.array(image.shape[:-1]))).astype(int)
        for _ in range(self.count):
            one, other = self._places(image.shape[:-1], sides, random)
            changed[one], changed[other] = changed[other].copy(), changed[one].copy()
        return changed, mask

    @staticmethod
    def _places(shape, sides, random):
        """Two places of a patch that do not meet."""
        for _ in range(MAX_DRAWS):
            starts = random.integers(np.array(shape) - sides + 1, size=(2, len(sides)))
            if (np.abs(starts[0] - starts[1]) >= sides).any():
                return tuple(_box(start, sides) for start in starts)
        return _box(starts[0], sides), _box(starts[0], sides)


class RandomCutout:
    """Fills boxes of an image by the mean of each channel.

    Args:
        size: Largest side of a box, as a share of the image's; that of each axis is drawn evenly
            up to it. Defaults to `0.3`.
        count: How many boxes are cut out. Defaults to `4`.

    Raises:
        ValueError: If an argument is not as said above.

    Call arguments:
        image: Array `(*spatial, channels)`.
        mask: Given back as it is.
        random: A `numpy.random.Generator`.

    Output shape:
        The image, float32, and the mask, as they were.

    Example:

    >>> cut = capszoo.data.corruption.RandomCutout(0.5, count=2)
    >>> cut(np.eye(8)[..., None], None, np.random.default_rng(0))[0].shape
    (8, 8, 1)
    """

    @checked
    def __init__(self, size: Share = 0.3, count: Count = 4):
        self.size = size
        self.count = count

    def __call__(self, image, mask, random):
        changed, shape = image.astype("float32"), np.array(image.shape[:-1])
        mean = changed.mean(axis=tuple(range(len(shape))))
        largest = np.maximum(1, np.floor(self.size * shape)).astype(int)
        for _ in range(self.count):
            sides = random.integers(1, largest + 1)
            changed[_box(random.integers(shape - sides + 1), sides)] = mean
        return changed, mask


def _box(start, sides):
    """The positions of a box, as an index."""
    return tuple(slice(low, low + side) for low, side in zip(start, sides, strict=True))


def corrupt(examples: np.ndarray, corruptions: Sequence, random: np.random.Generator):
    """Damages each example by one of several corruptions, drawn evenly.

    Args:
        examples: Array `(n, *spatial, channels)`.
        corruptions: Objects of this module, and `capszoo.data.augmentation.RandomIntensity`;
            without any, examples stay as they are.
        random: Draws what happens to each of them.

    Returns:
        Array of the same shape, float32 where there are corruptions.

    Example:

    >>> volumes, _ = capszoo.data.load("generated_volumes", "test")
    >>> kinds = capszoo.data.corruption
    >>> corruptions = [kinds.RandomBlur(2.0), kinds.RandomCutout(0.5)]
    >>> kinds.corrupt(volumes, corruptions, np.random.default_rng(0)).shape
    (80, 16, 16, 16, 1)
    """
    if not corruptions:
        return examples
    chosen = random.integers(len(corruptions), size=len(examples))
    pairs = zip(examples, chosen, strict=True)
    return np.stack([corruptions[kind](example, None, random)[0] for example, kind in pairs])
