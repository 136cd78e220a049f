"""A user's own folder of pictures."""

import numpy as np
import pytest
from PIL import Image

import capszoo.data


def draw(folder, count=20, size=(10, 12), mode="L", classes=("cat", "ape", "dog"), seed=0):
    """Draws `count` pictures per class, no two the same."""
    random = np.random.default_rng(seed)
    height, width = size
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 256, (height, width, 3), dtype="uint8")
            Image.fromarray(pixels).convert(mode).save(folder / name / f"{number:03}.png")
    return folder


def rows(images):
    return [image.tobytes() for image in images]


def load_all(folder, **kwargs):
    splits = ("train", "validation", "test")
    return {split: capszoo.data.load(folder, split, **kwargs) for split in splits}


def test_carved_splits(tmp_path):
    parts = load_all(draw(tmp_path))
    # Of 20 per class a tenth for the test, then a tenth of the 18 left: 6 and round(5.4).
    assert {split: len(images) for split, (images, _) in parts.items()} == {
        "train": 49,
        "validation": 5,
        "test": 6,
    }
    assert np.bincount(parts["test"][1]).tolist() == [2, 2, 2]
    assert np.bincount(parts["validation"][1]).min() >= 1
    everything = [row for images, _ in parts.values() for row in rows(images)]
    assert len(set(everything)) == 60
    images, labels = parts["train"]
    assert images.shape[1:] == (10, 12, 1)
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)


def test_labels_are_the_sorted_class_folders(tmp_path):
    draw(tmp_path)
    assert capszoo.data.class_names(tmp_path) == ["ape", "cat", "dog"]
    for images, labels in load_all(str(tmp_path)).values():
        assert np.all(np.diff(labels) >= 0)
        for image, label in zip(images, labels, strict=True):
            folder = tmp_path / ["ape", "cat", "dog"][label]
            files = [np.asarray(Image.open(path)).tobytes() for path in folder.iterdir()]
            assert image.tobytes() in files


def test_three_pictures_per_class_are_enough(tmp_path):
    parts = load_all(draw(tmp_path, count=3))
    assert [np.bincount(labels).tolist() for _, labels in parts.values()] == [[1, 1, 1]] * 3


def test_two_pictures_per_class_are_not(tmp_path):
    draw(tmp_path, count=2)
    for split in ("train", "validation", "test"):
        with pytest.raises(ValueError, match=r"to make a validation split.*ape with 1 left"):
            capszoo.data.load(tmp_path, split)


def test_folders_of_splits(tmp_path):
    for seed, split in enumerate(("train", "validation", "test")):
        draw(tmp_path / split, count=seed + 1, seed=seed)
    parts = load_all(tmp_path)
    assert [len(images) for images, _ in parts.values()] == [3, 6, 9]
    assert capszoo.data.class_names(tmp_path) == ["ape", "cat", "dog"]


@pytest.mark.parametrize(
    "names",
    [
        ("train", "val", "test"),
        ("Training", "Valid", "Testing"),
        ("TRAIN", "Validation", "Test"),
    ],
)
def test_names_that_people_give_the_splits(tmp_path, names):
    for seed, name in enumerate(names):
        draw(tmp_path / name, count=seed + 1, seed=seed)
    parts = load_all(tmp_path)
    assert [len(images) for images, _ in parts.values()] == [3, 6, 9]
    assert capszoo.data.class_names(tmp_path) == ["ape", "cat", "dog"]
    assert capszoo.data.example_shape(tmp_path) == (10, 12, 1)


def test_two_folders_for_one_split(tmp_path):
    for name in ("train", "val", "validation"):
        draw(tmp_path / name, count=1)
    with pytest.raises(ValueError, match="two folders for one split: val/ and validation/"):
        capszoo.data.load(tmp_path)


def test_tiff(tmp_path):
    draw(tmp_path, classes=("a",), count=3)
    pixels = np.random.default_rng(1).integers(0, 256, (3, 10, 12), dtype="uint8")
    (tmp_path / "b").mkdir()
    for number, picture in enumerate(pixels):
        # 16 bits, as microscopes write them: the upper 8 of them are read.
        wide = picture.astype("uint16") * 256 + 7
        Image.fromarray(wide).save(tmp_path / "b" / f"{number}.{'tif' if number else 'TIFF'}")
    parts = load_all(tmp_path)
    found = [image for images, labels in parts.values() for image in images[labels == 1]]
    assert set(rows(found)) == set(rows(pixels))


@pytest.mark.parametrize("kind", ["stack", "floats"])
def test_tiff_that_is_no_picture(tmp_path, kind):
    draw(tmp_path, classes=("a",), count=4)
    picture = Image.new("F" if kind == "floats" else "L", (12, 10))
    more = {"save_all": True, "append_images": [picture]} if kind == "stack" else {}
    picture.save(tmp_path / "a" / "004.tif", **more)
    message = {"stack": "it holds 2 pictures", "floats": "it holds floats"}[kind]
    with pytest.raises(ValueError, match=rf"Cannot read .*004\.tif as a picture.*{message}"):
        load_all(tmp_path)


