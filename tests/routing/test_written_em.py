"""EM routing with its gradient written out, against the equations step by step."""

import keras
import numpy as np
import pytest
from keras import ops

import capszoo
from capszoo.ops import Windows
from capszoo.routing import EMRouting
from capszoo.routing import UnmadeVotes
from tests.layer_checks import gradients
from tests.layer_checks import to_numpy

PARENTS, POSE_DIM = 3, 5

# A map of children whose windows overlap, one with places in the padding, and none.
WINDOWS = {
    "overlapping": Windows((4, 4), (3, 3), (1, 1), "valid"),
    "padded": Windows((4, 4), (3, 3), (2, 2), "same"),
    "none": None,
}


def some_arguments(rng, windows, batch=2):
    places = () if windows is None else windows.grid
    children = 7 if windows is None else 2 * windows.positions_per_window
    votes = rng.normal(size=(batch, *places, PARENTS, children, POSE_DIM))
    activations = rng.uniform(0.05, 1.0, size=(batch, *places, children))
    beta_use, beta_activation = rng.normal(size=(2, PARENTS))
    return [array.astype("float32") for array in (votes, activations, beta_use, beta_activation)]


def outputs_of(routing, form, votes, activations, beta_use, beta_activation, windows):
    routing.built = True
    routing.beta_use, routing.beta_activation = beta_use, beta_activation
    arguments = {"return_coupling": True} | ({} if windows is None else {"windows": windows})
    if form == "written":
        votes = UnmadeVotes(lambda kernel: kernel, votes)
        poses, activations, coupling = routing.route(votes, activations, **arguments)
    else:
        poses, activations, coupling = routing.call(votes, activations, **arguments)
    return ops.concatenate([poses, ops.expand_dims(activations, -1), coupling], axis=-1)


@pytest.mark.parametrize(
    ("kind", "iterations", "options"),
    [
        ("overlapping", 1, {"inverse_temperature": 0.05}),
        ("overlapping", 3, {"inverse_temperature": 0.05}),
        ("padded", 2, {}),
        ("padded", 2, {"form": "paper", "inverse_temperature": 1.0}),
        ("none", 1, {"inverse_temperature": 0.05}),
        ("none", 3, {"inverse_temperature": 0.05}),
    ],
    ids=str,
)
def test_as_step_by_step(kind, iterations, options, rng):
    windows = WINDOWS[kind]
    arguments = [ops.convert_to_tensor(array) for array in some_arguments(rng, windows)]
    shape = (*arguments[0].shape[:-1][:-1], POSE_DIM + 1 + arguments[0].shape[-2])
    # A gradient that is another for each number.
    weights = ops.convert_to_tensor(rng.normal(size=shape).astype("float32"))

    def function(form):
        return lambda *arguments: (
            weights * outputs_of(EMRouting(iterations, **options), form, *arguments, windows)
        )

    np.testing.assert_allclose(
        to_numpy(function("written")(*arguments)),
        to_numpy(function("reference")(*arguments)),
        rtol=1e-5,
        atol=1e-5,
    )
    for mine, theirs in zip(
        gradients(function("written"), *arguments),
        gradients(function("reference"), *arguments),
        strict=True,
    ):
        assert np.abs(theirs).max() > 1e-6
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_in_half_precision(dtype, rng):
    votes, activations, *betas = some_arguments(rng, None)
    exact = outputs_of(EMRouting(), "written", votes, activations, *betas, None)
    votes, activations = (ops.cast(array, dtype) for array in (votes, activations))
    halved = outputs_of(EMRouting(), "written", votes, activations, *betas, None)
    assert keras.backend.standardize_dtype(halved.dtype) == dtype
    difference = to_numpy(ops.cast(halved, "float32")) - to_numpy(exact)
    assert np.linalg.norm(difference) < 1e-2 * np.linalg.norm(to_numpy(exact))


def test_child_that_is_not_there_has_finite_gradients(rng):
    votes, activations, *betas = some_arguments(rng, None)
    activations[:] = 0.0

    def function(*arguments):
        return outputs_of(EMRouting(), "written", *arguments, None)

    for gradient in gradients(function, votes, activations, *betas):
        assert np.isfinite(gradient).all()


def test_networks_use_it(rng, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("step by step")

    model = capszoo.load("em_capsnet_digits")
    monkeypatch.setattr(EMRouting, "call", refuse)
    images = rng.integers(0, 256, size=(3, *model.image_shape)).astype("uint8")
    assert model.predict(images, verbose=0).shape == (3, 10)
    model.train_on_batch(images, np.arange(3))
