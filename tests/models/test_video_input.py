"""The input end for clips: what it takes, what it prepares, what it loads, what it refuses."""

import keras
import numpy as np
import pytest

import capszoo
from capszoo.models.inputs import VideoInput
from tests.data.video_files import greys
from tests.data.video_files import write_clip
from tests.layer_checks import to_numpy
from tests.once import ONCE

MOVING = {"name": "moving_digits"}


def prepared_by(end, clips, output="prepared", training=False):
    model = keras.Model(end.inputs, getattr(end, output))
    return to_numpy(model(clips, training=training))


def test_clips_of_any_size_and_length_become_the_middle_window(rng):
    end = VideoInput((4, 6, 8, 3), resize=(6, 8), normalization=None)
    clips = rng.integers(0, 256, size=(2, 7, 12, 10, 3)).astype("uint8")
    end.check(clips)
    window = prepared_by(end, clips)
    shorter = clips[:, 1:5]
    np.testing.assert_allclose(window, prepared_by(end, shorter), atol=1e-4)
    np.testing.assert_allclose(prepared_by(end, clips, "features"), window / 255, atol=1e-5)
    at_random = {
        tuple(prepared_by(end, clips, "places", training=True)[0].tolist()) for _ in range(30)
    }
    assert at_random == {(start, 0, 0) for start in range(4)}


def test_each_clip_is_normalized_by_itself(rng):
    clips = rng.integers(0, 256, size=(2, 4, 6, 8, 1)).astype("uint8")
    features = prepared_by(VideoInput((4, 6, 8, 1)), clips, "features")
    for clip, own in zip(clips / 255, features, strict=True):
        np.testing.assert_allclose(own, (clip - clip.mean()) / clip.std(), atol=1e-4)


def test_synthetic_clips_are_alike_and_differ(rng):
    clips = VideoInput((8, 32, 32, 1)).synthetic()
    assert (clips.shape, clips.dtype) == ((3, 8, 32, 32, 1), np.uint8)
    assert clips[1, 2, 3, 4, 0] == 89
    assert (clips[0] != clips[1]).mean() > 0.9
    assert (clips[:, 0] != clips[:, 1]).mean() > 0.9


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 5, 32, 32, 3), r"They are shorter than the window of 8 frames\."),
        ((2, 8, 32, 32, 1), r"\(batch, 8, 32, 32, 3\)\. Received: .*\(2, 8, 32, 32, 1\)"),
        ((2, 32, 32, 3), r"pictures want a model of pictures"),
        ((8, 32, 32, 3), r"A single clip wants the batch axis, clips\[None\]"),
        ((2, 3, 8, 32, 32), r"Move the channels last: numpy\.moveaxis\(clips, 1, -1\)"),
        ((2, 9, 32, 32, 3), r"Build the model with resize=\(height, width\)"),
        ((32, 32), r"Expected clips of shape"),
        ((0, 8, 32, 32, 3), r"at least one clip"),
    ],
)
def test_what_is_no_clip_is_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        VideoInput((8, 32, 32, 3)).check(np.zeros(shape, "uint8"))


