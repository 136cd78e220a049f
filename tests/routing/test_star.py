"""STAR routing: a loop, votes that go by themselves, and what the gradient sees of a decision."""

import keras
import numpy as np
import pytest

from capszoo.routing import StarRouting
from tests.layer_checks import gradients
from tests.layer_checks import to_numpy


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def weights_of(routing):
    names = ("attention_kernel", "attention_bias", "decision_kernel", "bias")
    return [to_numpy(getattr(routing, name).value) for name in names]


def test_against_loops(rng):
    votes = rng.normal(size=(2, 3, 5, 4)).astype("float32")
    routing = StarRouting(initializer=keras.initializers.RandomNormal(stddev=1.0), decision_bias=0)
    poses, coupling = to_numpy(routing(votes, return_coupling=True))
    query, query_bias, decide, decide_bias = weights_of(routing)
    np.testing.assert_allclose(sigmoid(query_bias), 1 / 3, rtol=1e-5)
    for n, j in np.ndindex(2, 3):
        total = np.zeros(4)
        for i in range(5):
            vote = votes[n, j, i]
            share = sigmoid(vote @ query[j] + query_bias[j])
            share *= 1.0 if vote @ decide[j] + decide_bias[j] > 0 else 0.0
            assert coupling[n, j, i] == pytest.approx(share, abs=1e-5)
            total += share * vote
        squared = total @ total
        expected = total * np.sqrt(squared) / (1 + squared)
        np.testing.assert_allclose(poses[n, j], expected, atol=1e-5)
    # Some votes go and some do not.
    assert 0 < (coupling > 0).mean() < 1


def test_each_vote_goes_by_itself(rng):
    votes = rng.normal(size=(2, 3, 5, 4)).astype("float32")
    routing = StarRouting()
    _, before = to_numpy(routing(votes, return_coupling=True))
    votes[:, 1, 2] += 3.0
    _, after = to_numpy(routing(votes, return_coupling=True))
    changed = np.abs(after - before) > 1e-6
    assert changed[:, 1, 2].all()
    changed[:, 1, 2] = False
    assert not changed.any()


def test_the_gradient_goes_straight_through_the_decision():
    """A vote that is refused moves the decision: toward letting it through, if that helps."""
    routing = StarRouting(decision_bias=-0.5)
    routing.build((1, 2, 3, 4))
    routing.attention_kernel.assign(np.zeros((2, 4), "float32"))
    routing.decision_kernel.assign(np.eye(2, 4, dtype="float32"))
    votes = np.zeros((1, 2, 3, 4), "float32")
    votes[0, 0, 0] = [0.2, 0.0, 0.7, 0.0]

    def couplings(votes):
        return routing(votes, return_coupling=True)[1]

    assert not to_numpy(couplings(votes)).any()
    (gradient,) = gradients(couplings, votes)
    # Attention, a half of two parents, times the slope of the sigmoid at 0.2 - 0.5.
    slope = sigmoid(-0.3) * (1 - sigmoid(-0.3))
    np.testing.assert_allclose(gradient[0, 0, 0], [0.5 * slope, 0, 0, 0], atol=1e-6)


def test_bad_arguments():
    with pytest.raises(ValueError, match="decision_bias"):
        StarRouting(decision_bias="yes")
