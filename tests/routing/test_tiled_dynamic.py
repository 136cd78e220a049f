"""Dynamic routing in tiles against votes made all at once: values and gradients."""

import keras
import numpy as np
import pytest
from keras import ops

import capszoo
from capszoo.ops import dense_votes
from capszoo.routing import DynamicRouting
from capszoo.routing.tiled_dynamic import route_in_tiles
from tests.layer_checks import gradients
from tests.layer_checks import to_numpy

CHILDREN, CHILD_DIM, PARENTS, POSE_DIM = 12, 3, 4, 5


def some_arguments(rng, batch):
    children = rng.normal(size=(batch, CHILDREN, CHILD_DIM)).astype("float32")
    kernel = rng.normal(size=(CHILDREN, CHILD_DIM, PARENTS, POSE_DIM)).astype("float32")
    bias = rng.normal(size=(PARENTS, POSE_DIM)).astype("float32")
    return children, kernel, bias


def at_once(children, kernel, bias, iterations, **options):
    routing = DynamicRouting(iterations, use_bias=False, **options)
    routing.bias = bias
    routing.built = True
    votes = dense_votes(children, ops.expand_dims(kernel, 2))
    return ops.concatenate(routing.call(votes, return_coupling=True), axis=-1)


@pytest.mark.parametrize("batch", [1, 8, 11])
@pytest.mark.parametrize(
    ("iterations", "options"),
    [
        (1, {}),
        (2, {}),
        (3, {}),
        (3, {"leaky": True}),
        (3, {"stop_gradient": True}),
        (1, {"stop_gradient": True}),
    ],
    ids=str,
)
def test_as_all_at_once(batch, iterations, options, rng):
    arguments = [ops.convert_to_tensor(array) for array in some_arguments(rng, batch)]
    # A gradient that is another for each number.
    shape = (batch, PARENTS, POSE_DIM + CHILDREN)
    weights = ops.convert_to_tensor(rng.normal(size=shape).astype("float32"))

    def tiled(*arguments):
        outputs = route_in_tiles(*arguments, iterations, return_coupling=True, rows=4, **options)
        return ops.concatenate(outputs, axis=-1) * weights

    def reference(*arguments):
        return at_once(*arguments, iterations, **options) * weights

    np.testing.assert_allclose(
        to_numpy(tiled(*arguments)), to_numpy(reference(*arguments)), rtol=1e-5, atol=1e-5
    )
    for mine, theirs in zip(
        gradients(tiled, *arguments), gradients(reference, *arguments), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_in_half_precision(dtype, rng):
    children, kernel, bias = some_arguments(rng, 6)
    exact = to_numpy(route_in_tiles(children, kernel, bias, 3, rows=4))
    halved = route_in_tiles(ops.cast(children, dtype), ops.cast(kernel, dtype), bias, 3, rows=4)
    assert keras.backend.standardize_dtype(halved.dtype) == dtype
    difference = to_numpy(ops.cast(halved, "float32")) - exact
    assert np.linalg.norm(difference) < 1e-2 * np.linalg.norm(exact)


def test_children_without_pose_have_finite_gradients(rng):
    children, kernel, bias = some_arguments(rng, 6)
    children, bias = np.zeros_like(children), np.zeros_like(bias)
    for gradient in gradients(lambda *a: route_in_tiles(*a, 3, rows=4), children, kernel, bias):
        assert np.isfinite(gradient).all()


def test_networks_do_not_make_all_votes(rng, monkeypatch):
    def refuse(*_):
        raise AssertionError("all votes were made")

    monkeypatch.setattr(capszoo.layers.DenseCapsules, "compute_votes", refuse)
    model = capszoo.load("capsnet_digits")
    images = rng.integers(0, 256, size=(3, *model.image_shape)).astype("uint8")
    assert model.predict(images, verbose=0).shape == (3, 10)
    model.train_on_batch(images, np.arange(3))


def test_trains_with_batches_of_any_size(rng):
    """Several tiles, compiled and with a last batch that is smaller."""
    inputs = keras.Input((CHILDREN, CHILD_DIM))
    outputs = capszoo.layers.DenseCapsules(PARENTS, POSE_DIM)(inputs)
    model = keras.Model(inputs, outputs)
    model.compile(optimizer="sgd", loss="mse")
    data = rng.normal(size=(21, CHILDREN, CHILD_DIM)).astype("float32")
    targets = rng.normal(size=(21, PARENTS, POSE_DIM)).astype("float32") / 4
    history = model.fit(data, targets, batch_size=8, epochs=2, verbose=0, shuffle=False)
    assert history.history["loss"][1] < history.history["loss"][0]


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="symbolic sizes are JAX's")
def test_exports_with_a_batch_of_any_size():
    import jax

    layer = capszoo.layers.DenseCapsules(PARENTS, POSE_DIM)
    layer.build((None, CHILDREN, CHILD_DIM))
    sizes = jax.export.symbolic_shape(f"batch, {CHILDREN}, {CHILD_DIM}")
    exported = jax.export.export(jax.jit(layer))(jax.ShapeDtypeStruct(sizes, "float32"))
    assert exported.call(np.ones((3, CHILDREN, CHILD_DIM), "float32")).shape[0] == 3