def test_short_clips_scales_and_nan_are_refused():
    end = VideoInput((8, 32, 32, 1), resize=(32, 32))
    message = r"\(batch, at least 8, any, any, 1\)\. .*shorter than the window of 8 frames"
    with pytest.raises(ValueError, match=message):
        end.check(np.zeros((2, 7, 32, 32, 1), "uint8"))
    with pytest.raises(ValueError, match=r"Add the channel axis: clips\[\.\.\., None\]"):
        end.check(np.zeros((2, 8, 32, 32), "uint8"))
    with pytest.raises(ValueError, match="none of them NaN"):
        end.check(np.full((2, 8, 32, 32, 1), np.nan))
    with pytest.warns(UserWarning, match="rescales"):
        end.check(np.full((2, 8, 32, 32, 1), 60000, "uint16"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clip_shape": (8, 32, 32)}, r"clip_shape.*\(frames, height, width, channels\)"),
        ({"clip_shape": (8, 32, 0, 1)}, "clip_shape.*positive integer"),
        ({"clip_shape": (8, 32, 32, 1), "resize": (16, 16)}, "Frames must be at least as large"),
        ({"clip_shape": (8, 32, 32, 1), "normalization": "per_image"}, "'per_clip'"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        VideoInput(**arguments)


@ONCE
def test_what_is_loaded_prepared_is_what_the_model_makes_of_the_rest():
    data = {**MOVING, "labels": "masks", "crop": [8, 28, 28]}
    shape = (8, 28, 28, 1)
    clips, masks = VideoInput.load(data, "test", shape=shape)
    assert clips.shape == (800, 10, 32, 32, 1)
    prepared, of_prepared = VideoInput.load(data, "test", shape=shape, prepared=True)
    end = VideoInput(shape, **VideoInput.of_data({"clip_shape": shape}, data, (10, 32, 32, 1)))
    np.testing.assert_array_equal(prepared_by(end, clips[:5]), prepared[:5])
    places = prepared_by(end, clips[:5], "places")
    cut = to_numpy(end.preparation.cut_masks(masks[:5], places))
    np.testing.assert_array_equal(cut, of_prepared[:5])
    # Training clips come whole, to be cropped batch by batch.
    assert VideoInput.load(data, "train", shape=shape, prepared=True)[0].shape[1:3] == (10, 32)


@ONCE
def test_training_batches_cut_windows_out_of_clips_and_masks():
    clips, masks = capszoo.data.load("moving_digits", "validation", labels="masks")
    _, classes = capszoo.data.load("moving_digits", "validation")
    for labels in (masks, classes):
        batches = capszoo.training.TrainingBatches(clips, labels, 100, crop=[8, 32, 30])
        parts, of_parts = batches[0]
        assert parts.shape == (100, 8, 32, 30, 1)
        starts = set()
        for row, part, own in zip(batches.order, parts, of_parts, strict=False):
            windows = [
                (top, left)
                for top in range(3)
                for left in range(3)
                if (clips[row, top : top + 8, :, left : left + 30] == part).all()
            ]
            assert len(windows) == 1
            starts.add(windows[0])
            (top, left) = windows[0]
            expected = labels[row]
            if labels is masks:
                expected = expected[top : top + 8, :, left : left + 30]
            np.testing.assert_array_equal(own, expected)
        assert len(starts) == 9


@ONCE
def test_shapes_that_fit_other_data(tmp_path):
    assert VideoInput.fit(MOVING) == ([8, 32, 32, 1], {"crop": [8, 32, 32]})
    fitted = VideoInput.fit(MOVING, limit=(16, 24, 40, 1))
    assert fitted == ([10, 24, 24, 1], {"resize": [24, 24]})
    data = {**MOVING, "crop": [4, 20, 20]}
    assert VideoInput.fit(data) == ([4, 20, 20, 1], {})
    for label in ("a", "b"):
        for number, length in enumerate((12, 9, 11)):
            write_clip(tmp_path / label / f"{number}.mp4", greys(length, size=(48, 64)))
    shape, added = VideoInput.fit({"name": str(tmp_path)})
    assert (shape, added) == ([8, 24, 32, 3], {"resize": [24, 32], "crop": [8, 24, 32]})
    clips, labels = VideoInput.load({"name": str(tmp_path), **added}, "train", shape=shape)
    assert (clips.shape[2:], len(labels)) == ((24, 32, 3), 2)
    short = (10, 24, 32, 3)
    found = []
    for split in ("train", "validation", "test"):
        try:
            VideoInput.load({"name": str(tmp_path)}, split, shape=short)
        except ValueError as error:
            found.append(str(error))
    assert found
    for message in found:
        assert "1.mp4, has 9 frames, and the model takes 10. Leave out short" in message


@ONCE
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"augmentation": [{"RandomRotation": {"factor": 0.1}}]}, "`data.augmentation` is for"),
        ({"value_range": [0, 1]}, "`data.value_range` is for pictures"),
        ({"crop": [8, 16, 16]}, r"crops clips to \[8, 16, 16\], but its model takes \[8, 32, 32\]"),
        ({"crop": [32, 32]}, r"crops clips to \[32, 32\]"),
    ],
)
def test_what_data_cannot_ask_for(data, message):
    with pytest.raises(ValueError, match=message):
        VideoInput.load({**MOVING, **data}, "test", shape=(8, 32, 32, 1))
