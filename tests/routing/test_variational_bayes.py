"""Variational Bayes routing: the golden vectors of the authors' code, and its normalization."""

import keras
import numpy as np
import pytest

from capszoo.layers import ConvCapsules2D
from capszoo.layers import DenseCapsules
from capszoo.routing import VariationalBayesRouting
from tests.layer_checks import gradients
from tests.layer_checks import to_numpy


def sequence(shape, factor, modulus, offset, scale):
    numbers = (factor * np.arange(np.prod(shape)) % modulus - offset) / scale
    return numbers.reshape(shape).astype("float32")


VOTES = sequence((2, 2, 3, 4), 7, 11, 5, 5)
PRESENCE = np.array([[0.9, 0.5, 0.7], [0.2, 0.8, 0.6]], "float32")
# Means of the first sample and scores after each number of iterations.
MEANS = {
    1: [[-0.331707, 0.117073, -0.024390, 0.048780], [0.117073, -0.024390, 0.048780, 0.014634]],
    2: [[-0.226617, 0.039830, 0.063504, -0.033135], [0.186194, -0.103043, 0.122083, 0.078626]],
    3: [[-0.053664, -0.094154, 0.191121, -0.076860], [0.265063, -0.175381, 0.136806, 0.148020]],
}
SCORES = {
    1: [[-1.711140, -1.674613], [-1.656489, -1.668526]],
    2: [[-1.588135, -1.752511], [-1.696687, -1.578615]],
    3: [[-1.297444, -1.926100], [-1.625648, -1.541334]],
}
COUPLINGS = {
    1: [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]],
    2: [[0.283775, 0.722575, 0.456508], [0.716225, 0.277425, 0.543492]],
    3: [[0.049819, 0.939230, 0.249518], [0.950181, 0.060770, 0.750482]],
}


def logit(activations):
    return np.log(activations / (1 - activations))


@pytest.mark.parametrize("iterations", [1, 2, 3])
def test_golden_vector(iterations):
    routing = VariationalBayesRouting(iterations, batch_normalization=False)
    poses, activations, coupling = to_numpy(routing(VOTES, PRESENCE, return_coupling=True))
    np.testing.assert_allclose(poses[0], MEANS[iterations], atol=2e-6)
    np.testing.assert_allclose(logit(activations), SCORES[iterations], atol=5e-6)
    np.testing.assert_allclose(coupling[0], COUPLINGS[iterations], atol=2e-6)


def test_golden_vector_of_a_map():
    """Positions compete for a child from the second iteration on."""
    poses = sequence((2, 2, 2, 2, 3, 3), 3, 13, 6, 10)  # batch, types, 2, 2, height, width
    presence = sequence((2, 2, 3, 3), 3, 7, 0, 10) + np.float32(0.3)
    kernel = sequence((2, 2, 2, 2, 2, 2), 5, 9, 4, 4)  # types, parents, 2, 2, height, width
    layer = ConvCapsules2D(
        2,
        4,
        2,
        votes_from="positions",
        transform="matrix",
        routing={"name": "variational_bayes", "batch_normalization": False},
    )
    poses = poses.transpose(0, 4, 5, 1, 2, 3).reshape(2, 3, 3, 2, 4)
    layer.build(poses.shape)
    layer.kernel.assign(kernel.transpose(4, 5, 0, 2, 1, 3)[:, :, :, :, None])
    means, activations, coupling = to_numpy(
        layer((poses, presence.transpose(0, 2, 3, 1)), return_coupling=True)
    )
    np.testing.assert_allclose(
        means[0, :, :, 1],
        [
            [
                [-0.070148, 0.048200, -0.065213, 0.044257],
                [-0.005490, 0.079373, -0.063256, -0.124044],
            ],
            [
                [-0.094502, 0.085520, -0.048741, -0.033184],
                [0.027631, -0.058911, -0.016658, 0.050732],
            ],
        ],
        atol=2e-6,
    )
    np.testing.assert_allclose(
        logit(activations[1]).transpose(2, 0, 1),
        [
            [[-1.450056, -1.354941], [-1.592005, -1.448965]],
            [[-1.486545, -1.512186], [-1.186606, -1.498208]],
        ],
        atol=5e-6,
    )
    # The first type of the child in the corner, and of that in the middle, which all windows see.
    np.testing.assert_allclose(coupling[0, 0, 0, :, 0], [0.402267, 0.597733], atol=2e-6)
    middle = [coupling[0, y, x, :, 2 * (2 * (1 - y) + 1 - x)] for y in (0, 1) for x in (0, 1)]
    np.testing.assert_allclose(
        np.transpose(middle),
        [[0.075448, 0.227667, 0.097060, 0.128843], [0.046794, 0.086949, 0.203579, 0.133659]],
        atol=2e-6,
    )


