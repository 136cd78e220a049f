"""A user's own images with masks: pictures and scans in folders, and what can be wrong there."""

import hashlib
import json
import warnings

import numpy as np
import pytest
from PIL import Image

import capszoo
from capszoo.data.mask_pictures import read_labels
from capszoo.data.mask_pictures import read_picture
from capszoo.models.inputs import MaskedImageInput
from tests.once import ONCE

pytestmark = ONCE
SPLITS = ("train", "validation", "test")


def draw(folder, names="abcdefghijkl", size=(8, 10), classes=3, seed=0, mode="L"):
    """Draws pictures that are ten times as bright as their masks are high, and the masks."""
    random = np.random.default_rng(seed)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for name in names:
        mask = random.integers(0, classes, size, dtype="uint8")
        Image.fromarray(mask * 10).convert(mode).save(folder / "images" / f"{name}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{name}.png")
    return folder


def save_mask(folder, pixels, name="a", mode=None):
    picture = Image.fromarray(np.asarray(pixels))
    (picture.convert(mode) if mode else picture).save(folder / "masks" / f"{name}.png")


def names_of(folder):
    return {s: [case.name for case in capszoo.data.load_cases(folder, s)] for s in SPLITS}


def test_pictures_lie_under_their_masks(tmp_path):
    folder = draw(tmp_path)
    for split in SPLITS:
        images, masks = capszoo.data.load(folder, split)
        np.testing.assert_array_equal(images[..., 0], masks * 10)
        assert (images.dtype, masks.dtype) == (np.uint8, np.uint8)
    assert capszoo.data.example_shape(folder) == (8, 10, 1)
    assert capszoo.data.class_names(str(folder), kind="masks") == ["0", "1", "2"]


def test_what_is_missing_is_carved_by_the_names_of_cases(tmp_path):
    parts = names_of(draw(tmp_path))

    def by_digest(names):
        return sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())

    test, *rest = by_digest("abcdefghijkl")
    validation, *train = by_digest(rest)
    assert parts == {"train": sorted(train), "validation": [validation], "test": [test]}


def test_folders_of_splits(tmp_path):
    for seed, split in enumerate(("Training", "val", "test")):
        draw(tmp_path / split, names="abc"[: seed + 1], seed=seed)
    assert names_of(tmp_path) == {"train": ["a"], "validation": ["a", "b"], "test": ["a", "b", "c"]}
    draw(tmp_path / "Training" / "more")
    assert [len(one) for one in names_of(tmp_path).values()] == [1, 2, 3]
    draw(tmp_path / "x")
    draw(tmp_path / "x" / "test")
    with pytest.raises(ValueError, match="both, test/ beside images/"):
        capszoo.data.load(tmp_path / "x")


def test_pictures_of_many_sizes_are_padded_to_the_largest(tmp_path):
    draw(tmp_path / "train", "abc", size=(8, 10))
    draw(tmp_path / "test", "ab", size=(12, 6), mode="RGB")
    assert capszoo.data.example_shape(tmp_path) == (12, 10, 3)
    assert [capszoo.data.load(tmp_path, split)[1].shape[1:] for split in SPLITS] == [(12, 10)] * 3
    assert capszoo.data.load_cases(tmp_path, "test")[0].image.shape == (12, 6, 3)


def test_where_training_crops_others_come_in_true_size(tmp_path):
    draw(tmp_path / "train", "abc", size=(8, 10))
    draw(tmp_path / "test", "ab", size=(12, 6))
    data = {"name": str(tmp_path), "crop": [4, 4]}
    load = MaskedImageInput.load
    images, masks = load(data, "train", shape=(4, 4, 1), prepared=True)
    assert (images.shape, masks.shape) == ((2, 12, 10, 1), (2, 12, 10))
    for split, size in (("validation", (8, 10)), ("test", (12, 6))):
        images, masks = load(data, split, shape=(4, 4, 1), prepared=True)
        assert {image.shape for image in images} == {(*size, 1)}
        for image, mask in zip(images, masks, strict=True):
            np.testing.assert_array_equal(image[..., 0], mask * 10)
    # Without a crop all are of the shape of the model.
    whole = load({"name": str(tmp_path)}, "test", shape=(12, 12, 1))
    assert [part.shape for part in whole] == [(2, 12, 12, 1), (2, 12, 12)]


def test_masks_of_black_and_white_have_two_classes(tmp_path):
    folder = draw(tmp_path, classes=2)
    for path in (folder / "masks").iterdir():
        Image.fromarray(np.asarray(Image.open(path)) * 255).save(path)
    images, masks = capszoo.data.load(folder)
    np.testing.assert_array_equal(images[..., 0], masks * 10)
    assert capszoo.data.class_names(folder) == ["0", "1"]


