"""`capszoo predict` with models that segment: label maps that lie on scans, masks and overlays."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import capszoo
from capszoo.data.label_files import write_label_map
from capszoo.data.label_files import write_mask
from capszoo.data.label_files import write_overlay
from capszoo.data.mask_pictures import read_labels
from capszoo.models.registry import FAMILIES
from tests.models import tiny_segmenter
from tests.once import ONCE

pytestmark = [
    ONCE,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
NAMES = {2: ["nothing", "cell"], 3: ["nothing", "front", "back"]}


@pytest.fixture
def preset(tmp_path, monkeypatch):
    """Saves the smallest segmenter of a rank as a preset of a family; gives it with its model."""
    monkeypatch.setattr(FAMILIES, "items", dict(FAMILIES.items))

    def make(rank):
        cls = tiny_segmenter.SEGMENTERS[rank]
        capszoo.models.register_family(f"tiny_{rank}d")(cls)
        model, folder = cls(name=f"tiny_{rank}d"), tmp_path / f"preset_{rank}"
        data = {"name": "digit_scenes", "class_names": NAMES[rank]}
        capszoo.zoo.save(model, folder, data=data)
        return folder, model

    return make


@pytest.fixture
def refused(run):
    def refused(*arguments):
        code, out, err = run("predict", *arguments)
        assert (code, out) == (2, ""), out + err
        return " ".join(err.split())

    return refused


@pytest.fixture
def scan(tmp_path):
    """A scan of two channels as a scanner may store it, its axes exchanged and reversed."""
    nibabel = pytest.importorskip("nibabel", reason="needs nibabel: the extra `medical`")
    affine = np.array([[0, -1.0, 0, 5], [0, 0, 1.2, 6], [-0.9, 0, 0, 7], [0, 0, 0, 1]])
    voxels = np.random.default_rng(0).integers(0, 2000, (7, 5, 9, 2)).astype("int16")
    image = nibabel.Nifti1Image(voxels, affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code="scanner")
    nibabel.save(image, tmp_path / "scan.nii.gz")
    return tmp_path / "scan.nii.gz"


def test_a_label_map_lies_on_its_scan(run, preset, scan, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    folder, model = preset(3)
    code, out, err = run("predict", folder, scan, "--output", "out.nii.gz", "--json")
    assert code == 0, err
    of_scan, written = nibabel.load(scan), nibabel.load(tmp_path / "out.nii.gz")
    assert written.shape == of_scan.shape[:3]
    assert written.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(written.affine, of_scan.affine)
    for key in ("sform_code", "qform_code", "xyzt_units"):
        assert written.header[key] == of_scan.header[key]
    np.testing.assert_allclose(written.header.get_zooms(), (0.9, 1, 1.2), rtol=1e-6)
    # Turned by hand to RAS: the file's second axis goes left, its third forth, its first down.
    voxels = np.asarray(of_scan.dataobj)[::-1, ::-1].transpose(1, 2, 0, 3)
    (labels,) = model.segment([voxels.astype("float32")])
    back = labels.transpose(2, 0, 1)[::-1, ::-1]
    np.testing.assert_array_equal(np.asarray(written.dataobj), back)
    (found,) = json.loads(out)
    counts = np.bincount(labels.ravel(), minlength=3).tolist()
    assert list(found["voxels"].items()) == list(zip(NAMES[3], counts, strict=True))
    assert found["milliliters"]["back"] == pytest.approx(counts[2] * 0.00108, abs=1e-4)
    assert found["size"] == [5, 9, 7]
    assert found["written"] == ["out.nii.gz"]


def test_scans_of_a_folder_go_to_a_folder(run, preset, scan, tmp_path):
    folder, _ = preset(3)
    (tmp_path / "scans" / "more").mkdir(parents=True)
    shutil.copy(scan, tmp_path / "scans" / "a.nii.gz")
    shutil.copy(scan, tmp_path / "scans" / "more" / "b.nii.gz")
    (tmp_path / "scans" / "broken.nii").write_bytes(b"x")
    (tmp_path / "scans" / "._a.nii.gz").write_bytes(b"x")
    code, out, err = run("predict", folder, "scans", "--output", "maps")
    assert code == 0, err
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == ["a.nii.gz", "b.nii.gz"]
    assert "Left out: Cannot read scans/broken.nii as a NIfTI file" in err
    assert "2 volumes: maps" in err
    assert "scans/a.nii.gz" in out
    assert " ml" in out
    code, out, _ = run("predict", folder, scan)
    assert code == 0
    assert "5 x 9 x 7" in out


def test_a_picture_gives_a_mask_and_an_overlay(run, preset, tmp_path):
    folder, model = preset(2)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 13), dtype="uint8")
    for name in ("a.png", "b.tif"):
        Image.fromarray(pixels).save(tmp_path / name)
    code, out, err = run("predict", folder, "a.png", "b.tif", "--output", "found", "--json")
    assert code == 0, err
    assert sorted(path.name for path in (tmp_path / "found").iterdir()) == [
        "a_mask.png",
        "a_overlay.png",
        "b_mask.png",
        "b_overlay.png",
    ]
    (labels,) = model.segment([pixels[..., None]])
    assert 0 < labels.mean() < 1
    np.testing.assert_array_equal(read_labels(tmp_path / "found" / "a_mask.png"), labels)
    assert json.loads(out)[1]["pixels"]["cell"] == labels.sum()
    overlay = np.asarray(Image.open(tmp_path / "found" / "a_overlay.png"))
    np.testing.assert_array_equal(overlay[labels == 0], pixels[labels == 0][:, None].repeat(3, 1))

    code, out, _ = run("predict", folder, "a.png", "--output", "one.png", "--invert")
    assert code == 0
    assert f"{model.segment([255 - pixels[..., None]])[0].mean():.2%}" in out
    assert (tmp_path / "one_overlay.png").is_file()
    inverted = np.asarray(Image.open(tmp_path / "one_overlay.png"))
    mask = read_labels(tmp_path / "one.png")
    np.testing.assert_array_equal(inverted[mask == 0], pixels[mask == 0][:, None].repeat(3, 1))


def test_what_cannot_be_done_is_said_before_anything_is_written(refused, preset, scan, tmp_path):
    pictures, _ = preset(2)
    volumes, _ = preset(3)
    Image.new("L", (9, 9)).save(tmp_path / "a.png")
    (tmp_path / "deep").mkdir()
    Image.new("L", (9, 9)).save(tmp_path / "deep" / "a.png")
    before = sorted(tmp_path.rglob("*"))
    assert "scans, volumes that end in .nii.gz, .nii. Received: a.png" in refused(volumes, "a.png")
    assert "files of pictures" in refused(pictures, scan)
    assert "no file at none.png" in refused(pictures, "none.png")
    assert "--invert is for pictures" in refused(volumes, scan, "--invert")
    assert "no file that ends in .nii.gz, .nii at deep" in refused(volumes, "deep")
    for words, message in (
        ((pictures, "a.png", "--output", "x.nii.gz"), "file that ends in .png. Received: x.nii.gz"),
        ((pictures, "a.png", "--output", "x.csv"), "file that ends in .png"),
        ((volumes, scan, "--output", "x.png"), "ends in .nii.gz, .nii. Received: x.png"),
        ((volumes, scan, scan, "--output", "x.nii"), "to be a folder, for 2 files: x.nii"),
        ((volumes, scan, "--output", scan), "scan.nii.gz is to be read, and would be lost"),
        ((volumes, scan, "--output", tmp_path), "scan.nii.gz is to be read, and would be lost"),
        ((pictures, "a.png", "deep/a.png", "--output", "x"), "two would be written to"),
        ((pictures, "a.png", "--output", "no/where"), "in a folder that exists: no/where"),
        ((pictures, "a.png", "--output", "no/where.png"), "in a folder that exists: no/where.png"),
    ):
        assert message in refused(*words)
    assert sorted(tmp_path.rglob("*")) == before


def test_scans_that_a_model_does_not_take_are_named(refused, preset, tmp_path):
    nibabel = pytest.importorskip("nibabel", reason="needs nibabel: the extra `medical`")
    volumes, _ = preset(3)
    path = tmp_path / "flat.nii"
    for shape, message in (
        ((5, 6), "flat.nii, of more than one slice along each axis. Received: (5, 6)"),
        ((5, 6, 7), "flat.nii: Expected volumes of shape (depth, height, width, channels), of any"),
    ):
        nibabel.save(nibabel.Nifti1Image(np.zeros(shape, "float32"), np.eye(4)), path)
        assert message in refused(volumes, path, "--output", "x.nii")
    voxels = np.full((5, 6, 7, 2), np.nan, "float32")
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), path)
    assert "Received: 420 of 420 voxels" in refused(volumes, path, "--output", "x.nii")
    assert not (tmp_path / "x.nii").exists()


def test_rims_are_solid_and_areas_tinted(tmp_path):
    labels = np.zeros((7, 7), int)
    labels[1:6, 1:6] = 2
    write_overlay(tmp_path / "o.png", np.full((7, 7, 1), 100, "uint8"), labels)
    overlay = np.asarray(Image.open(tmp_path / "o.png"))
    assert overlay[0, 0].tolist() == [100, 100, 100]
    assert overlay[1, 3].tolist() == [86, 180, 233]
    assert overlay[3, 3].tolist() == [95, 128, 147]  # 100 + 0.35 (colour - 100)


def test_maps_of_other_sizes_and_endings_are_refused(scan, tmp_path):
    with pytest.raises(ValueError, match=r"size of the scan .*\(7, 5, 9\) in its file"):
        write_label_map(tmp_path / "x.nii", np.zeros((5, 9, 8)), scan)
    with pytest.raises(ValueError, match=r"ends in \.nii\.gz or \.nii"):
        write_label_map(tmp_path / "x.mgz", np.zeros((5, 9, 7)), scan)
    with pytest.raises(OSError, match="none"):
        write_mask(tmp_path / "none" / "x.png", np.zeros((2, 2)))
