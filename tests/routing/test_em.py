"""EM routing: the golden vector, a loop, activations, and parents at different positions."""

import contextlib

import keras
import numpy as np
import pytest

from capszoo import kernels
from capszoo.layers import ConvCapsules2D
from capszoo.layers import DenseCapsules
from capszoo.ops import Windows
from capszoo.routing import EMRouting
from tests.layer_checks import to_numpy
from tests.layer_checks import value_and_gradients
from tests.routing.golden import VOTES


def golden_routing():
    routing = EMRouting(
        3,
        form="paper",
        variance_floor=1e-9,
        beta_use_initializer=keras.initializers.Constant(0.1),
        beta_activation_initializer=keras.initializers.Constant(0.3),
    )
    return routing, np.array([[0.9, 0.5, 0.7]], "float32")


def test_golden_vector():
    routing, presence = golden_routing()
    poses, activations = to_numpy(routing(VOTES, presence))
    np.testing.assert_allclose(
        poses[0], [[0.924945, 0.003679], [0.044923, -0.135803]], rtol=0, atol=1e-5
    )
    np.testing.assert_allclose(activations[0], [0.50329559, 0.50023068], rtol=0, atol=1e-5)


def reference(votes, presence, iterations, floor, use, threshold, sees):
    """EM routing in loops and in probability space, in the normalized form.

    `votes[j, i]` is child i's vote for parent j; `sees[j, i]` says whether j sees i at all.
    """
    parents, children, _ = votes.shape
    coupling = sees / sees.sum(axis=0)
    per_parent = sees.any(axis=0).sum() / parents
    for iteration in range(iterations):
        means, variances, activations = [], [], []
        for j in range(parents):
            weights = coupling[j] * presence
            mass = weights.sum() + 1e-7
            mean = (weights[:, None] * votes[j]).sum(0) / mass
            variance = (weights[:, None] * (votes[j] - mean) ** 2).sum(0) / mass + floor
            cost = ((use[j] + 0.5 * np.log(variance)) * 100 * mass / per_parent).sum()
            rate = 0.01 * (1 - 0.95 ** (iteration + 1))
            activations.append(1 / (1 + np.exp(-rate * (threshold[j] - cost))))
            means.append(mean)
            variances.append(variance)
        if iteration == iterations - 1:
            break
        density = np.zeros((parents, children))
        for j in range(parents):
            norm = np.sqrt(np.prod(2 * np.pi * variances[j]))
            squares = ((votes[j] - means[j]) ** 2 / (2 * variances[j])).sum(-1)
            density[j] = sees[j] * activations[j] * np.exp(-squares) / norm
        coupling = density / density.sum(axis=0)
    return np.array(means), np.array(activations), coupling


def test_against_loops(rng):
    votes = rng.normal(size=(2, 3, 7, 4))
    presence = rng.uniform(size=(2, 7))
    routing = EMRouting(3)
    outputs = to_numpy(
        routing(votes.astype("float32"), presence.astype("float32"), return_coupling=True)
    )
    use, threshold = to_numpy(list(routing.weights))
    for n in range(2):
        expected = reference(votes[n], presence[n], 3, 5e-4, use, threshold, np.ones((3, 7), bool))
        for found, wanted in zip(outputs, expected, strict=True):
            np.testing.assert_allclose(found[n], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [1, 2])
