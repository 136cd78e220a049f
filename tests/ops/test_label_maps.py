"""Label maps in every form, averaged down, and the weights beside them."""

import numpy as np
import pytest

from capszoo import ops
from tests.layer_checks import evaluate
from tests.layer_checks import to_numpy


@pytest.mark.parametrize("spatial", [(3, 4), (2, 3, 4)])
def test_every_form_is_one(spatial, rng):
    labels = rng.integers(0, 3, size=(2, *spatial))
    expected = np.eye(3)[labels]
    for form in (labels, labels[..., None], expected, labels.astype("uint8")):
        found = to_numpy(ops.one_hot_maps(form, (2, *spatial, 3)))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)


def test_as_many_columns_as_classes_are_no_classes():
    labels = np.array([[[0, 1], [1, 0], [1, 1]]])
    np.testing.assert_array_equal(
        to_numpy(ops.one_hot_maps(labels, (1, 3, 2, 2))), np.eye(2)[labels]
    )


def test_what_is_no_class_is_no_number():
    found = to_numpy(ops.one_hot_maps(np.array([[[0, 3, -1, 1.5, 2]]]), (1, 1, 5, 3)))
    np.testing.assert_array_equal(np.isnan(found[0, 0, :, 0]), [False, True, True, True, False])
    shares = np.array([[[[0.5, 0.5], [0.0, 1.2]]]])
    found = to_numpy(ops.one_hot_maps(shares, (1, 1, 2, 2)))
    np.testing.assert_array_equal(np.isnan(found).all(-1), [[[False, True]]])


def test_maps_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"of shape \(batch, 3, 4\).*Received: .*\(2, 4, 3\)"):
        ops.one_hot_maps(np.zeros((2, 4, 3)), (2, 3, 4, 2))


def area_means_loop(maps, sizes):
    """Each position's mean over its area, position by position, from 60 parts of each old one."""
    parts = 60
    for axis, size in enumerate(sizes, start=1):
        fine = np.repeat(maps, parts, axis=axis)
        blocks = np.split(fine, size, axis=axis)
        maps = np.stack([block.mean(axis=axis) for block in blocks], axis=axis)
    return maps


@pytest.mark.parametrize("sizes", [(3, 2, 2), (4, 3, 5), (6, 4, 5)])
def test_area_means(sizes, rng):
    maps = rng.uniform(size=(2, 6, 4, 5, 3)).astype("float32")
    found = evaluate(lambda x: ops.area_means(x, sizes), maps)
    np.testing.assert_allclose(found, area_means_loop(maps.astype("float64"), sizes), atol=1e-6)


def test_weights_of_maps():
    of_cases, of_positions = np.array([1.0, 2.0]), np.ones((2, 3, 4))
    assert ops.weights_of_maps(None, 2) == (None, None)
    for form in (of_cases, of_cases[:, None]):
        cases, positions = ops.weights_of_maps(form, 2)
        assert positions is None
        np.testing.assert_array_equal(to_numpy(cases), of_cases)
    for form in (of_positions, of_positions[..., None]):
        cases, positions = ops.weights_of_maps(form, 2)
        assert cases is None
        assert positions.shape == (2, 3, 4)
    with pytest.raises(ValueError, match=r"Received: sample_weight of shape \(2, 3\)"):
        ops.weights_of_maps(np.ones((2, 3)), 2)