def some_inputs(rng):
    votes = rng.normal(size=(6, 2, 3, 5, 4)).astype("float32")
    return votes, rng.uniform(0.1, 1.0, size=(6, 2, 5)).astype("float32")


def test_normalization_of_a_batch(rng):
    votes, presence = some_inputs(rng)
    plain = VariationalBayesRouting(batch_normalization=False)
    means, activations = to_numpy(plain(votes, presence))
    scores = logit(activations.astype("float64"))
    routing = VariationalBayesRouting()
    poses, activations = to_numpy(routing(votes, presence, training=True))
    mean, variance = (f(means, axis=(0, 1, 3)) for f in (np.mean, np.var))
    expected = (means - mean[:, None]) / np.sqrt(variance + 1e-5)[:, None]
    np.testing.assert_allclose(poses, expected, rtol=1e-4, atol=1e-5)
    score_mean, score_variance = (f(scores, axis=(0, 1)) for f in (np.mean, np.var))
    expected = (scores - score_mean) / np.sqrt(score_variance + 1e-5)
    np.testing.assert_allclose(logit(activations), expected, rtol=1e-3, atol=1e-3)

    # A tenth of the way from 0 and 1.
    found = to_numpy(
        [
            routing.pose_normalization.moving_mean,
            routing.pose_normalization.moving_variance,
            routing.score_normalization.moving_mean,
            routing.score_normalization.moving_variance,
        ]
    )
    parts = (mean, 9 + variance, score_mean, 9 + score_variance)
    np.testing.assert_allclose(found, np.divide(parts, 10), rtol=1e-4, atol=1e-6)
    poses, _ = to_numpy(routing(votes, presence))
    expected = (means - found[0][:, None]) / np.sqrt(found[1] + 1e-5)[:, None]
    np.testing.assert_allclose(poses, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("recompute", [False, True])
def test_a_layer_says_whether_it_trains(recompute, rng, tmp_path):
    inputs = keras.Input((5, 4))
    layer = DenseCapsules(3, 4, routing="variational_bayes", recompute=recompute)
    poses, activations = layer(inputs)
    model = keras.Model(inputs, keras.layers.Concatenate()([poses, activations[..., None]]))
    data = rng.normal(size=(8, 5, 4)).astype("float32")
    statistics = layer.routing.non_trainable_variables
    assert len(statistics) == 4
    before = to_numpy(statistics)
    to_numpy(layer(data))
    np.testing.assert_array_equal(np.concatenate(to_numpy(statistics)), np.concatenate(before))
    to_numpy(layer(data, training=True))
    assert all((new != old).all() for new, old in zip(to_numpy(statistics), before, strict=True))

    before = to_numpy(statistics)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    model.fit(data, np.ones((8, 3, 5), "float32"), batch_size=4, verbose=0)
    assert all((new != old).all() for new, old in zip(to_numpy(statistics), before, strict=True))
    expected = model.predict(data, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(data, verbose=0), expected, atol=1e-6)


@pytest.mark.parametrize("scale", [0.0, 1e-6, 1e3])
@pytest.mark.parametrize("present", [0.0, 1.0])
def test_finite(scale, present, rng):
    votes, presence = some_inputs(rng)
    votes, presence = votes * np.float32(scale), np.full_like(presence, present)
    routing = VariationalBayesRouting(batch_normalization=False)
    poses, activations = to_numpy(routing(votes, presence))
    assert np.isfinite(poses).all()
    assert np.isfinite(activations).all()
    if present == 0:
        np.testing.assert_array_equal(poses, 0)
    found = gradients(lambda votes, presence: routing(votes, presence), votes, presence)
    assert all(np.isfinite(one).all() for one in found)
