"""How parts agree between pictures: against loops, and what is refused."""

import itertools

import numpy as np
import pytest

from capszoo.metrics import explained_by_parts
from capszoo.metrics import grid_labels
from capszoo.metrics import part_overlap
from tests.once import ONCE

pytestmark = ONCE
LABELS = np.random.default_rng(0).integers(0, 3, size=(5, 4, 6))
GROUPS = np.array([0, 1, 0, 2, 1])


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_overlap_pair_by_pair(groups):
    labels = LABELS.copy()
    labels[0][labels[0] == 2] = 1  # The first picture has no part 2.
    expected = np.zeros(3)
    for part in range(3):
        found = []
        for a, b in itertools.combinations(range(5), 2):
            if groups is None or groups[a] != groups[b]:
                one, other = labels[a] == part, labels[b] == part
                found.append((one & other).sum() / (one | other).sum())
        expected[part] = np.mean(found)
    np.testing.assert_allclose(part_overlap(labels, 3, groups), expected)


def test_a_fixed_grid_overlaps_wholly_and_what_nobody_has_is_no_number():
    grid = np.stack([grid_labels((8, 8), 4)] * 3)
    found = part_overlap(grid, 5)
    np.testing.assert_array_equal(found[:4], 1)
    assert np.isnan(found[4])


def test_explained_part_by_part():
    pictures = np.random.default_rng(1).normal(size=(5, 4, 6, 2))
    left = whole = 0
    for picture, labels in zip(pictures, LABELS, strict=True):
        whole += ((picture - picture.mean(axis=(0, 1))) ** 2).sum()
        for part in range(3):
            pixels = picture[labels == part]
            left += ((pixels - pixels.mean(axis=0)) ** 2).sum()
    assert explained_by_parts(pictures, LABELS, 3) == pytest.approx(1 - left / whole)
    assert explained_by_parts(np.ones((5, 4, 6, 1)), LABELS, 3) == 0


@pytest.mark.parametrize("cells", [1, 2, 5, 6, 16])
def test_a_grid_has_cells_of_nearly_one_size(cells):
    labels = grid_labels((64, 64), cells)
    sizes = np.bincount(labels.ravel(), minlength=cells)
    assert len(sizes) == cells
    assert sizes.min() > 0.45 * 64 * 64 / cells
    assert sizes.max() < 1.7 * 64 * 64 / cells


def test_refused():
    with pytest.raises(ValueError, match="integers"):
        part_overlap(LABELS.astype(float), 3)
    with pytest.raises(ValueError, match="from 0 to 1"):
        part_overlap(LABELS, 2)
    with pytest.raises(ValueError, match="one group for each"):
        part_overlap(LABELS, 3, GROUPS[:2])
    with pytest.raises(ValueError, match="no pair"):
        part_overlap(LABELS, 3, np.zeros(5))
    with pytest.raises(ValueError, match="a label for each pixel"):
        explained_by_parts(np.zeros((5, 4, 4, 1)), LABELS, 3)
    with pytest.raises(ValueError, match="cells fit in"):
        grid_labels((2, 2), 16)
