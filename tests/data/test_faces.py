"""The Olivetti faces: nobody stands on two sides, and files that are not theirs are refused."""

import os
from pathlib import Path

import numpy as np
import pytest

import capszoo.data
from tests.once import ONCE

pytestmark = ONCE


def write(folder, persons=None, **arrays):
    persons = np.repeat(np.arange(40), 10) if persons is None else persons
    images = np.zeros((400, 64, 64, 1), "uint8")
    images[:, 0, 0, 0] = persons
    np.savez(folder / "olivetti.npz", **{"images": images, "person": persons, **arrays})


def test_divided_by_persons_whatever_their_order(tmp_path):
    persons = np.random.default_rng(0).permutation(np.repeat(np.arange(40), 10))
    write(tmp_path, persons)
    for split, expected in (
        ("train", range(28)),
        ("validation", range(28, 32)),
        ("test", range(32, 40)),
    ):
        images, labels = capszoo.data.load("olivetti", split, data_dir=tmp_path)
        np.testing.assert_array_equal(images[:, 0, 0, 0], labels)
        np.testing.assert_array_equal(np.sort(labels), np.repeat(list(expected), 10))
        assert (images.dtype, labels.dtype) == (np.uint8, np.int64)


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({"images": np.zeros((400, 64, 64), "uint8")}, r"uint8 of shape \(400, 64, 64, 1\)"),
        ({"images": np.zeros((400, 64, 64, 1))}, "Received: float64"),
        ({"person": np.zeros(400, int)}, "each of the persons 0 to 39 10 times"),
        ({"person": np.zeros(3, int)}, r"Received: int64 of shape \(3,\)"),
    ],
)
def test_other_files_are_refused(arrays, match, tmp_path):
    write(tmp_path, **arrays)
    with pytest.raises(ValueError, match=match):
        capszoo.data.load("olivetti", data_dir=tmp_path)


def test_missing_and_damaged_files(tmp_path, monkeypatch):
    monkeypatch.delenv("CAPSZOO_DATA_DIR", raising=False)
    with pytest.raises(FileNotFoundError, match="AT&T"):
        capszoo.data.load("olivetti")
    with pytest.raises(FileNotFoundError, match=r"olivetti\.npz"):
        capszoo.data.load("olivetti", data_dir=tmp_path)
    (tmp_path / "olivetti.npz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="Cannot read"):
        capszoo.data.load("olivetti", data_dir=tmp_path)
    np.savez(tmp_path / "olivetti.npz", pictures=np.zeros(3))
    with pytest.raises(ValueError, match="arrays images and person"):
        capszoo.data.load("olivetti", data_dir=tmp_path)


def test_the_real_faces():
    folder = os.environ.get("CAPSZOO_DATA_DIR")
    if not folder or not (Path(folder) / "olivetti.npz").is_file():
        pytest.skip("olivetti.npz is not in the folder named by CAPSZOO_DATA_DIR")
    sizes = [len(capszoo.data.load("olivetti", split)[0]) for split in ("train", "test")]
    assert sizes == [280, 80]
