"""Random changes of an image together with its mask, in the plane and in space.

Keras' own layers do not do here: there are none for volumes, and `RandomRotation` turns images and
masks apart on PyTorch (Keras 3.15).
"""

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np

from capszoo.kinds import NonNegative
from capszoo.kinds import Share
from capszoo.kinds import checked
from capszoo.validation import check_number
from capszoo.validation import invalid_value_error


def check_axis(argument: str, value: object) -> None:
    """Raises `ValueError` unless `value` is the number of an axis of space."""
    if isinstance(value, bool) or value not in (0, 1, 2):
        raise invalid_value_error(argument, "0, 1 or 2", value)


def check_degrees(argument: str, value: object) -> None:
    """Raises `ValueError` unless `value` is an angle of at most half a turn."""
    check_number(argument, value, 0)
    if value > 180:  # type: ignore[operator]
        raise invalid_value_error(argument, "degrees from 0 to 180", value)


Axis = Annotated[int, check_axis]
Degrees = Annotated[float, check_degrees]


class RandomAffine:
    """Flips, turns, scales and moves an image and its mask alike, and cuts a part out of them.

        result(p) = input(R p / s + t),   p and t from the middle of the part and of its place

    All of it is one interpolation: the image between its neighbours, the mask by the nearest one,
    so that labels stay labels. What comes from outside has the smallest value of the image, and
    is background. Angles and factors are drawn evenly between both signs (of the logarithm, for
    factors), in space about an axis of any direction. They count pixels or voxels, not
    millimetres.

    Args:
        flip_axes: Axes along each of which half of the images are reversed: of pictures 0 is up
            and down, 1 left and right; of volumes 0 is left and right (of the canonical
            orientation), which exchanges sides. Defaults to `()`.
        rotation: Largest angle, in degrees. Defaults to `0.0`.
        scale: Largest share by which things grow, or shrink by its inverse. Defaults to `0.0`.
        translation: Largest share of the part's sides by which it moves; a cut is at a place of
            its own as it is. Defaults to `0.0`.

    Raises:
        ValueError: If an argument is not as said above.

    Call arguments:
        image: Array `(*spatial, channels)`.
        mask: Array `(*spatial)` of labels.
        random: A `numpy.random.Generator`.
        size: Sizes of the part that is cut out, at a random place. Defaults to `None`, the whole.

    Output shape:
        The image, `(*size, channels)`, float32 where it was interpolated, and the mask, `size`.

    Example:

    >>> case = capszoo.data.load_cases("generated_volumes")[0]
    >>> turn = capszoo.data.augmentation.RandomAffine([0], rotation=15, scale=0.1)
    >>> image, mask = turn(case.image, case.mask, np.random.default_rng(0), size=(12, 12, 8))
    >>> image.shape, mask.shape
    ((12, 12, 8, 1), (12, 12, 8))
    """

    @checked
    def __init__(
        self,
        flip_axes: Sequence[Axis] = (),
        rotation: Degrees = 0.0,
        scale: NonNegative = 0.0,
        translation: Share = 0.0,
    ):
        self.flip_axes = tuple(flip_axes)
        self.rotation = rotation
        self.scale = scale
        self.translation = translation

    def __call__(self, image, mask, random, size=None):
        rank = mask.ndim
        self.check_rank(rank)
        size = mask.shape if size is None else tuple(size)
        start = np.array(
            [random.integers(own - part + 1) for own, part in zip(mask.shape, size, strict=True)]
        )
        flips = [axis for axis in self.flip_axes if random.random() < 0.5]
        if self.rotation or self.scale or self.translation:
            image, mask = self._interpolate(image, mask, random, start, size)
        else:
            part = tuple(slice(low, low + side) for low, side in zip(start, size, strict=True))
            image, mask = image[part], mask[part]
        return np.flip(image, flips), np.flip(mask, flips)

    def check_rank(self, rank: int) -> None:
        """Raises `ValueError` unless images of so many axes of space can be flipped so."""
        if any(axis >= rank for axis in self.flip_axes):
            axes = ", ".join(map(str, range(rank)))
            raise invalid_value_error("flip_axes", f"axes of the images, of {axes}", self.flip_axes)

    def _interpolate(self, image, mask, random, start, size):
        # Imported here: SciPy is slow to import, and comes with scikit-learn.
        from scipy.ndimage import affine_transform

        rank = mask.ndim
        factor = math.exp(random.uniform(-1, 1) * math.log1p(self.scale))
        matrix = _rotation(math.radians(self.rotation), rank, random) / factor
        middle = (np.array(size) - 1) / 2
        moved = random.uniform(-self.translation, self.translation, size=rank) * size
        offset = start + middle + moved - matrix @ middle
        channels = [
            affine_transform(
                channel, matrix, offset, size, "float32", order=1, cval=float(channel.min())
            )
            for channel in np.moveaxis(image, -1, 0)
        ]
        mask = affine_transform(mask, matrix, offset, size, order=0)
        return np.stack(channels, axis=-1), mask


