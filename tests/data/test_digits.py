"""The embedded digits: sizes, and that the fixed split stays what it is."""

import hashlib

import numpy as np
import pytest

import capszoo.data

SIZES = {"train": 1149, "validation": 288, "test": 360}
# First 16 hexadecimal digits of the SHA-256 of pictures and labels. A preset's results are only
# comparable while these hold.
FINGERPRINTS = {
    "train": "9c541d1c4a5f66bf",
    "validation": "840e9079b426db1e",
    "test": "99ac20baf448e93e",
}


def fingerprint(images, labels):
    return hashlib.sha256(images.tobytes() + labels.astype("<i8").tobytes()).hexdigest()[:16]


@pytest.mark.parametrize("split", SIZES)
def test_sizes_types_and_range(split):
    images, labels = capszoo.data.load("digits", split)
    assert images.shape == (SIZES[split], 8, 8, 1)
    assert images.dtype == np.uint8
    assert (images.min(), images.max()) == (0, 255)
    assert labels.shape == (SIZES[split],)
    assert labels.dtype == np.int64


def test_splits_are_disjoint_and_complete():
    from sklearn.datasets import load_digits

    images = np.concatenate([capszoo.data.load("digits", split)[0] for split in SIZES])
    unique = {image.tobytes() for image in images}
    original = load_digits().images
    assert len(images) == len(unique) == len(original) == 1797
    expected = {np.rint(image * 255 / 16).astype("uint8").tobytes() for image in original}
    assert unique == expected


@pytest.mark.parametrize("split", SIZES)
def test_split_is_stratified(split):
    _, labels = capszoo.data.load("digits", split)
    shares = np.bincount(labels, minlength=10) / len(labels)
    # scikit-learn's classes have 174 to 183 of 1,797 pictures.
    assert np.all(np.abs(shares - 0.1) < 0.006)


@pytest.mark.parametrize("split", SIZES)
def test_split_is_fixed(split):
    assert fingerprint(*capszoo.data.load("digits", split)) == FINGERPRINTS[split]


def test_values_are_scaled_by_rounding():
    images, _ = capszoo.data.load("digits")
    assert set(np.unique(images)) == {round(value * 255 / 16) for value in range(17)}
