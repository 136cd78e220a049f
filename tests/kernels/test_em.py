"""Kernels of EM routing: what is apart from the equations that all are held to."""

import functools

import numpy as np
import pytest
from keras import ops

import capszoo
from capszoo.kernels.em_steps import EMSteps
from capszoo.kernels.tiled_mixture import route_by_mixture_in_tiles
from capszoo.layers import ConvCapsules2D
from capszoo.ops import Windows
from capszoo.ops import dense_votes
from capszoo.routing import EMRouting
from tests.layer_checks import evaluate
from tests.layer_checks import value_and_gradients

PARENTS, POSE_DIM, CHILD_DIM = 3, 4, 2
WINDOWS = {
    "padded": Windows((4, 4), (3, 3), (2, 2), "same"),
    "none": None,
}


def some_arguments(rng, windows, batch):
    places = () if windows is None else windows.grid
    inputs = 7 if windows is None else 2 * windows.positions_per_window
    children = rng.normal(size=(batch, *places, inputs, CHILD_DIM))
    kernel = rng.normal(size=(inputs, CHILD_DIM, PARENTS, POSE_DIM))
    activations = rng.uniform(0.05, 1.0, size=(batch, *places, inputs))
    betas = rng.normal(size=(2, PARENTS))
    arrays = (children, kernel, activations, *betas)
    return [array.astype("float32") for array in arrays]


def joined(poses, activations, coupling):
    return ops.concatenate([poses, ops.expand_dims(activations, -1), coupling], axis=-1)


def tiled(routing, windows, children, kernel, *others, chunks=1):
    steps = EMSteps(
        iterations=routing.iterations,
        inverse_temperatures=routing._inverse_temperatures(),
        information_scale=routing._information_scale((PARENTS, kernel.shape[0], POSE_DIM), windows),
        variance_floor=routing.variance_floor,
        windows=windows,
        return_coupling=True,
    )
    outputs = route_by_mixture_in_tiles(steps, children, kernel, *others, rows=4, chunks=chunks)
    return joined(*outputs)


def step_by_step(routing, windows, children, kernel, activations, beta_use, beta_activation):
    routing.built = True
    routing.beta_use, routing.beta_activation = beta_use, beta_activation
    *outer, inputs, child_dim = children.shape
    votes = dense_votes(ops.reshape(children, (-1, inputs, child_dim)), ops.expand_dims(kernel, 2))
    votes = ops.reshape(votes, (*outer, *votes.shape[1:]))
    arguments = {} if windows is None else {"windows": windows}
    return joined(*routing.call(votes, activations, return_coupling=True, **arguments))


@pytest.mark.parametrize(
    ("kind", "batch", "iterations", "chunks"),
    [
        ("padded", 7, 2, PARENTS),
        ("none", 7, 3, PARENTS),
        ("none", 1, 1, PARENTS),
    ],
)
def test_few_parents_at_a_time(kind, batch, iterations, chunks, rng):
    windows = WINDOWS[kind]
    arguments = some_arguments(rng, windows, batch)
    routing = EMRouting(iterations, inverse_temperature=0.05)
    (found, mine), (expected, theirs) = (
        value_and_gradients(functools.partial(form, routing, windows), *arguments)
        for form in (functools.partial(tiled, chunks=chunks), step_by_step)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    for one, other in zip(mine, theirs, strict=True):
        assert np.abs(other).max() > 1e-6
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4 * np.abs(other).max())


@pytest.mark.parametrize(
    ("votes_from", "padding"), [("types", "same"), ("positions", "valid"), ("positions", "same")]
)
def test_of_a_convolutional_layer(votes_from, padding, rng):
    layer = ConvCapsules2D(
        4, 9, (3, 2), strides=(2, 1), padding=padding, votes_from=votes_from, routing="em"
    )
    poses = rng.normal(size=(2, 7, 6, 3, 5)).astype("float32")
    activations = rng.uniform(0.05, 1.0, size=poses.shape[:-1]).astype("float32")
    layer.build(poses.shape)

    def reference(poses, activations):
        return layer.routing.call(
            layer.compute_votes(poses, layer.kernel),
            layer.arrange_activations(activations),
            return_coupling=True,
            **layer.routing_arguments(),
        )

    found = evaluate(lambda *pair: layer(pair, return_coupling=True), poses, activations)
    expected = evaluate(reference, poses, activations)
    for mine, reference in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=1e-5)


def test_networks_use_it(rng, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("step by step")

    model = capszoo.load("em_capsnet_digits")
    monkeypatch.setattr(EMRouting, "call", refuse)
    images = rng.integers(0, 256, size=(3, *model.image_shape)).astype("uint8")
    assert model.predict(images, verbose=0).shape == (3, 10)
    model.train_on_batch(images, np.arange(3))
