"""The 95 % Hausdorff distance against all pairs of border positions."""

import numpy as np
import pytest

from capszoo.metrics import hausdorff_distance_95
from tests.once import ONCE

pytestmark = ONCE


def by_hand(true, predicted, spacing):
    def border(region):
        places = []
        for place in map(tuple, np.argwhere(region)):
            for axis in range(region.ndim):
                for step in (-1, 1):
                    other = list(place)
                    other[axis] += step
                    inside = 0 <= other[axis] < region.shape[axis]
                    if not inside or not region[tuple(other)]:
                        places.append(place)
        return np.array(sorted(set(places))) * spacing

    one, other = border(true), border(predicted)
    distances = np.linalg.norm(one[:, None] - other[None], axis=-1)
    return max(np.percentile(distances.min(axis), 95) for axis in (0, 1))


@pytest.mark.parametrize(
    ("shape", "spacing"), [((9, 8), (1.0, 1.0)), ((7, 6, 5), (2.0, 0.5, 1.25))]
)
def test_against_all_pairs(shape, spacing, rng):
    grid = np.indices(shape)
    for _ in range(3):
        middles = rng.uniform(2, 4, size=(2, len(shape)))
        true, predicted = (
            sum((axis - place) ** 2 for axis, place in zip(grid, middle, strict=True)) < 6
            for middle in middles
        )
        predicted[(0,) * len(shape)] = True  # an outlier
        found = hausdorff_distance_95(true, predicted.astype("uint8"), spacing)
        assert found == pytest.approx(by_hand(true, predicted, np.array(spacing)))
    assert hausdorff_distance_95(true, true, spacing) == 0


def test_empty_regions():
    empty, full = np.zeros((3, 3), bool), np.ones((3, 3), bool)
    assert hausdorff_distance_95(empty, empty, (1, 1)) == 0
    assert hausdorff_distance_95(empty, full, (1, 1)) == np.inf
    assert hausdorff_distance_95(full, empty, (1, 1)) == np.inf


@pytest.mark.parametrize(
    ("true", "predicted", "spacing", "match"),
    [
        (np.zeros((3, 3)), np.zeros((3, 4)), (1, 1), "one shape"),
        (np.zeros((3, 3)), np.full((3, 3), 2), (1, 1), "`predicted` to be a region"),
        (np.full((3, 3), np.nan), np.zeros((3, 3)), (1, 1), "`true` to be a region"),
        (np.zeros((3, 3)), np.zeros((3, 3)), (1, 1, 1), "each of 2 axes"),
        (np.zeros((3, 3)), np.zeros((3, 3)), (1, 0), "positive `spacing`"),
        (np.zeros((3, 3)), np.zeros((3, 3)), (1, np.nan), "spacing"),
    ],
)
def test_refused(true, predicted, spacing, match):
    with pytest.raises(ValueError, match=match):
        hausdorff_distance_95(true, predicted, spacing)
