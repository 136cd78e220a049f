"""Distortions against what they say, by other means."""

import numpy as np
import pytest

from capszoo.robustness import DISTORTIONS
from capszoo.robustness import distort
from capszoo.robustness.background import background
from tests.once import ONCE

pytestmark = ONCE
each = pytest.mark.parametrize("name", DISTORTIONS)


@pytest.fixture(scope="module")
def images():
    """A bright disk off the middle of a grey table, two channels that differ."""
    row, column = np.indices((24, 28))
    disk = ((row - 11) ** 2 + (column - 15) ** 2 < 64).astype("float64")
    table = np.stack([60 + 150 * disk, 100 + 100 * disk], axis=-1)
    return np.repeat(table.astype("uint8")[None], 12, axis=0)


@each
def test_strength_and_seed(name, images):
    np.testing.assert_array_equal(distort(images, name, 0), images)
    once = distort(images, name, 3, seed=5)
    assert once.dtype == np.uint8
    assert once.shape == images.shape
    np.testing.assert_array_equal(distort(images, name, 3, seed=5), once)
    # Of a picture's own place, and not of how many there are.
    np.testing.assert_array_equal(distort(images[:4], name, 3, seed=5), once[:4])
    far = [np.abs(distort(images, name, one).astype(float) - images).mean() for one in range(6)]
    assert far == sorted(far), "each strength changes more than the one before"
    assert far[-1] > 0
    if name not in ("border", "blur", "contrast"):
        assert (distort(images, name, 3, seed=6) != once).any()
        assert len({one.tobytes() for one in once}) > 1, "pictures differ in their chance"


@each
def test_amounts_ascend_and_are_described(name):
    one = DISTORTIONS[name]
    assert list(one.amounts) == sorted(set(one.amounts))
    assert one.meaning
    assert one.unit


def moments(image, channel=0):
    """The middle and the spread of what stands out from the table."""
    ink = np.abs(image[..., channel].astype(float) - np.median(image[0, :, channel]))
    total, (row, column) = ink.sum(), np.indices(ink.shape)
    middle = np.array([(ink * row).sum(), (ink * column).sum()]) / total
    spread = (ink * ((row - middle[0]) ** 2 + (column - middle[1]) ** 2)).sum() / total
    return middle, spread, total


def test_shift_is_as_far_as_it_says(images):
    start = moments(images[0])[0]
    for strength, share in enumerate(DISTORTIONS["shift"].amounts[:3], start=1):
        for image in distort(images, "shift", strength):
            moved = np.hypot(*(moments(image)[0] - start))
            assert moved == pytest.approx(share * 24, abs=0.1)


def test_rotation_is_about_the_middle_by_the_angle(images):
    about = np.array([11.5, 13.5])
    start = moments(images[0])[0] - about
    for image in distort(images, "rotation", 4):
        found = moments(image)[0] - about
        assert np.hypot(*found) == pytest.approx(np.hypot(*start), abs=0.1)
        cosine = found @ start / np.hypot(*found) / np.hypot(*start)
        assert np.degrees(np.arccos(cosine)) == pytest.approx(45, abs=4)


def test_scale_changes_the_area_by_the_square(images):
    ratios = [moments(image)[2] / moments(images[0])[2] for image in distort(images, "scale", 2)]
    expected = {1.2**2, 1.2**-2}
    for ratio in ratios:
        assert min(abs(ratio / one - 1) for one in expected) < 0.03
    assert max(ratios) > 1.2
    assert min(ratios) < 0.8


def test_shear_moves_rows_and_keeps_the_area(images):
    for image in distort(images, "shear", 5):
        assert moments(image)[2] == pytest.approx(moments(images[0])[2], rel=0.02)
        # The disk's middle is half a row above the picture's.
        assert moments(image)[0][0] == pytest.approx(11, abs=0.1)


@pytest.mark.parametrize(("name", "shares"), [("patch", "square"), ("bars", "lines")])
def test_what_is_hidden_is_as_much_as_it_says(name, shares):
    images = np.full((30, 40, 40, 1), 200, "uint8")
    images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1] = 0, 0, 0, 0
    for strength, amount in enumerate(DISTORTIONS[name].amounts, start=1):
        hidden = (images != distort(images, name, strength)).mean(axis=(1, 2, 3))
        area = amount**2 if shares == "square" else amount
        # A patch may lie on the black edge in part; bars are of whole pixels.
        assert hidden.max() == pytest.approx(area * 38**2 / 40**2, abs=0.05)


def test_border_is_a_frame():
    images = np.random.default_rng(0).integers(1, 256, (1, 20, 20, 1), dtype="uint8")
    found = distort(images, "border", 3)  # 0.15 of 20 pixels
    np.testing.assert_array_equal(found[:, 3:-3, 3:-3], images[:, 3:-3, 3:-3])
    frame = np.ones((20, 20), bool)
    frame[3:-3, 3:-3] = False
    assert set(found[0, frame, 0].tolist()) == {
        int(np.rint(background(images[0].astype(float)))[0])
    }


def test_noise_contrast_and_blur_by_hand():
    flat = np.full((1, 64, 64, 1), 128, "uint8")
    assert distort(flat, "noise", 1).std() == pytest.approx(25.5, rel=0.05)
    halves = np.zeros((1, 8, 8, 1), "uint8")
    halves[:, :4] = 200
    np.testing.assert_array_equal(
        np.unique(distort(halves, "contrast", 2)), [50, 150]
    )  # half of 100 from the mean
    dot = np.zeros((1, 41, 41, 1), "uint8")
    dot[0, 20, 20] = 255
    row = np.arange(41) - 20
    deviation = 0.04 * 41
    expected = np.exp(-(row**2) / 2 / deviation**2)
    expected = 255 * np.outer(expected, expected) / expected.sum() ** 2
    np.testing.assert_allclose(distort(dot, "blur", 2)[0, ..., 0], expected, atol=1)


def test_elastic_moves_pixels_as_far_as_it_says():
    """Pictures whose brightness is the column say how far each pixel came from."""
    ramp = np.tile(np.arange(0, 224, 2, dtype="uint8"), (112, 1))[None, ..., None]
    ramp = np.repeat(ramp, 8, axis=0)
    found = distort(ramp, "elastic", 1).astype(float)
    # One of two directions; away from the edges, where pixels come in from beyond.
    moved = (found - ramp)[:, 20:-20, 20:-20] / 2
    assert np.sqrt(2 * np.mean(moved**2)) == pytest.approx(0.02 * 112, rel=0.25)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rotaton", 1), "`name`: 'rotaton'"),
        (("rotation", 6), r"`strength`, expected an integer from 0 to 5.*strength=6"),
        (("rotation", 1.5), "strength=1.5"),
        (("rotation", True), "strength=True"),
    ],
)
def test_refused(arguments, message, images):
    with pytest.raises(ValueError, match=message):
        distort(images, *arguments)


@pytest.mark.parametrize(
    "wrong", [np.zeros((2, 8, 8), "uint8"), np.zeros((2, 8, 8, 1)), np.zeros((1, 2, 8, 1), "uint8")]
)
def test_refused_pictures(wrong):
    with pytest.raises(ValueError, match="Expected pictures, uint8"):
        distort(wrong, "blur", 1)