def test_positions_compete_for_a_child(padding, strides, rng):
    """Against the loops, with every parent at every position one of the parents."""
    size, types, parents = (5, 4), 2, 3
    layer = ConvCapsules2D(
        parents, 4, 3, strides, padding, votes_from="positions", transform="matrix", routing="em"
    )
    poses = rng.normal(size=(1, *size, types, 4)).astype("float32")
    presence = rng.uniform(size=(1, *size, types)).astype("float32")
    found = to_numpy(layer((poses, presence), return_coupling=True))
    use, threshold = to_numpy(list(layer.routing.weights))

    kernel = to_numpy(layer.kernel)[:, :, :, :, 0]  # (3, 3, types, 2, parents, 2)
    windows = Windows(size, (3, 3), (strides, strides), padding)
    rows, columns = windows.grid
    total = rows * columns * parents
    children = size[0] * size[1] * types
    votes, sees = np.zeros((total, children, 4)), np.zeros((total, children), bool)
    # "same" pads with zeros, whose votes are zero and whose activation is zero: no children.
    pads = [
        max((new - 1) * strides + 3 - old, 0) // 2 if padding == "same" else 0
        for new, old in zip(windows.grid, size, strict=True)
    ]
    for row, column, j, dy, dx, t in np.ndindex(rows, columns, parents, 3, 3, types):
        y, x = row * strides + dy - pads[0], column * strides + dx - pads[1]
        if not (0 <= y < size[0] and 0 <= x < size[1]):
            continue
        parent, child = (row * columns + column) * parents + j, (y * size[1] + x) * types + t
        pose = poses[0, y, x, t].reshape(2, 2)
        votes[parent, child] = (pose @ kernel[dy, dx, t, :, j]).reshape(-1)
        sees[parent, child] = True
    means, activations, coupling = reference(
        votes[:, sees.any(0)],
        presence.reshape(-1)[sees.any(0)],
        2,
        5e-4,
        np.tile(use, rows * columns),
        np.tile(threshold, rows * columns),
        sees[:, sees.any(0)],
    )
    np.testing.assert_allclose(found[0].reshape(total, 4), means, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found[1].reshape(total), activations, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(coupling.sum(axis=0), 1.0, atol=1e-6)
    # What the layer gave each child, over all places that see it.
    given = np.zeros(children)
    for row, column, place in np.ndindex(rows, columns, 9):
        y = row * strides + place // 3 - pads[0]
        x = column * strides + place % 3 - pads[1]
        if 0 <= y < size[0] and 0 <= x < size[1]:
            own = found[2][0, row, column, :, place * types : (place + 1) * types]
            given[(y * size[1] + x) * types :][:types] += own.sum(axis=0)
    np.testing.assert_allclose(given[sees.any(0)], 1.0, atol=1e-5)


def test_an_absent_child_has_no_influence(rng):
    votes = rng.normal(size=(1, 3, 5, 4)).astype("float32")
    presence = rng.uniform(size=(1, 5)).astype("float32")
    presence[0, 2] = 0
    routing = EMRouting(3)
    before = to_numpy(routing(votes, presence))
    votes[0, :, 2] += 1.0
    after = to_numpy(routing(votes, presence))
    for old, new in zip(before, after, strict=True):
        np.testing.assert_allclose(old, new, atol=1e-5)


def test_one_child_and_far_votes_stay_finite(rng):
    one = to_numpy(EMRouting(3)(rng.normal(size=(1, 3, 1, 4)), np.ones((1, 1))))
    far = to_numpy(EMRouting(3)(1e3 * rng.normal(size=(1, 3, 5, 4)), np.ones((1, 5))))
    assert all(np.isfinite(output).all() for output in (*one, *far))


@pytest.mark.parametrize("uses_kernels", [True, False], ids=["kernels", "no kernels"])
def test_votes_that_are_all_alike_without_a_floor(uses_kernels):
    # Two children say the same: no variance but the least there is.
    layer = DenseCapsules(2, 2, routing=EMRouting(2, variance_floor=0.0), transform=None)
    children = np.array([[[0.5, -0.25], [0.5, -0.25]]], "float32")
    with contextlib.nullcontext() if uses_kernels else kernels.disabled():
        outputs, found = value_and_gradients(lambda x: layer(x)[0], children)
    np.testing.assert_allclose(outputs, [[[0.5, -0.25]] * 2], atol=1e-6)
    assert np.isfinite(found[0]).all()


def test_activations_are_needed():
    with pytest.raises(ValueError, match="activations"):
        EMRouting()(VOTES)


@pytest.mark.parametrize(
    "arguments", [{"form": "papr"}, {"inverse_temperature": -1}, {"variance_floor": "x"}]
)
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        EMRouting(**arguments)
