"""Sparsemax against the projection onto the simplex, found by trying every set of parents."""

import itertools

import keras
import numpy as np
import pytest

from capszoo.ops import sparsemax_over_parents
from tests.layer_checks import evaluate
from tests.layer_checks import gradients
from tests.layer_checks import to_numpy


def projection(logits):
    """The nearest point of the simplex, the best of those on each of its faces."""
    parents = range(len(logits))
    best = None
    for size in range(1, len(logits) + 1):
        for face in map(list, itertools.combinations(parents, size)):
            point = np.zeros(len(logits))
            point[face] = logits[face] - (logits[face].sum() - 1) / size
            distance = ((point - logits) ** 2).sum()
            if point.min() >= 0 and (best is None or distance < best[0]):
                best = distance, point
    return best[1]


def projections(logits):
    return np.apply_along_axis(projection, -2, np.asarray(logits, "float64"))


@pytest.mark.parametrize("scale", [0.0, 0.1, 1.0, 10.0])
@pytest.mark.parametrize("parents", [1, 2, 5])
def test_is_the_projection(parents, scale, rng):
    logits = (scale * rng.normal(size=(2, 3, parents, 7))).astype("float32")
    shares = evaluate(sparsemax_over_parents, logits)
    np.testing.assert_allclose(shares, projections(logits), atol=1e-5)
    np.testing.assert_allclose(shares.sum(-2), 1, atol=1e-5)
    if parents == 5 and scale == 1.0:
        assert 0.1 < (shares == 0).mean() < 0.9


def test_gradient_is_that_of_finite_differences(rng):
    logits = rng.normal(size=(5, 4))
    weights = rng.normal(size=(5, 4)).astype("float32")
    (gradient,) = gradients(
        lambda x: keras.ops.multiply(sparsemax_over_parents(x), weights), logits
    )
    for where in np.ndindex(logits.shape):
        step = np.zeros_like(logits)
        step[where] = 1e-5
        plus, minus = ((projections(logits + s) * weights).sum() for s in (step, -step))
        np.testing.assert_allclose(gradient[where], (plus - minus) / 2e-5, atol=1e-4)


def test_parents_that_cannot_be_chosen(rng):
    logits = rng.normal(size=(3, 5, 4)).astype("float32")
    mask = rng.uniform(size=(3, 5, 4)) < 0.6
    mask[0, :, 0] = False
    logits[~mask] = np.inf
    shares = to_numpy(sparsemax_over_parents(logits, mask))
    assert (shares[~mask] == 0).all()
    for sample, child in np.ndindex(3, 4):
        there = mask[sample, :, child]
        if there.any():
            expected = projection(logits[sample, there, child])
            np.testing.assert_allclose(shares[sample, there, child], expected, atol=1e-5)
    logits[~mask] = 7.0
    (gradient,) = gradients(lambda x: keras.ops.square(sparsemax_over_parents(x, mask)), logits)
    assert np.isfinite(gradient).all()
    assert (gradient[~mask] == 0).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_large_logits_in_half_precision(dtype):
    logits = keras.ops.cast(np.array([[3e4], [3e4], [-3e4]], "float32"), dtype)
    shares = sparsemax_over_parents(logits)
    assert keras.backend.standardize_dtype(shares.dtype) == dtype
    found = to_numpy(keras.ops.cast(shares, "float32"))
    np.testing.assert_allclose(found, [[0.5], [0.5], [0.0]])


def test_equal_logits_share_alike():
    shares = to_numpy(sparsemax_over_parents(np.full((4, 2), 1e6, "float32")))
    np.testing.assert_allclose(shares, 0.25)
