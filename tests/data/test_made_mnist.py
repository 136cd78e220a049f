"""Affine MNIST and MultiMNIST, made of a small set that stands for MNIST."""

import numpy as np
import pytest

import capszoo
from capszoo.data.affine import affine_matrix
from capszoo.data.affine import warp
from capszoo.data.affine_mnist import deformed
from tests.once import ONCE

pytestmark = ONCE


@pytest.fixture
def folder(tmp_path):
    """MNIST of a few bright bars, each class a column of its own; no two pictures are equal."""
    arrays = {}
    for part, count in (("train", 200), ("test", 50)):
        labels = np.arange(count) % 10
        images = np.zeros((count, 28, 28), "uint8")
        for number, label in enumerate(labels):
            images[number, 6:22, 4 + 2 * label] = 100 + number % 100
        arrays |= {f"x_{part}": images, f"y_{part}": labels}
    np.savez(tmp_path / "mnist.npz", **arrays)
    return tmp_path


def test_affine_trains_on_moved_digits_alone(folder):
    images, labels = capszoo.data.load("affine_mnist", "train", folder)
    originals, expected = capszoo.data.load("mnist", "train", folder)
    assert images.shape == (180, 40, 40, 1)
    np.testing.assert_array_equal(labels, expected)
    corners = set()
    for image, original in zip(images, originals, strict=True):
        (rows, columns), (own_rows, own_columns) = (
            np.nonzero(one[..., 0]) for one in (image, original)
        )
        moved = rows[0] - own_rows[0], columns[0] - own_columns[0]
        corners.add(moved)
        np.testing.assert_array_equal(rows - moved[0], own_rows)
        np.testing.assert_array_equal(columns - moved[1], own_columns)
        np.testing.assert_array_equal(image[rows, columns], original[own_rows, own_columns])
    assert {one for corner in corners for one in corner} == set(range(13))
    again, _ = capszoo.data.load("affine_mnist", "train", folder)
    np.testing.assert_array_equal(again, images)


def test_affine_tests_on_deformed_digits_whole_on_the_canvas(folder):
    images, _ = capszoo.data.load("affine_mnist", "test", folder)
    originals, _ = capszoo.data.load("mnist", "test", folder)
    ink = originals.sum(axis=(1, 2, 3), dtype="int64")
    found = images.sum(axis=(1, 2, 3), dtype="int64")
    # The area grows by 0.8 * 0.8 to 1.2 * 1.2, and nothing is cut off.
    assert (found > 0.6 * ink).all()
    assert (found < 1.5 * ink).all()
    # A bar is 16 high: scaled, and turned by 20 degrees at most, sheared by a fifth.
    heights = [np.ptp(np.nonzero(image)[0]) + 1 for image in images]
    assert min(heights) >= 11
    assert max(heights) <= 22


def test_no_ink_is_lost_by_the_largest_deformation():
    square = np.zeros((28, 28, 1), "uint8")
    square[4:24, 4:24] = 255
    for seed in range(30):
        image = deformed(square, np.random.default_rng(seed))
        # As much as the matrix says, whose determinant is that of the scales.
        assert 0.62 * 400 < image.sum() / 255 < 1.46 * 400


def test_two_digits(folder):
    images, labels = capszoo.data.load("multi_mnist", "test", folder)
    assert images.shape == (50, 36, 36, 1)
    assert labels.shape == (50, 10)
    np.testing.assert_array_equal(labels.sum(axis=1), 2)
    _, first = capszoo.data.load("mnist", "test", folder)
    assert labels[np.arange(50), first].all()
    # Bars of 16 pixels, brightness 100 to 149 each: both are there, added where they meet.
    assert (images.sum(axis=(1, 2, 3)) >= 16 * 200).all()
    assert (images.max(axis=(1, 2, 3)) <= 255).all()
    model = capszoo.models.CapsNet(
        (36, 36, 1), conv_filters=4, primary_types=2, decoder=None, num_objects=2
    )
    model.compile()
    assert 0 <= model.evaluate(images[:4], labels[:4], verbose=0, return_dict=True)["accuracy"] <= 1


@pytest.mark.parametrize("move", [(0, 3), (-2, 0), (4, -5)])
def test_whole_pixels_are_slices(move):
    image = np.random.default_rng(0).uniform(size=(9, 12, 2))
    down, right = move
    expected = np.full_like(image, 7.0)
    expected[max(down, 0) : 9 + min(down, 0), max(right, 0) : 12 + min(right, 0)] = image[
        max(-down, 0) : 9 - max(down, 0), max(-right, 0) : 12 - max(right, 0)
    ]
    np.testing.assert_allclose(warp(image, shift=move, fill=7.0), expected, atol=1e-12)


def test_matrices_do_what_they_say():
    image = np.random.default_rng(0).uniform(size=(7, 7, 1))
    np.testing.assert_allclose(warp(image, affine_matrix(rotation=90)), np.rot90(image), atol=1e-6)
    dot = np.zeros((9, 9, 1))
    dot[6, 4] = 1
    # Two rows below the middle, half a column a row: one column to the right.
    assert warp(dot, affine_matrix(shear=0.5))[6, 5] == pytest.approx(1)
    assert warp(dot, affine_matrix(scale=(2, 1)))[8, 4] == pytest.approx(1)
