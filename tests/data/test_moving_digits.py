"""Clips of moving digits: alike everywhere, and as their description says."""

import numpy as np
import pytest

import capszoo
from capszoo.data.clips import middle_window
from capszoo.data.clips import resize_clips
from capszoo.data.moving_digits import CLASSES
from capszoo.data.moving_digits import DIRECTIONS
from tests.once import ONCE

pytestmark = ONCE
FIRST = [[59, 52, 66, 72], [75, 68, 62, 78]]  # four pixels of two rows of the first frame


@pytest.fixture(scope="module")
def made():
    return capszoo.data.load("moving_digits", "validation", labels="masks")


@pytest.fixture(scope="module")
def classes():
    return capszoo.data.load("moving_digits", "validation")[1]


def test_shapes_and_classes(made, classes):
    clips, masks = made
    assert (clips.shape, clips.dtype) == ((400, 10, 32, 32, 1), np.uint8)
    assert (masks.shape, masks.dtype) == ((400, 10, 32, 32), np.uint8)
    assert (classes.shape, classes.dtype) == ((400,), np.int64)
    assert np.bincount(classes).tolist() == [10] * 40
    np.testing.assert_array_equal(masks.max(axis=(1, 2, 3)), classes + 1)
    assert capszoo.data.class_names("moving_digits") == list(CLASSES)
    assert capszoo.data.example_shape("moving_digits") == (10, 32, 32, 1)
    assert capszoo.data.options("moving_digits") == ["labels"]
    with pytest.raises(ValueError, match=r"labels.*'boxes'.*classes, masks"):
        capszoo.data.load("moving_digits", labels="boxes")


def test_the_same_each_time_and_a_copy(made):
    clips, masks = made
    # By the numbers, so that another version or machine that makes others is seen.
    assert clips[0, 0, 12:14, 10:14, 0].tolist() == FIRST
    again, of_again = capszoo.data.load("moving_digits", "validation", labels="masks")
    again[:], of_again[:] = 7, 7
    last, of_last = capszoo.data.load("moving_digits", "validation", labels="masks")
    np.testing.assert_array_equal(last, clips)
    np.testing.assert_array_equal(of_last, masks)


def test_digits_move_as_their_class_says(made, classes):
    """The middle of the strokes moves by 1 to 1.7 pixels a frame along one axis alone."""
    _, masks = made
    rows, columns = np.indices((32, 32))
    there = masks > 0
    middles = np.stack(
        [(there * places).sum(axis=(2, 3)) / there.sum(axis=(2, 3)) for places in (rows, columns)],
        axis=-1,
    )
    way = middles[:, -1] - middles[:, 0]
    steps = np.array(list(DIRECTIONS.values()))[classes % 4]
    along, across = (way * steps).sum(axis=-1), way[steps == 0]
    np.testing.assert_allclose(across, 0, atol=1e-9)
    assert along.min() >= 8.5
    assert along.max() <= 15.5
    # The digit stays as it is: as many pixels in each frame.
    assert (there.sum(axis=(2, 3)) == there[:, :1].sum(axis=(2, 3))).all()


def test_strokes_are_brighter_than_what_is_around(made):
    clips, masks = made
    pixels, there = clips[..., 0].astype(float), masks > 0
    inside, outside = pixels[there].mean(), pixels[~there].mean()
    assert inside > outside + 50


def test_splits_differ(made):
    clips, _ = made
    test, _ = capszoo.data.load("moving_digits", "test")
    assert len(test) == 800
    assert not (test[:400] == clips).all(axis=(1, 2, 3, 4)).any()


def test_windows_and_sizes(made):
    clips, masks = made[0][:3], made[1][:3]
    parts, of_masks = middle_window(clips, masks, (8, 32, 20))
    np.testing.assert_array_equal(parts, clips[:, 1:9, :, 6:26])
    np.testing.assert_array_equal(of_masks, masks[:, 1:9, :, 6:26])
    labels = np.array([1, 2, 3])
    assert middle_window(clips, labels, (8, 32, 32))[1] is labels
    small, of_small = resize_clips(clips, masks, 16, 8)
    assert small.shape == (3, 10, 16, 8, 1)
    np.testing.assert_array_equal(of_small, masks[:, :, 1::2, 2::4])
    # As pictures are resized.
    np.testing.assert_array_equal(small[1], capszoo.data.images.resize_images(clips[1], 16, 8))
