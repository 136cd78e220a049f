"""Clips of any size and length: resized, and a window cut out, at random in training."""

import keras
import numpy as np
import pytest

from capszoo.data.clips import middle_window
from capszoo.data.clips import resize_clips
from capszoo.layers import ClipPreparation
from tests.layer_checks import outputs_of
from tests.layer_checks import to_numpy


def numbered(count=4, frames=7, height=6, width=8):
    """Clips whose pixels tell clip, frame, row and column."""
    clip, frame, row, column = np.indices((count, frames, height, width))
    return (clip * 7 + frame * 31 + row * 5 + column)[..., None].astype("uint8")


def test_the_middle_where_it_does_not_train(rng):
    clips = rng.integers(0, 256, size=(2, 7, 12, 10, 3)).astype("uint8")
    windows, places = outputs_of(ClipPreparation((6, 8), (4, 5, 8)), clips)
    resized, _ = resize_clips(clips, np.zeros(2), 6, 8)
    expected, _ = middle_window(resized, np.zeros(2), (4, 5, 8))
    np.testing.assert_allclose(windows, expected, atol=1)  # rounding to levels
    assert places.tolist() == [[1, 0, 0]] * 2
    assert (windows.dtype, places.dtype) == (np.float32, np.int32)


def test_a_place_of_its_own_in_training():
    layer = ClipPreparation((6, 8), (4, 5, 8), seed=0)
    clips = numbered(24)
    seen = set()
    for _ in range(3):
        windows, places = to_numpy(layer(clips, training=True))
        masks = to_numpy(layer.cut_masks(clips[..., 0], places))
        for clip, window, mask, (frame, row, column) in zip(
            clips, windows, masks, places, strict=True
        ):
            expected = clip[frame : frame + 4, row : row + 5, column : column + 8]
            np.testing.assert_array_equal(window, expected)
            np.testing.assert_array_equal(mask, expected[..., 0])
            seen.add((int(frame), int(row), int(column)))
    assert {frame for frame, _, _ in seen} == {0, 1, 2, 3}
    assert {row for _, row, _ in seen} == {0, 1}
    assert {column for _, _, column in seen} == {0}


def test_masks_are_resized_to_the_nearest_pixel(rng):
    clips = rng.integers(0, 256, size=(2, 4, 12, 16, 1)).astype("uint8")
    masks = rng.integers(0, 5, size=(2, 4, 12, 16)).astype("uint8")
    layer = ClipPreparation((6, 8), (3, 6, 8))
    _, places = layer(clips)
    _, expected = resize_clips(clips, masks, 6, 8)
    np.testing.assert_array_equal(to_numpy(layer.cut_masks(masks, places)), expected[:, :3])


def test_config_and_shapes():
    layer = ClipPreparation((6, 8), (4, 5, 8), levels=None, seed=3)
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert again.get_config() == layer.get_config()
    windows, places = layer(keras.KerasTensor((None, None, None, None, 3)))
    assert (windows.shape, places.shape) == ((None, 4, 5, 8, 3), (None, 3))


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"resize=\(6, 8\), a window of \(4, 7, 8\)"):
        ClipPreparation((6, 8), (4, 7, 8))
    with pytest.raises(ValueError, match="window"):
        ClipPreparation((6, 8), (4, 5))