def test_what_is_missing_is_carved_from_train(tmp_path):
    draw(tmp_path / "train", seed=0)
    draw(tmp_path / "test", count=4, seed=1)
    parts = load_all(tmp_path)
    assert [len(images) for images, _ in parts.values()] == [54, 6, 12]


def test_train_may_be_a_class(tmp_path):
    draw(tmp_path, classes=("car", "plane", "train"))
    assert capszoo.data.class_names(tmp_path) == ["car", "plane", "train"]
    assert len(capszoo.data.load(tmp_path)[0]) == 49


def test_image_shape_resizes(tmp_path):
    draw(tmp_path / "own", classes=("a",), size=(30, 20), mode="RGB")
    draw(tmp_path / "own", classes=("b",), size=(8, 8), mode="L")
    parts = load_all(tmp_path / "own", image_shape=(16, 12, 3))
    assert all(images.shape[1:] == (16, 12, 3) for images, _ in parts.values())
    gray, _ = capszoo.data.load(tmp_path / "own", image_shape=[16, 12, 1])
    assert gray.shape[1:] == (16, 12, 1)


def test_one_coloured_picture_makes_all_rgb(tmp_path):
    draw(tmp_path, classes=("a",), mode="L")
    draw(tmp_path, classes=("b",), mode="RGB")
    for images, _ in load_all(tmp_path).values():
        assert images.shape[1:] == (10, 12, 3)


def test_unequal_sizes_need_an_image_shape(tmp_path):
    draw(tmp_path, classes=("a",), size=(30, 20))
    draw(tmp_path, classes=("b",), size=(8, 9))
    with pytest.raises(ValueError, match=r"differ in size: give the argument `image_shape`") as e:
        capszoo.data.load(tmp_path)
    assert "is 8x9" in str(e.value)
    assert "is 30x20" in str(e.value)


def test_sizes_are_compared_across_splits(tmp_path):
    draw(tmp_path / "train", size=(8, 8))
    draw(tmp_path / "test", size=(9, 9))
    with pytest.raises(ValueError, match="differ in size"):
        capszoo.data.load(tmp_path, "train")


def test_upright_and_turned_pictures_are_of_one_size(tmp_path):
    draw(tmp_path, size=(10, 12))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (10, 12)).save(tmp_path / "ape" / "turned.jpg", exif=exif)
    assert sum(len(images) for images, _ in load_all(tmp_path).values()) == 61


def test_two_channels_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"1 channel.*or 3"):
        capszoo.data.load(draw(tmp_path), image_shape=(10, 12, 2))


@pytest.mark.parametrize("image_shape", [None, (8, 8, 1)])
def test_unreadable_picture_is_named(tmp_path, image_shape):
    draw(tmp_path / "train")
    path = tmp_path / "train" / "dog" / "007.png"
    path.write_bytes(path.read_bytes()[:60])
    draw(tmp_path / "test")
    draw(tmp_path / "validation")
    with pytest.raises(ValueError, match=r"Cannot read .*007\.png as a picture"):
        capszoo.data.load(tmp_path, image_shape=image_shape)


def test_other_and_hidden_files_are_passed_over(tmp_path):
    draw(tmp_path)
    (tmp_path / "ape" / "Thumbs.db").write_text("x")
    (tmp_path / "ape" / "._000.png").write_text("x")
    (tmp_path / "ape" / "more.png").mkdir()
    (tmp_path / ".cache").mkdir()
    (tmp_path / "readme.txt").write_text("x")
    assert len(capszoo.data.load(tmp_path)[0]) == 49


def test_suffixes_in_capitals(tmp_path):
    draw(tmp_path, count=5)
    for path in list(tmp_path.glob("*/*.png")):
        path.rename(path.with_suffix(".PNG"))
    assert len(capszoo.data.load(tmp_path, "test")[0]) == 3


def test_empty_folder(tmp_path):
    with pytest.raises(ValueError, match="is empty: expected a sub-folder of pictures"):
        capszoo.data.load(tmp_path)


def test_empty_class(tmp_path):
    (draw(tmp_path) / "elk").mkdir()
    with pytest.raises(ValueError, match=r"elk holds no pictures \(\.png, "):
        capszoo.data.load(tmp_path)


def test_empty_split(tmp_path):
    draw(tmp_path / "train")
    (tmp_path / "test").mkdir()
    with pytest.raises(ValueError, match=r"test is empty"):
        capszoo.data.load(tmp_path)


def test_misnamed_split(tmp_path):
    draw(tmp_path / "train")
    draw(tmp_path / "dev")
    with pytest.raises(ValueError, match=r"must be called train, validation, test"):
        capszoo.data.load(tmp_path)


def test_splits_without_train(tmp_path):
    draw(tmp_path / "test")
    with pytest.raises(ValueError, match=r"lacks train/.*Received: test"):
        capszoo.data.load(tmp_path)


def test_splits_with_other_classes(tmp_path):
    draw(tmp_path / "train")
    draw(tmp_path / "test", classes=("cat", "ape"))
    with pytest.raises(ValueError, match=r"test must have .*ape, cat, dog. Received: ape, cat"):
        capszoo.data.load(tmp_path)
