"""Scans and label maps in NIfTI files, in any orientation; what is wrong with them is named."""

import sys

import numpy as np
import pytest

import capszoo
from capszoo.data import decathlon
from capszoo.data.nifti import read_labels
from capszoo.data.nifti import read_volume
from capszoo.data.nifti import warn_of_spacing
from tests.once import ONCE

nibabel = pytest.importorskip("nibabel", reason="needs nibabel: the extra `medical`")
pytestmark = ONCE
# From indices of a file to millimetres: voxels of 1 x 1.2 x 0.9 mm, somewhere.
AFFINE = np.array([[1.0, 0, 0, -3], [0, 1.2, 0, 7], [0, 0, 0.9, 4], [0, 0, 0, 1]])


def write(path, array, affine=AFFINE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array, affine), path)
    return path


def scan(seed=0, shape=(4, 5, 6)):
    return np.random.default_rng(seed).normal(100, 30, shape).astype("float32")


def turned(array, axes, flips):
    """An array as a scanner of another orientation stores it, and the affine that says so."""
    affine = AFFINE[:, [*axes, 3]].copy()
    array = array.transpose(axes)
    for axis, flip in enumerate(flips):
        if flip:
            affine[:, 3] += affine[:, axis] * (array.shape[axis] - 1)
            affine[:, axis] *= -1
            array = np.flip(array, axis)
    return array, affine


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("flips", [(0, 0, 0), (1, 1, 0), (0, 1, 1)])
def test_every_orientation_becomes_one(tmp_path, axes, flips):
    voxels = scan()
    read = read_volume(write(tmp_path / "a.nii.gz", *turned(voxels, axes, flips)))
    np.testing.assert_array_equal(read.array, voxels[..., None])
    np.testing.assert_allclose(read.affine, AFFINE, atol=1e-6)
    np.testing.assert_allclose(read.spacing, (1, 1.2, 0.9), rtol=1e-6)
    labels = (voxels > 100).astype("int16")
    mask = read_labels(write(tmp_path / "b.nii", *turned(labels, axes, flips)))
    np.testing.assert_array_equal(mask.array, labels)
    assert mask.array.dtype == np.uint8


def test_a_scan_and_its_mask_may_be_stored_in_two_orientations(tmp_path):
    voxels, labels = scan(), (scan() > 100).astype("uint8")
    files = (
        write(tmp_path / "image.nii", *turned(voxels, (1, 2, 0), (1, 0, 1))),
        write(tmp_path / "label.nii", *turned(labels, (0, 1, 2), (1, 1, 0))),
    )
    case = decathlon.read_case("a", *files)
    np.testing.assert_array_equal(case.image[..., 0], voxels)
    np.testing.assert_array_equal(case.mask, labels)


def test_channels_of_a_volume_stay_last(tmp_path):
    voxels = scan(shape=(4, 5, 6, 2))
    assert read_volume(write(tmp_path / "a.nii", voxels)).array.shape == (4, 5, 6, 2)


def test_labels_in_floats_are_labels(tmp_path):
    labels = np.float32(scan() > 100)
    np.testing.assert_array_equal(read_labels(write(tmp_path / "a.nii", labels)).array, labels)


@pytest.mark.parametrize("value", [-1, 0.5, 3, 256, np.nan])
def test_labels_that_are_no_classes_are_named(tmp_path, value):
    labels = np.zeros((4, 5, 6), "float32")
    labels[1, 2, 3] = value
    path = write(tmp_path / "a.nii", labels)
    with pytest.raises(ValueError, match=rf"from 0 to 2 in .*a\.nii.*Received: {value:g} in 1 vox"):
        read_labels(path, num_classes=3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_voxels_that_are_no_numbers_are_named(tmp_path, value):
    voxels = scan()
    voxels[0, 0, :2] = value
    with pytest.raises(ValueError, match=r"NaN or infinite.*Received: 2 of 120 voxels"):
        read_volume(write(tmp_path / "a.nii", voxels))


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 6, 2, 2)])
def test_a_slice_is_no_volume(tmp_path, shape):
    path = write(tmp_path / "a.nii", np.zeros(shape, "float32"))
    with pytest.raises(ValueError, match=r"Expected a volume of shape .*a\.nii.*Received: \(4, 5"):
        read_volume(path)


def test_voxels_that_are_no_cubes_or_differ_are_warned_of():
    warn_of_spacing({"a": (1, 1, 1.2), "b": (0.9, 1.1, 1.2)})
    with pytest.warns(UserWarning, match=r"of b \(1 x 1 x 3 mm\) are no cubes, and those of 1 oth"):
        warn_of_spacing({"a": (1, 1, 1), "b": (1, 1, 3), "c": (1, 1, 3)})
    with pytest.warns(UserWarning, match=r"of b \(0\.5 .*\) and of a \(1 x .*\) differ in size"):
        warn_of_spacing({"a": (1, 1, 1), "b": (0.5, 0.5, 0.5)})


def test_damaged_and_missing_files_are_named(tmp_path):
    path = write(tmp_path / "a.nii.gz", scan(shape=(20, 20, 20)))
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(ValueError, match=r"Cannot read .*a\.nii\.gz"):
        read_volume(path)
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"Cannot read .*a\.nii\.gz as a NIfTI file"):
        read_volume(path)
    with pytest.raises(FileNotFoundError, match=r"no NIfTI file at .*b\.nii"):
        read_volume(tmp_path / "b.nii")


def test_a_mask_of_another_size_or_place_is_named(tmp_path):
    image = write(tmp_path / "image.nii", scan())
    labels = write(tmp_path / "label.nii", np.zeros((4, 5, 7), "uint8"))
    with pytest.raises(ValueError, match=r"one size.*\(4, 5, 6\) and .*label.nii of \(4, 5, 7\)"):
        decathlon.read_case("a", image, labels)
    labels = write(tmp_path / "label.nii", np.zeros((4, 5, 6), "uint8"), np.eye(4))
    with pytest.raises(ValueError, match=r"lie on each other.*7\.8 mm apart"):
        decathlon.read_case("a", image, labels)


@pytest.mark.parametrize(
    "labels", ['{"0": "background", "1": "tumour"}', '{"background": 0, "tumour": 1}']
)
def test_class_names_of_a_description(tmp_path, labels):
    assert decathlon.class_names(tmp_path) is None
    (tmp_path / "dataset.json").write_text(f'{{"labels": {labels}}}')
    assert decathlon.class_names(tmp_path) == ["background", "tumour"]
    (tmp_path / "dataset.json").write_text('{"labels": {"1": "a", "2": "b"}}')
    with pytest.raises(ValueError, match="numbered from 0"):
        decathlon.class_names(tmp_path)


def test_without_nibabel_the_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(ImportError, match=r'pip install "capszoo\[medical\]"'):
        read_volume(tmp_path / "a.nii")


def test_hippocampus_is_whole_or_refused(tmp_path):
    for part in ("imagesTr", "labelsTr"):
        write(tmp_path / "hippocampus" / part / "a.nii.gz", np.zeros((4, 5, 6), "uint8"))
    with pytest.raises(ValueError, match="260 cases"):
        capszoo.data.load("hippocampus", data_dir=tmp_path)
