"""Video files and folders of them: read, resized, cut to one length, refused."""

import builtins

import numpy as np
import pytest
from PIL import Image

import capszoo
from capszoo.data.video_files import clip_shape
from capszoo.data.video_files import read_clip
from tests.data.video_files import greys
from tests.data.video_files import write_clip
from tests.once import ONCE

pytestmark = ONCE


@pytest.mark.parametrize("ending", [".mp4", ".gif", ".avi"])
def test_a_file_gives_its_frames_in_order(ending, tmp_path):
    frames = greys(10)
    path = write_clip(tmp_path / f"clip{ending}", frames)
    assert clip_shape(path) == frames.shape
    read = read_clip(path)
    assert (read.shape, read.dtype) == (frames.shape, np.uint8)
    # What a codec loses: of a GIF, which has four levels of blue and is dithered, more.
    lost = np.abs(read.astype(int) - frames)
    assert lost.max() <= (90 if ending == ".gif" else 6)
    assert lost.mean() <= (25 if ending == ".gif" else 3)
    small = read_clip(path, (16, 16, 1))
    assert small.shape == (10, 16, 16, 1)
    assert (np.diff(small.mean(axis=(1, 2, 3))) > 5).all()


def test_frames_are_resized_as_pictures_are(tmp_path):
    frames = greys(3)
    frames = frames + np.arange(48, dtype="uint8")[:, None]
    path = write_clip(tmp_path / "clip.mp4", frames)
    expected = capszoo.data.images.resize_images(read_clip(path), 16, 20)
    np.testing.assert_array_equal(read_clip(path, (16, 20, 3)), expected)


def make_folder(folder, lengths=(9, 10, 12), size=(32, 48)):
    for name, first in (("dark", 5), ("bright", 150)):
        for number, length in enumerate(lengths):
            frames = greys(length, first + number, step=4, size=size)
            write_clip(folder / name / f"{number}.mp4", frames)
    return folder


def test_a_folder_of_clips_per_class(tmp_path):
    folder = make_folder(tmp_path / "clips", lengths=(9, 10, 12, 11))
    (folder / "dark" / "notes.txt").write_text("passed over")
    names = capszoo.data.class_names(folder, kind="clips")
    assert names == ["bright", "dark"]
    assert capszoo.data.example_shape(folder, kind="clips") == (9, 32, 48, 3)
    found = {
        split: capszoo.data.load(folder, split, kind="clips")
        for split in ("train", "validation", "test")
    }
    assert sum(len(labels) for _, labels in found.values()) == 8
    for clips, labels in found.values():
        assert clips.shape[2:] == (32, 48, 3)
        bright = clips.mean(axis=(1, 2, 3, 4)) > 100
        np.testing.assert_array_equal(bright, labels == 0)
    small, _ = capszoo.data.load(folder, "train", kind="clips", image_shape=(8, 8, 1))
    assert small.shape[2:] == (8, 8, 1)


def test_clips_of_a_split_are_cut_to_the_middle_of_the_shortest(tmp_path):
    for split, lengths in (("train", (6, 10)), ("test", (7, 7)), ("val", (7, 7))):
        make_folder(tmp_path / split, lengths)
    clips, labels = capszoo.data.load(tmp_path, "train", kind="clips")
    assert clips.shape == (4, 6, 32, 48, 3)
    whole = read_clip(tmp_path / "train" / "dark" / "1.mp4")
    np.testing.assert_array_equal(clips[labels == 1][1], whole[2:8])


def test_an_npz_file_of_clips(tmp_path):
    clips, labels = capszoo.data.load("moving_digits", "test")
    np.savez(
        tmp_path / "own.npz", x_train=clips[:400], y_train=labels[:400], x_test=clips[:9],
        y_test=labels[:9],
    )  # fmt: skip
    own, of_own = capszoo.data.load(tmp_path / "own.npz", "test", kind="clips")
    np.testing.assert_array_equal(own, clips[:9])
    np.testing.assert_array_equal(of_own, labels[:9])
    assert capszoo.data.example_shape(tmp_path / "own.npz", kind="clips") == (10, 32, 32, 1)


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100, None])
def test_a_broken_file_in_a_folder_is_named(content, tmp_path):
    folder = make_folder(tmp_path / "clips")
    broken = folder / "dark" / "0.mp4"
    broken.write_bytes(broken.read_bytes()[:200] if content is None else content)
    for split in ("train", "validation", "test"):
        if broken in capszoo.data.image_folder.files_of_splits(folder, (".mp4",))[split]:
            with pytest.raises(ValueError, match=r"Cannot read .*dark.0\.mp4 as a clip \(MP4"):
                capszoo.data.load(folder, split, kind="clips")


def test_what_is_no_clip_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no video file at"):
        read_clip(tmp_path / "none.mp4")
    path = write_clip(tmp_path / "clip.mp4", greys(3))
    with pytest.raises(ValueError, match=r"1 channel \(grayscale\) or 3 \(RGB\)"):
        read_clip(path, (16, 16, 2))
    Image.new("RGB", (16, 16)).save(tmp_path / "photo.png")
    assert read_clip(tmp_path / "photo.png").shape == (1, 16, 16, 3)
    make_folder(tmp_path / "clips" / "train")
    write_clip(tmp_path / "clips" / "train" / "dark" / "large.mp4", greys(12, size=(64, 64)))
    make_folder(tmp_path / "clips" / "val")
    make_folder(tmp_path / "clips" / "test")
    with pytest.raises(ValueError, match=r"differ in size: give the argument `image_shape`"):
        capszoo.data.load(tmp_path / "clips", "train", kind="clips")
    (tmp_path / "empty" / "dark").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"holds no clips \(\.mp4"):
        capszoo.data.load(tmp_path / "empty", kind="clips")


def test_a_missing_package_says_its_pip_line(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "clip.mp4", greys(3))
    imported = builtins.__import__

    def without_av(name, *args, **kwargs):
        if name == "av":
            raise ImportError("no av here")
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_av)
    with pytest.raises(ImportError, match=r'PyAV: pip install "capszoo\[video\]"'):
        read_clip(path)
