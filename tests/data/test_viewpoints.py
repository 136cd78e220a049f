"""Views of smallNORB that are familiar, and those that are novel."""

import numpy as np
import pytest

import capszoo
from tests.once import ONCE

pytestmark = ONCE


@pytest.fixture
def stored(tmp_path):
    """All 162 views of one toy a category, pictures that tell them apart."""
    elevation, azimuth, label = (
        part.ravel() for part in np.meshgrid(range(9), range(18), range(5))
    )
    arrays = {}
    for part in ("train", "test"):
        images = np.zeros((len(label), 48, 48, 2), "uint8")
        images[:, 0, 0, 0], images[:, 0, 1, 0], images[:, 0, 2, 0] = elevation, azimuth, label
        arrays |= {f"x_{part}": images, f"y_{part}": label, f"instance_{part}": label * 0}
        info = np.stack([label * 0, elevation, 2 * azimuth, label * 0], axis=1)
        arrays[f"info_{part}"] = info.astype("uint8")
    arrays["instance_train"][::2] = 1
    np.savez(tmp_path / "smallnorb.npz", **arrays)
    return tmp_path, arrays


@pytest.mark.parametrize(
    ("axis", "column", "familiar"),
    [("azimuths", 1, {0, 1, 2, 15, 16, 17}), ("elevations", 0, {0, 1, 2})],
)
def test_views(stored, axis, column, familiar):
    folder, _ = stored
    found = {}
    for known in ("familiar", "novel"):
        images, labels = capszoo.data.load(
            "smallnorb", "test", folder, viewpoints=f"{known}_{axis}"
        )
        np.testing.assert_array_equal(images[:, 0, 2, 0], labels)
        found[known] = images[:, 0, column, 0]
    assert set(found["familiar"]) == familiar
    # A third is familiar, as in the paper: 8,100 of 24,300, and 16,200 novel.
    assert len(found["novel"]) == 2 * len(found["familiar"]) == 2 * 9 * 18 * 5 // 3
    assert not set(found["novel"]) & familiar


def test_training_pictures_are_chosen_before_some_are_held_out(stored):
    folder, _ = stored
    chosen = {"viewpoints": "familiar_azimuths", "hold_out": "tenth"}
    parts = [
        capszoo.data.load("smallnorb", split, folder, **chosen)[0]
        for split in ("train", "validation")
    ]
    assert [len(part) for part in parts] == [243, 27]
    assert all(set(part[:, 0, 1, 0]) <= {0, 1, 2, 15, 16, 17} for part in parts)


def test_refused(stored, tmp_path):
    folder, arrays = stored
    with pytest.raises(ValueError, match=r"`viewpoints`: 'above'. Expected one of: all, familiar_"):
        capszoo.data.load("smallnorb", "test", folder, viewpoints="above")
    for wrong in ({}, {"info_train": arrays["info_train"][:, :2]}):
        kept = {key: value for key, value in arrays.items() if key != "info_train"} | wrong
        np.savez(folder / "smallnorb.npz", **kept)
        with pytest.raises(ValueError, match="info_train"):
            capszoo.data.load("smallnorb", "test", folder, viewpoints="novel_azimuths")
        assert len(capszoo.data.load("smallnorb", "test", folder)[0]) == 810
