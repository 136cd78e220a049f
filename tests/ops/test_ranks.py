"""Ranks of capsules: golden vectors that the authors' code gave, and the rules of the paper."""

import numpy as np
import pytest

from capszoo.ops import change_boost
from capszoo.ops import rank_mask
from capszoo.ops import ranks
from capszoo.ops import strongest_coupling
from tests.layer_checks import evaluate
from tests.layer_checks import value_and_gradients
from tests.routing.golden import sequence

TYPES, POSITIONS = 3, 4
RHO = {
    "authors": [
        [0.413662, 0.505697, 0.351566, 0.617111, 0.461877, 0.406985, 0.547095, 0.332226,
         0.607150, 0.382197, 0.495623, 0.466402, 0.430307, 0.396390, 0.456455, 0.520765],
        [0.447630, 0.294334, 0.598848, 0.408015, 0.439094, 0.507621, 0.355257, 0.533093,
         0.572670, 0.453875, 0.452600, 0.504702, 0.331860, 0.675199, 0.460036, 0.402903],
    ],
    "positions": [
        [0.413662, 0.629302, 0.458042, 0.617111, 0.531972, 0.446430, 0.585911, 0.372774,
         0.665995, 0.475616, 0.556113, 0.466402, 0.483283, 0.516441, 0.485792, 0.599797],
        [0.561046, 0.383916, 0.562027, 0.484820, 0.572735, 0.538997, 0.500817, 0.577709,
         0.526696, 0.500093, 0.424771, 0.632578, 0.432864, 0.633684, 0.546633, 0.436623],
    ],
}  # fmt: skip
# Of the authors' reading, with the boosts of fourth and eighth capsule.
BOOST = np.array([1, 1, 1, 1.3, 1, 1, 1, 2] + [1] * 8, "float32")
RANKS = [
    [11, 5, 15, 0, 8, 12, 3, 1, 2, 14, 6, 7, 10, 13, 9, 4],
    [10, 15, 2, 4, 11, 5, 13, 0, 3, 8, 9, 6, 14, 1, 7, 12],
]
LEFT = [1, 0.449329, 0.201897, 0.090718, 0.040762, 0.018316] + [0] * 10


def couplings():
    """The couplings of the golden vectors, of 16 parents, our children position by position."""
    logits = np.float64(sequence((2, TYPES, POSITIONS, 16), 37, 101, 50, 25))
    shares = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    # There they stand type by type.
    return shares.transpose(0, 3, 2, 1).reshape(2, 16, -1).astype("float32")


@pytest.mark.parametrize("reading", RHO)
def test_golden(reading):
    found = evaluate(lambda c: strongest_coupling(c, TYPES, reading), couplings())
    np.testing.assert_allclose(found, RHO[reading], atol=2e-6)


def test_golden_ranks_and_mask():
    rho = np.array(RHO["authors"], "float32")
    rank = evaluate(ranks, rho * BOOST)
    np.testing.assert_array_equal(rank, RANKS)
    mask = evaluate(lambda r: rank_mask(r, 12.0), rank)
    np.testing.assert_allclose(mask, np.array(LEFT)[np.array(RANKS)], atol=1e-6)


def test_golden_boost():
    boost = np.array([1.05, 1, 1.25, 1], "float32")
    frequency = np.array([0.5, 0.01, 0.13, 0.0625], "float32")
    np.testing.assert_allclose(evaluate(change_boost, boost, frequency), [1, 1.1, 1.15, 1])


def test_of_equal_ones_the_first_is_before():
    assert evaluate(ranks, np.zeros((2, 4), "float32")).tolist() == [[0, 1, 2, 3]] * 2
    assert evaluate(ranks, np.array([1.0, 2, 2, 0], "float32")).tolist() == [2, 0, 1, 3]


def test_no_decay_leaves_all():
    rank = np.arange(5, dtype="float32")
    np.testing.assert_array_equal(evaluate(lambda r: rank_mask(r, 0.0), rank), np.ones(5))
    # A single capsule is the first of all.
    np.testing.assert_array_equal(evaluate(lambda r: rank_mask(r, 12.0), rank[:1]), [1])


def test_no_gradient_flows_through_ranks():
    x = np.array([[0.3, 0.1, 0.2]], "float32")
    value, (gradient,) = value_and_gradients(lambda x: rank_mask(ranks(x), 1.0) * x, x)
    weights = np.random.default_rng(1).normal(size=x.shape)
    np.testing.assert_allclose(gradient, weights * value / x, rtol=1e-5)


def test_unknown_reading():
    with pytest.raises(ValueError, match="`reading`"):
        strongest_coupling(couplings(), TYPES, "types")
