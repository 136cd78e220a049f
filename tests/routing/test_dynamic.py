"""Dynamic routing: golden vectors, a NumPy loop, the gradient option."""

import numpy as np
import pytest

from capszoo import ops
from capszoo.layers import DenseCapsules
from capszoo.routing import DynamicRouting
from tests.layer_checks import gradients
from tests.layer_checks import to_numpy
from tests.routing.golden import VOTES
from tests.routing.golden import sequence
from tests.routing.loops import dynamic_routing


@pytest.mark.parametrize(
    ("iterations", "golden"),
    [
        (1, [(0.645575, 0.023910), (-0.101735, 0.183124)]),
        (3, [(0.804643, 0.033101), (-0.037023, 0.067996)]),
    ],
)
def test_golden(iterations, golden):
    routing = DynamicRouting(iterations, use_bias=False)
    poses, coupling = to_numpy(routing(VOTES, return_coupling=True))
    np.testing.assert_allclose(poses[0], golden, atol=1e-5)
    first = [0.744597, 0.784604, 0.733219] if iterations == 3 else [0.5] * 3
    np.testing.assert_allclose(coupling[0, 0], first, atol=1e-5)


@pytest.mark.parametrize(
    ("agreement", "iterations", "coupling", "poses"),
    [
        # SegCaps: bias, agreement with squashed parents.
        ("dot", 1, [0.5, 0.5, 0.5], [(0.676390, 0.069971), (-0.064538, 0.236640)]),
        ("dot", 2, [0.608200, 0.663712, 0.614999], [(0.760853, 0.072680), (-0.038353, 0.188139)]),
        ("dot", 3, [0.733502, 0.802343, 0.740315], [(0.819013, 0.071297), (-0.011810, 0.121730)]),
        # 3D-UCaps.
        ("cosine", 1, [0.5, 0.5, 0.5], [(0.676390, 0.069971), (-0.064538, 0.236640)]),
        (
            "cosine",
            2,
            [0.507481, 0.879487, 0.555560],
            [(0.763347, 0.092871), (-0.073527, 0.337662)],
        ),
        (
            "cosine",
            3,
            [0.511374, 0.981653, 0.617134],
            [(0.788808, 0.094804), (-0.061237, 0.350803)],
        ),
    ],
)
def test_golden_vectors_of_segmentation(agreement, iterations, coupling, poses):
    routing = DynamicRouting(iterations, agreement=agreement)
    found, shares = to_numpy(routing(VOTES, return_coupling=True))
    np.testing.assert_allclose(found[0], poses, atol=2e-5)
    np.testing.assert_allclose(shares[0], [coupling, 1 - np.array(coupling)], atol=2e-5)


@pytest.mark.parametrize(
    # Six children of three and of two nodes, so of two types and of three.
    ("sample", "types", "coupling", "poses"),
    [
        (
            0,
            2,
            [0.530663, 0.517603, 0.490555, 0.477493, 0.526313, 0.499282],
            [[-0.065881, 0.021329], [0.002427, 0.000063]],
        ),
        (
            1,
            3,
            [0.502665, 0.441507, 0.549522, 0.521485, 0.460156, 0.432241],
            [[-0.000196, -0.001706], [-0.060705, 0.167030]],
        ),
    ],
)
@pytest.mark.parametrize("stop_gradient", [False, True])
def test_golden_vectors_of_graphs(sample, types, coupling, poses, stop_gradient):
    votes = sequence((2, 2, 6, 2), scale=5)[sample : sample + 1]
    routing = DynamicRouting(use_bias=False, child_types=types, stop_gradient=stop_gradient)
    found, shares = to_numpy(routing(votes, return_coupling=True))
    np.testing.assert_allclose(found[0], poses, atol=2e-5)
    np.testing.assert_allclose(shares[0, 0], coupling, atol=2e-5)
    # Children that are missing do not count.
    more = np.concatenate([votes, np.full((1, 2, 2 * types, 2), 7.0, "float32")], axis=2)
    mask = np.arange(more.shape[2])[None] < 6
    np.testing.assert_allclose(to_numpy(routing(more, mask=mask))[0], poses, atol=2e-5)


def text_votes():
    """Votes of the golden vectors of text capsules; the last parent is the orphan category."""
    return (((7 * np.arange(24)) % 11 - 5) / 5).reshape(1, 3, 4, 2).astype("float32")