def test_names_of_classes_come_from_a_description(tmp_path):
    folder = draw(tmp_path)
    labels = {"background": 0, "cell": 1, "wall": 2, "dust": 3}
    (folder / "dataset.json").write_text(json.dumps({"labels": labels}))
    assert capszoo.data.class_names(folder) == ["background", "cell", "wall", "dust"]
    save_mask(folder, np.full((8, 10), 4, "uint8"))
    with pytest.raises(ValueError, match=r"from 0 to 3 in .*a\.png\. Received: 4"):
        names_of(folder)


@pytest.mark.parametrize("value", [4, 255])
def test_labels_with_a_gap_are_refused(tmp_path, value):
    folder = draw(tmp_path)
    save_mask(folder, np.full((8, 10), value, "uint8"))
    with pytest.raises(ValueError, match=rf"without a gap .*Received: 0, 1, 2, {value}"):
        capszoo.data.load(folder)


def test_a_case_without_foreground_is_a_case(tmp_path):
    folder = draw(tmp_path)
    save_mask(folder, np.zeros((8, 10), "uint8"))
    masks = np.concatenate([capszoo.data.load(folder, split)[1] for split in SPLITS])
    assert sorted(masks.any(axis=(1, 2))) == [False] + [True] * 11
    for path in (folder / "masks").iterdir():
        save_mask(folder, np.zeros((8, 10), "uint8"), path.stem)
    with pytest.raises(ValueError, match=r"two classes or more.*Received: 0$"):
        capszoo.data.load(folder)


def test_an_image_without_a_mask_is_named(tmp_path):
    folder = draw(tmp_path)
    (folder / "masks" / "c.png").unlink()
    with pytest.raises(ValueError, match=r"Received: c in images/ and not in masks/\."):
        capszoo.data.load(folder)
    (folder / "images" / "c.png").unlink()
    (folder / "images" / "d.png").unlink()
    (folder / "masks" / "z.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"d in masks/ and not in images/ \(2 such names\)"):
        capszoo.data.load(folder)


def test_a_mask_of_another_size_is_named(tmp_path):
    folder = draw(tmp_path)
    save_mask(folder, np.zeros((10, 8), "uint8"))
    message = r"one size\. Received: .*images.a\.png of \(8, 10\) and .*masks.a\.png of \(10, 8\)"
    with pytest.raises(ValueError, match=message):
        names_of(folder)


def test_the_endings_may_differ_and_other_files_are_passed_over(tmp_path):
    folder = draw(tmp_path)
    Image.open(folder / "images" / "a.png").save(folder / "images" / "a.tif")
    with pytest.raises(ValueError, match=r"differ in more than their ending.*a\.png and a\.tif"):
        capszoo.data.load(folder)
    (folder / "images" / "a.png").unlink()
    (folder / "images" / "notes.txt").write_text("x")
    (folder / "masks" / "._a.png").write_text("x")
    assert sum(len(names) for names in names_of(folder).values()) == 12


def test_masks_in_any_mode_that_holds_numbers(tmp_path):
    pixels = np.array([[0, 1], [1, 0]], "uint8")
    path = tmp_path / "mask.png"
    palette = Image.new("P", (2, 2))
    palette.putdata(pixels.ravel().tolist())
    palette.putpalette([200, 0, 0, 0, 200, 0])
    for picture in (
        Image.fromarray(pixels),
        Image.fromarray(pixels.astype(bool)),
        Image.fromarray(pixels.astype("uint16")),
        Image.fromarray(pixels).convert("RGB"),
        Image.fromarray(pixels).convert("RGBA"),
        Image.fromarray(pixels).convert("LA"),
        palette,
    ):
        picture.save(path)
        np.testing.assert_array_equal(read_labels(path), pixels, err_msg=picture.mode)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        ([[[255, 0, 0, 255]]], "RGBA with colours"),
        ([[[1, 1, 1, 0]]], "RGBA with transparent pixels"),
        ([[[255, 0, 0]]], "RGB with colours"),
    ],
)
def test_colours_are_no_labels(tmp_path, pixels, message):
    Image.fromarray(np.array(pixels, "uint8")).save(tmp_path / "mask.png")
    with pytest.raises(ValueError, match=rf"number of a class .*mask\.png.*Received: {message}"):
        read_labels(tmp_path / "mask.png")


def test_labels_beyond_a_byte_are_refused(tmp_path):
    Image.fromarray(np.array([[0, 300]], "uint16")).save(tmp_path / "mask.png")
    with pytest.raises(ValueError, match="Received: 0 to 300"):
        read_labels(tmp_path / "mask.png")


