"""Dynamic routing: golden vectors, a NumPy loop, the gradient option."""

import numpy as np
import pytest

from capszoo.routing import DynamicRouting
from tests.layer_checks import gradients
from tests.layer_checks import to_numpy
from tests.routing.loops import dynamic_routing

# Children by parents by pose; the layer wants parents first.
GOLDEN_VOTES = np.array(
    [[(1, 0), (0, 1)], [(0.8, 0.2), (0.1, -0.5)], [(0.9, -0.1), (-0.6, 0.4)]], "float32"
)


@pytest.mark.parametrize(
    ("iterations", "golden"),
    [
        (1, [(0.645575, 0.023910), (-0.101735, 0.183124)]),
        (3, [(0.804643, 0.033101), (-0.037023, 0.067996)]),
    ],
)
def test_golden(iterations, golden):
    votes = GOLDEN_VOTES.transpose(1, 0, 2)[None]
    routing = DynamicRouting(iterations, use_bias=False)
    poses, coupling = to_numpy(routing(votes, return_coupling=True))
    np.testing.assert_allclose(poses[0], golden, atol=1e-5)
    first = [0.744597, 0.784604, 0.733219] if iterations == 3 else [0.5] * 3
    np.testing.assert_allclose(coupling[0, 0], first, atol=1e-5)


@pytest.mark.parametrize("iterations", [1, 2, 4])
@pytest.mark.parametrize("leaky", [False, True])
@pytest.mark.parametrize("spatial", [(), (2, 3)], ids=["dense", "map"])
def test_against_loops(iterations, leaky, spatial, rng):
    votes = rng.normal(size=(2, *spatial, 4, 6, 3)).astype("float32")
    bias = rng.normal(size=(4, 3)).astype("float32")
    routing = DynamicRouting(iterations, leaky=leaky)
    routing.build(votes.shape)
    np.testing.assert_allclose(to_numpy(routing.bias), 0.1)
    routing.bias.assign(bias)
    poses, coupling = to_numpy(routing(votes, return_coupling=True))
    np.testing.assert_array_equal(to_numpy(routing(votes)), poses)
    for where in np.ndindex(votes.shape[:-3]):
        expected_poses, expected_coupling = dynamic_routing(votes[where], iterations, bias, leaky)
        np.testing.assert_allclose(poses[where], expected_poses, atol=1e-5)
        np.testing.assert_allclose(coupling[where], expected_coupling, atol=1e-5)


def test_bias_is_optional():
    for use_bias in (True, False):
        routing = DynamicRouting(use_bias=use_bias, bias_initializer="ones")
        routing(np.ones((1, 2, 3, 4), "float32"))
        assert [weight.shape for weight in routing.weights] == [(2, 4)] * use_bias
    x = np.random.default_rng(0).normal(size=(1, 2, 3, 4)).astype("float32")
    np.testing.assert_allclose(to_numpy(routing(-x)), -to_numpy(routing(x)), atol=1e-6)


def test_stop_gradient(rng):
    votes = rng.normal(size=(1, 3, 4, 2)).astype("float32")
    results = {}
    for iterations in (1, 3):
        for stop in (False, True):
            routing = DynamicRouting(iterations, stop_gradient=stop)
            routing.build(votes.shape)
            results[iterations, stop] = to_numpy(routing(votes)), gradients(routing, votes)[0]
    for iterations in (1, 3):
        np.testing.assert_array_equal(results[iterations, True][0], results[iterations, False][0])
    difference = np.abs(results[3, True][1] - results[3, False][1])
    assert difference.max() > 1e-2
    np.testing.assert_allclose(results[1, True][1], results[1, False][1], atol=1e-6)


def test_gradient_is_that_of_finite_differences(rng):
    votes = rng.normal(size=(1, 2, 3, 2))
    routing = DynamicRouting(3)
    routing.build(votes.shape)
    bias = np.full((2, 2), 0.1)
    (gradient,) = gradients(routing, votes)
    for where in np.ndindex(votes.shape):
        step = np.zeros_like(votes)
        step[where] = 1e-5
        plus, minus = (
            dynamic_routing((votes + s)[0], 3, bias, False)[0].sum() for s in (step, -step)
        )
        np.testing.assert_allclose(gradient[where], (plus - minus) / 2e-5, atol=2e-4)
