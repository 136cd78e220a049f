"""Random changes of images with masks: both move alike, labels stay labels."""

import math

import numpy as np
import pytest

from capszoo.data.augmentation import RandomAffine
from capszoo.data.augmentation import RandomIntensity
from tests.once import ONCE

pytestmark = ONCE
SIZES = {"picture": (40, 36), "volume": (22, 24, 20)}


def coordinates(size):
    """An image whose channels hold where each position is: an interpolation shows where from."""
    return np.moveaxis(np.indices(size).astype("float32"), 0, -1)


def labels(size):
    return np.random.default_rng(5).integers(0, 4, size, dtype="uint8")


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_image_and_mask_move_alike_by_a_rotation_and_a_factor(size):
    move = RandomAffine(rotation=25, scale=0.2, translation=0.1)
    part = tuple(side // 2 for side in size)
    random, mask = np.random.default_rng(0), labels(size)
    angles, factors = [], []
    for _ in range(20):
        seen, moved = move(coordinates(size), mask, random, part)
        assert (seen.shape, moved.shape, moved.dtype) == ((*part, len(size)), part, np.uint8)
        # Away from the rim, where all neighbours are inside.
        inside = np.all((seen > 1) & (seen < np.array(size) - 2), axis=-1)
        assert inside.mean() > 0.5
        where = seen[inside].astype("float64")
        between = np.abs(where - np.floor(where) - 0.5).min(axis=-1) < 1e-3
        nearest = np.rint(where).astype(int)
        expected = mask[tuple(nearest.T)]
        np.testing.assert_array_equal(moved[inside][~between], expected[~between])
        # The linear map, as least squares see it.
        here = np.argwhere(inside)
        matrix = np.linalg.lstsq(np.c_[here, np.ones(len(here))], where, rcond=None)[0][:-1].T
        factor = 1 / np.linalg.det(matrix) ** (1 / len(size))
        rotation = matrix * factor
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(len(size)), atol=1e-4)
        cosine = (np.trace(rotation) - (len(size) - 2)) / 2
        angles.append(math.degrees(math.acos(min(cosine, 1))))
        factors.append(factor)
    assert 12 < max(angles) <= 25
    assert 1 / 1.2 <= min(factors) < 0.95 < 1.05 < max(factors) <= 1.2


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_cut_is_at_a_random_place_and_exact(size):
    random, mask, image = np.random.default_rng(0), labels(size), coordinates(size)
    starts = set()
    for _ in range(200):
        part = tuple(side - 2 for side in size)
        cut, of_mask = RandomAffine()(image, mask, random, part)
        start = tuple(int(one) for one in cut.reshape(-1, len(size))[0])
        starts.add(start)
        place = tuple(slice(low, low + side) for low, side in zip(start, part, strict=True))
        np.testing.assert_array_equal(cut, image[place])
        np.testing.assert_array_equal(of_mask, mask[place])
    assert len(starts) == 3 ** len(size)


def test_half_of_the_images_are_flipped_along_each_axis():
    size = SIZES["volume"]
    random, image, mask = np.random.default_rng(0), coordinates(size), labels(size)
    found = []
    for _ in range(200):
        flipped, of_mask = RandomAffine([0, 2])(image, mask, random)
        axes = [axis for axis in range(3) if flipped[0, 0, 0, axis] > 0]
        np.testing.assert_array_equal(of_mask, np.flip(mask, axes))
        found.append(axes)
    for axes in ([], [0], [2], [0, 2]):
        assert found.count(axes) == pytest.approx(50, abs=20)


def test_what_comes_from_outside_is_darkest_and_background():
    image, mask = np.full((10, 10, 1), 9.0, "float32"), np.full((10, 10), 3, "uint8")
    image[0, 0] = 4
    moved, of_mask = RandomAffine(rotation=180, scale=0.5)(image, mask, np.random.default_rng(3))
    outside = of_mask == 0
    assert outside.any()
    assert moved[outside].min() == 4


def test_intensity_changes_the_image_alone():
    random = np.random.default_rng(0)
    image, mask = random.normal(100, 20, (30, 30, 1)), labels((30, 30))
    same, of_mask = RandomIntensity()(image, mask, random)
    np.testing.assert_allclose(same, image, rtol=1e-5)
    assert of_mask is mask
    # One at a time, against what the formula says.
    for _ in range(5):
        brighter, _ = RandomIntensity(brightness=0.5)(image, mask, random)
        shift = brighter - image
        np.testing.assert_allclose(shift, shift.mean(), atol=1e-3)
        assert abs(shift.mean()) <= 0.5 * image.std()
        sharper, _ = RandomIntensity(contrast=0.5)(image, mask, random)
        assert sharper.mean() == pytest.approx(image.mean(), rel=1e-4)
        assert 1 / 1.5 <= sharper.std() / image.std() <= 1.5
        bent, _ = RandomIntensity(gamma=1.0)(image, mask, random)
        assert (bent.min(), bent.max()) == pytest.approx((image.min(), image.max()), rel=1e-4)
        inner = (image > image.min()) & (image < image.max())
        shares = (bent[inner] - image.min()) / np.ptp(image)
        powers = np.log(shares) / np.log((image[inner] - image.min()) / np.ptp(image))
        assert np.percentile(powers, 95) - np.percentile(powers, 5) < 1e-2
        assert 0.5 <= np.median(powers) <= 2
        noisy, _ = RandomIntensity(noise=0.3)(image, mask, random)
        assert (noisy - image).std() <= 0.33 * image.std()
    noises = [(RandomIntensity(noise=0.3)(image, mask, random)[0] - image).std() for _ in range(9)]
    assert max(noises) > 0.1 * image.std()


def test_pictures_stay_within_their_range_and_flat_ones_finite():
    random, mask = np.random.default_rng(0), np.zeros((8, 8), "uint8")
    change = RandomIntensity(gamma=1, contrast=1, brightness=3, noise=1)
    image = random.integers(0, 256, (8, 8, 3), dtype="uint8")
    for _ in range(10):
        changed, _ = change(image, mask, random)
        assert 0 <= changed.min() <= changed.max() <= 255
    np.testing.assert_array_equal(change(np.full((8, 8, 1), 7.0), mask, random)[0], 7)


@pytest.mark.parametrize(
    ("cls", "arguments"),
    [
        (RandomAffine, {"flip_axes": [3]}),
        (RandomAffine, {"flip_axes": [True]}),
        (RandomAffine, {"flip_axes": 0}),
        (RandomAffine, {"rotation": 190}),
        (RandomAffine, {"rotation": -1}),
        (RandomAffine, {"scale": -0.1}),
        (RandomAffine, {"translation": 1.5}),
        (RandomIntensity, {"gamma": -1}),
        (RandomIntensity, {"noise": "much"}),
    ],
)
def test_arguments_out_of_range_are_named(cls, arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        cls(**arguments)