class RandomIntensity:
    """Changes the brightness of an image and leaves its mask.

        x = (image - mean) / deviation
        result = mean + deviation (c x + b + n)

    after the image between its darkest and its brightest was raised to a power. A model that
    brings each example to mean 0 and deviation 1 sees the power and the noise alone.

    Args:
        gamma: Largest share by which the power of brightness grows from 1, or shrinks by its
            inverse. Defaults to `0.0`.
        contrast: Largest share by which contrast c grows, or shrinks by its inverse. Defaults to
            `0.0`.
        brightness: Largest shift b, in deviations of the image. Defaults to `0.0`.
        noise: Largest deviation of noise n, in deviations of the image. Defaults to `0.0`.

    Raises:
        ValueError: If an argument is negative or no number.

    Call arguments:
        image: Array `(*spatial, channels)`; uint8 stands for 0 to 255, and stays within.
        mask: Array `(*spatial)` of labels.
        random: A `numpy.random.Generator`.

    Output shape:
        The image, float32, and the mask, as they were.

    Example:

    >>> case = capszoo.data.load_cases("digit_scenes")[0]
    >>> change = capszoo.data.augmentation.RandomIntensity(gamma=0.2, noise=0.1)
    >>> image, mask = change(case.image, case.mask, np.random.default_rng(0))
    >>> image.shape, image.dtype
    ((32, 32, 1), dtype('float32'))
    """

    @checked
    def __init__(
        self,
        gamma: NonNegative = 0.0,
        contrast: NonNegative = 0.0,
        brightness: NonNegative = 0.0,
        noise: NonNegative = 0.0,
    ):
        self.gamma = gamma
        self.contrast = contrast
        self.brightness = brightness
        self.noise = noise

    def __call__(self, image, mask, random):
        power, contrast = (
            math.exp(random.uniform(-1, 1) * math.log1p(share))
            for share in (self.gamma, self.contrast)
        )
        changed = image.astype("float32")
        low, high = float(changed.min()), float(changed.max())
        if high > low:
            changed = low + (high - low) * ((changed - low) / (high - low)) ** power
        mean, deviation = float(changed.mean()), float(changed.std())
        shift = random.uniform(-self.brightness, self.brightness) * deviation
        changed = mean + shift + contrast * (changed - mean)
        noise = random.uniform(0, self.noise) * deviation
        changed = changed + noise * random.standard_normal(changed.shape, dtype="float32")
        if image.dtype == np.uint8:
            changed = np.clip(changed, 0, 255)
        return changed.astype("float32"), mask


def _rotation(angle, rank, random):
    """A random rotation by at most an angle, as a matrix."""
    angle = random.uniform(-angle, angle)
    if rank == 2:
        sine, cosine = math.sin(angle), math.cos(angle)
        return np.array([[cosine, -sine], [sine, cosine]])
    from scipy.spatial.transform import Rotation

    axis = random.normal(size=3)
    return Rotation.from_rotvec(angle * axis / np.linalg.norm(axis)).as_matrix()
