"""Damage to images: what it does to them, in the plane and in space, and that it is drawn anew."""

import numpy as np
import pytest

from capszoo.data.augmentation import RandomIntensity
from capszoo.data.corruption import RandomBlur
from capszoo.data.corruption import RandomCutout
from capszoo.data.corruption import RandomPatchSwaps
from capszoo.data.corruption import corrupt
from tests.once import ONCE

pytestmark = ONCE
SIZES = {"picture": (20, 15), "volume": (10, 12, 15)}
each_size = pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)


def noise(size, channels=2):
    return np.random.default_rng(1).normal(5, 2, (*size, channels)).astype("float32")


@each_size
def test_a_blur_is_a_mean_weighted_by_a_gaussian(size):
    image = noise(size)
    # The deviation that is drawn, as another generator of the same seed draws it.
    deviation = np.random.default_rng(7).uniform(0, 1.5)
    blurred, mask = RandomBlur(1.5)(image, "mask", np.random.default_rng(7))
    assert (mask, blurred.dtype) == ("mask", np.float32)
    middle = np.array(size) // 2
    squares = sum((np.indices(size).T - middle).T ** 2)
    weights = np.exp(-squares / (2 * deviation**2))
    expected = (image * weights[..., None]).sum(axis=tuple(range(len(size)))) / weights.sum()
    np.testing.assert_allclose(blurred[tuple(middle)], expected, atol=2e-3)
    np.testing.assert_allclose(RandomBlur(0.0)(image, None, np.random.default_rng(0))[0], image)


@each_size
def test_a_swap_exchanges_two_places(size):
    # Each position holds where it is.
    image = np.moveaxis(np.indices(size).astype("float32"), 0, -1)
    random, seen = np.random.default_rng(0), set()
    for _ in range(60):
        swapped, _ = RandomPatchSwaps(0.3, count=1)(image, None, random)
        moves = (swapped - image).reshape(-1, len(size))
        moves, counts = np.unique(moves, axis=0, return_counts=True)
        # There, and back by as much; all else is where it was.
        assert len(moves) == 3
        np.testing.assert_array_equal(moves[0], -moves[2])
        np.testing.assert_array_equal(moves[1], 0)
        patch = np.prod([round(0.3 * side) for side in size])
        assert counts[0] == counts[2] == patch
        assert {tuple(one) for one in swapped.reshape(-1, len(size))} == set(np.ndindex(*size))
        seen.add(tuple(moves[2]))
    assert len(seen) > 10


def test_an_image_too_small_for_two_patches_stays():
    image = np.ones((1, 1, 1), "float32")
    swapped, _ = RandomPatchSwaps(0.2, count=2)(image, None, np.random.default_rng(0))
    np.testing.assert_array_equal(swapped, image)


@each_size
def test_boxes_are_filled_by_the_mean_of_each_channel(size):
    image, random = noise(size), np.random.default_rng(0)
    sides = []
    for _ in range(40):
        cut, _ = RandomCutout(0.5, count=1)(image, None, random)
        changed = (cut != image).all(axis=-1)
        np.testing.assert_array_equal(cut[~changed], image[~changed])
        mean = image.reshape(-1, image.shape[-1]).mean(0)
        np.testing.assert_allclose(cut[changed], np.broadcast_to(mean, cut[changed].shape), 1e-5)
        places = np.argwhere(changed)
        own = np.ptp(places, axis=0) + 1
        assert len(places) == np.prod(own)
        sides.append(own / size)
    assert np.max(sides) <= 0.5
    assert np.min(sides) < 0.15 < 0.4 < np.max(sides)


def test_each_example_is_damaged_in_one_way_by_draws_of_its_own():
    images = np.stack([noise((8, 8))] * 60)
    ways = [RandomIntensity(noise=1.0), RandomCutout(0.5, count=1)]
    damaged = corrupt(images, ways, np.random.default_rng(3))
    np.testing.assert_array_equal(damaged, corrupt(images, ways, np.random.default_rng(3)))
    assert (damaged != corrupt(images, ways, np.random.default_rng(4))).any()
    shares = (damaged != images).all(-1).mean(axis=(1, 2))
    assert 15 < np.count_nonzero(shares == 1) < 45
    assert np.count_nonzero((shares > 0) & (shares <= 0.25)) == 60 - np.count_nonzero(shares == 1)
    assert len({one.tobytes() for one in damaged}) == 60
    assert corrupt(images, [], np.random.default_rng(0)) is images


def test_pictures_of_whole_numbers_come_as_floats():
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3)).astype("uint8")
    before = image.copy()
    for change in (RandomBlur(2.0), RandomPatchSwaps(), RandomCutout()):
        changed, _ = change(image, None, np.random.default_rng(0))
        assert changed.dtype == np.float32
        assert 0 <= changed.min() <= changed.max() <= 255
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(
    ("cls", "arguments", "match"),
    [
        (RandomBlur, {"deviation": -1}, "deviation"),
        (RandomPatchSwaps, {"size": 0.5}, "`size`, expected more than 0, at most a third"),
        (RandomPatchSwaps, {"size": 0}, "at most a third"),
        (RandomPatchSwaps, {"count": 0}, "count"),
        (RandomCutout, {"size": 2}, "size"),
        (RandomCutout, {"count": 1.5}, "count"),
    ],
)
def test_arguments_out_of_range_are_named(cls, arguments, match):
    with pytest.raises(ValueError, match=match):
        cls(**arguments)