@pytest.mark.parametrize(
    ("leaky", "coupling", "poses"),
    [
        (
            False,
            [
                [0.380945, 0.412874, 0.294757, 0.238973],
                [0.217778, 0.334678, 0.428109, 0.308083],
                [0.401277, 0.252448, 0.277134, 0.452944],
            ],
            [(-0.195712, 0.256835), (0.143178, -0.188548), (-0.365926, 0.169850)],
        ),
        (
            True,
            [
                [0.277364, 0.291082, 0.230510, 0.213732],
                [0.203409, 0.256641, 0.284539, 0.245365],
                [0.286653, 0.220222, 0.221938, 0.309047],
            ],
            [(-0.093374, 0.139351), (0.063809, -0.087645), (-0.202780, 0.077163)],
        ),
    ],
)
def test_golden_vectors_of_text_capsules(leaky, coupling, poses):
    routing = DynamicRouting(leaky=leaky, use_bias=False, squash="text")
    found, shares = to_numpy(routing(text_votes(), return_coupling=True))
    np.testing.assert_allclose(found[0], poses, atol=2e-5)
    np.testing.assert_allclose(shares[0], coupling, atol=2e-5)


def test_an_orphan_capsule_is_one_more_parent():
    """It draws votes away from the others, which is all that there is to it."""
    with_orphan, without = (
        to_numpy(DynamicRouting(use_bias=False, squash="text")(votes, return_coupling=True))
        for votes in (text_votes(), text_votes()[:, :2])
    )
    assert with_orphan[0].shape == (1, 3, 2)
    assert (with_orphan[1][:, :2] < without[1]).all()


@pytest.mark.parametrize("leaky", [False, True])
def test_coefficients_amended_by_the_length_of_children(leaky, rng):
    """As the equations have it: each coupling times the length, in every iteration."""
    votes = rng.normal(size=(2, 4, 6, 3)).astype("float32")
    lengths = rng.uniform(size=(2, 6)).astype("float32")
    arguments = {"leaky": leaky, "use_bias": False, "squash": "text"}
    routing = DynamicRouting(3, amend_coefficients=True, **arguments)
    found, shares = to_numpy(routing(votes, lengths, return_coupling=True))
    logits = np.zeros((2, 4, 6))
    for _ in range(3):
        weights = np.exp(logits)
        weights /= weights.sum(1, keepdims=True) + (1 if leaky else 0)
        weights *= lengths[:, None]
        sums = np.einsum("bji,bjie->bje", weights, votes)
        squared = (sums**2).sum(-1, keepdims=True)
        poses = sums * np.sqrt(squared) / (0.5 + squared)
        logits += np.einsum("bjie,bje->bji", votes, poses)
    np.testing.assert_allclose(found, poses, atol=1e-5)
    np.testing.assert_allclose(shares, weights, atol=1e-5)
    # Once, and in a layer, which gives the lengths by itself.
    once = DynamicRouting(1, amend_coefficients=True, **arguments)
    _, shares = to_numpy(once(votes, lengths, return_coupling=True))
    alike = lengths[:, None] / (5 if leaky else 4)
    np.testing.assert_allclose(shares, np.repeat(alike, 4, 1), atol=1e-6)
    children = rng.normal(size=(2, 6, 3)).astype("float32")
    layer = DenseCapsules(4, 3, routing=routing.from_config(routing.get_config()))
    _, shares = to_numpy(layer(children, return_coupling=True))
    least = 1 if not leaky else 0
    sums = shares.sum(1) / np.linalg.norm(children, axis=-1)
    assert (sums <= 1 + 1e-5).all()
    assert (sums >= least - 1e-5).all()


def test_lengths_that_are_missing_or_not_asked_for():
    with pytest.raises(ValueError, match="give them as `activations`"):
        DynamicRouting(amend_coefficients=True)(VOTES)
    with pytest.raises(ValueError, match="no explicit activations"):
        DynamicRouting()(VOTES, np.ones((1, 3)))
    with pytest.raises(ValueError, match="`amend_coefficients`"):
        DynamicRouting(amend_coefficients="yes")


@pytest.mark.parametrize("leaky", [False, True])
def test_sparsemax_leaves_parents_out(leaky, rng):
    votes = 2 * rng.normal(size=(2, 4, 6, 3)).astype("float32")
    arguments = {"leaky": leaky, "use_bias": False, "normalization": "sparsemax"}
    _, coupling = to_numpy(DynamicRouting(2, **arguments)(votes, return_coupling=True))
    first = to_numpy(DynamicRouting(1, **arguments)(votes))
    logits = np.einsum("bjie,bje->bji", votes, first)
    none = np.zeros_like(logits[:, :1]) if leaky else logits[:, :0]
    shares = to_numpy(ops.sparsemax_over_parents(np.concatenate([logits, none], axis=1)))
    np.testing.assert_allclose(coupling, shares[:, :4], atol=1e-5)
    assert 0.2 < (coupling == 0).mean() < 0.9


@pytest.mark.parametrize("argument", ["agreement", "normalization", "squash"])
def test_names_that_are_none(argument):
    with pytest.raises(ValueError, match=rf"`{argument}`: 'dott'"):
        DynamicRouting(**{argument: "dott"})


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