def test_pictures_of_sixteen_bits_use_all_of_eight(tmp_path):
    values = np.array([[100, 1100], [2100, 4095]], "uint16")
    Image.fromarray(values).save(tmp_path / "cells.tif")
    picture = read_picture(tmp_path / "cells.tif", 1)[..., 0]
    np.testing.assert_allclose(picture, (values - 100.0) * 255 / 3995, atol=0.5)
    with pytest.raises(ValueError, match="channels=2"):
        read_picture(tmp_path / "cells.tif", 2)


def test_paths_without_masks_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder at"):
        capszoo.data.load_cases(tmp_path / "none")
    (tmp_path / "cats").mkdir()
    for function in (capszoo.data.load, capszoo.data.class_names, capszoo.data.example_shape):
        with pytest.raises(ValueError, match=r"has masks.*images/ and masks/.*imagesTr/"):
            function(tmp_path, kind="masks")
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    with pytest.raises(ValueError, match=r"Expected files in .*images"):
        capszoo.data.load(tmp_path)


def test_two_cases_are_too_few_to_carve_from(tmp_path):
    with pytest.raises(ValueError, match=r"Too few cases in .* to make a validation split"):
        capszoo.data.load(draw(tmp_path, names="ab"))


@pytest.fixture
def scans(tmp_path):
    """Four scans of two sizes in two orientations, ten times as bright as their label maps."""
    nibabel = pytest.importorskip("nibabel", reason="needs nibabel: the extra `medical`")
    random = np.random.default_rng(0)
    for number in range(4):
        labels = random.integers(0, 3, (6, 7, 5 + number % 2), dtype="uint8")
        affine = np.diag([(-1) ** number, 1, 1, 1])
        for part, array in (("imagesTr", labels * 10.0 + number), ("labelsTr", labels)):
            (tmp_path / part).mkdir(exist_ok=True)
            file = tmp_path / part / f"case_{number}.nii.gz"
            nibabel.save(nibabel.Nifti1Image(array, affine), file)
    return tmp_path


def test_scans_lie_under_their_label_maps(scans):
    assert capszoo.data.example_shape(scans) == (6, 7, 6, 1)
    assert capszoo.data.class_names(scans) == ["0", "1", "2"]
    assert [len(names) for names in names_of(scans).values()] == [2, 1, 1]
    for split in SPLITS:
        for case in capszoo.data.load_cases(scans, split):
            number = int(case.name[-1])
            np.testing.assert_array_equal(case.image[..., 0], case.mask * 10.0 + number)
            assert np.all(np.diag(case.affine) > 0)
        images, masks = capszoo.data.load(scans, split, kind="masks")
        assert (images.shape[1:], masks.shape[1:]) == ((6, 7, 6, 1), (6, 7, 6))
        assert images.dtype == np.float32


def test_scans_of_a_test_set_and_what_is_wrong_with_some(scans):
    nibabel = pytest.importorskip("nibabel")
    for part in ("images", "labels"):
        (scans / f"{part}Ts").mkdir()
        (scans / f"{part}Tr" / "case_3.nii.gz").rename(scans / f"{part}Ts" / "case_3.nii.gz")
        (scans / f"{part}Tr" / "._case_0.nii.gz").write_bytes(b"")
    assert names_of(scans)["test"] == ["case_3"]
    (scans / "dataset.json").write_text('{"labels": {"0": "background", "1": "a"}}')
    with pytest.raises(ValueError, match=r"from 0 to 1 in .*case_3.*Received: 2 in"):
        capszoo.data.load(scans, "test")
    (scans / "dataset.json").unlink()
    flat = scans / "imagesTr" / "case_1.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.zeros((6, 7)), np.eye(4)), flat)
    with pytest.raises(ValueError, match=r"Expected a volume .*case_1.*Received: \(6, 7\)"):
        capszoo.data.load(scans)
    flat.unlink()
    with pytest.raises(ValueError, match=r"case_1 in labelsTr/ and not in imagesTr/"):
        capszoo.data.load(scans)


def test_scans_of_long_voxels_are_warned_of(scans):
    nibabel = pytest.importorskip("nibabel")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        capszoo.data.load(scans, "test")
    for part in ("imagesTr", "labelsTr"):
        for path in (scans / part).iterdir():
            array = np.asarray(nibabel.load(path).dataobj)
            nibabel.save(nibabel.Nifti1Image(array, np.diag([1, 1, 4, 1])), path)
    with pytest.warns(UserWarning, match="are no cubes"):
        assert capszoo.data.load_cases(scans, "test")[0].spacing == (1, 1, 4)
