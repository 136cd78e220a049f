"""Kernels of dynamic routing: what is apart from the equations that all are held to."""

import functools

import keras
import numpy as np
import pytest
from keras import ops

import capszoo
from capszoo import kernels
from capszoo.device import runs_on_cpu
from capszoo.kernels import chunked_dynamic
from capszoo.kernels import tiled_dynamic
from capszoo.kernels.chunked_dynamic import even_rows
from capszoo.kernels.chunked_passes import ChunkedPasses
from capszoo.kernels.dynamic_passes import route_by_passes
from capszoo.kernels.fused_passes import FusedPasses
from capszoo.kernels.tiled_dynamic import route_in_tiles
from capszoo.ops import Geometry
from capszoo.ops import LazyVotes
from capszoo.ops import dense_votes
from capszoo.routing import DynamicRouting
from tests.layer_checks import evaluate
from tests.layer_checks import to_numpy
from tests.layer_checks import value_and_gradients

CHILDREN, CHILD_DIM, PARENTS, POSE_DIM = 12, 3, 4, 5

ON_JAX = keras.backend.backend() == "jax"


def by_passes(passes, *arguments, leaky=False, rows=None, **options):
    return route_by_passes(passes(leaky), *arguments, rows=rows, **options)


IN_TILES = functools.partial(route_in_tiles, rows=4)
CHUNKED = functools.partial(by_passes, functools.partial(ChunkedPasses, chunks=3))
IN_CHUNKS = functools.partial(CHUNKED, rows=4)
# Their gradient in three parts.
SMALL_PARTS = 4 * 11 * 4 * PARENTS * POSE_DIM
FUSED = functools.partial(
    by_passes, functools.partial(FusedPasses, interpret=True, gradient_bytes=SMALL_PARTS)
)
FUSED_ON_CPU = functools.partial(by_passes, FusedPasses)
ONLY_JAX = pytest.mark.skipif(not ON_JAX, reason="these kernels are JAX's")
FORMS = [
    pytest.param(IN_TILES, id="tiles"),
    pytest.param(IN_CHUNKS, id="chunks"),
    pytest.param(FUSED, id="fused", marks=ONLY_JAX),
]


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


@pytest.mark.parametrize(
    ("form", "batch"),
    [
        pytest.param(IN_CHUNKS, 11, id="chunks-11"),
        pytest.param(FUSED_ON_CPU, 11, id="fused-on-cpu-11", marks=ONLY_JAX),
    ],
)
@pytest.mark.parametrize(
    ("iterations", "options"),
    [
        (1, {}),
        (3, {}),
        (2, {"leaky": True}),
        (3, {"stop_gradient": True}),
    ],
    ids=str,
)
def test_passes_where_no_door_leads_to_them(form, batch, iterations, options, rng):
    arguments = some_arguments(rng, batch)

    def mine(*arguments):
        outputs = form(*arguments, iterations, return_coupling=True, **options)
        return ops.concatenate(outputs, axis=-1)

    def reference(*arguments):
        return at_once(*arguments, iterations, **options)

    found, gradients_found = value_and_gradients(mine, *arguments)
    expected, gradients_expected = value_and_gradients(reference, *arguments)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    for found, expected in zip(gradients_found, gradients_expected, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("leaky", [False, True], ids=["plain", "leaky"])
@pytest.mark.parametrize("batch", [3, 48], ids=["few", "many"])
@pytest.mark.parametrize("form", [*FORMS, pytest.param(CHUNKED, id="whole-chunks")])
def test_strong_agreement_overflows_nothing(form, batch, leaky, rng):
    children, kernel, bias = some_arguments(rng, batch)
    arguments = (100 * children, kernel, bias)
    found, gradients = value_and_gradients(
        lambda *arguments: form(*arguments, 2, leaky=leaky), *arguments
    )
    expected = evaluate(lambda *arguments: at_once(*arguments, 2, leaky=leaky), *arguments)
    np.testing.assert_allclose(found, expected[..., :POSE_DIM], atol=1e-4)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_many_samples_are_cut_into_even_tiles_of_chunks(rng):
    arguments = some_arguments(rng, 515)
    found, expected = (
        evaluate(lambda *arguments, form=form: form(*arguments, 2), *arguments)
        for form in (
            functools.partial(route_by_passes, ChunkedPasses(), rows=even_rows(515)),
            functools.partial(route_in_tiles, rows=515),
        )
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)


def lazy_votes(batch, children=1152, child_dim=8, parents=10, pose_dim=16):
    poses, kernel = np.zeros((batch, 1, child_dim)), np.zeros((1, child_dim, 1, parents, pose_dim))
    poses, kernel = (
        np.broadcast_to(array, shape)
        for array, shape in (
            (poses, (batch, children, child_dim)),
            (kernel, (children, *kernel.shape[1:])),
        )
    )
    return LazyVotes(poses, kernel, Geometry.dense(children))


def test_chunks_are_for_large_batches_on_a_cpu_with_jax():
    assert chunked_dynamic.supports(lazy_votes(32)) == (ON_JAX and runs_on_cpu())
    assert not chunked_dynamic.supports(lazy_votes(31))
    unknown = keras.KerasTensor((None, 12, 3)), keras.KerasTensor((12, 3, 1, 4, 5))
    assert not chunked_dynamic.supports(LazyVotes(*unknown, Geometry.dense(12)))


def test_tiles_are_for_what_a_gpu_cannot_well_hold(monkeypatch):
    assert tiled_dynamic.supports(lazy_votes(128)) == runs_on_cpu()
    for module in ("tiles", "tiled_dynamic"):
        monkeypatch.setattr(f"capszoo.kernels.{module}.runs_on_cpu", lambda: False)
    assert not tiled_dynamic.supports(lazy_votes(128))
    assert tiled_dynamic.supports(lazy_votes(1024))


@pytest.mark.parametrize("option", [{"agreement": "cosine"}, {"normalization": "sparsemax"}])
def test_no_kernel_for_another_equation(option):
    votes = lazy_votes(128)
    arguments = {"bias": None, "iterations": 3}
    assert runs_on_cpu() == (kernels.dynamic.select(votes, **arguments) is not None)
    assert kernels.dynamic.select(votes, **arguments, **option) is None


def test_layers_compute_the_same_in_either_form(rng):
    layer = capszoo.layers.DenseCapsules(PARENTS, POSE_DIM)
    children = rng.normal(size=(33, CHILDREN, CHILD_DIM)).astype("float32")
    np.testing.assert_allclose(
        to_numpy(layer(children))[:5], to_numpy(layer(children[:5])), atol=1e-5
    )


def test_networks_do_not_make_all_votes(rng, monkeypatch):
    def refuse(*_):
        raise AssertionError("all votes were made")

    monkeypatch.setattr(capszoo.layers.DenseCapsules, "compute_votes", refuse)
    model = capszoo.load("capsnet_digits")
    images = rng.integers(0, 256, size=(3, *model.image_shape)).astype("uint8")
    assert model.predict(images, verbose=0).shape == (3, 10)
    model.train_on_batch(images, np.arange(3))


@pytest.mark.skipif(not ON_JAX, reason="symbolic sizes are JAX's")
def test_exports_with_a_batch_of_any_size():
    import jax

    layer = capszoo.layers.DenseCapsules(PARENTS, POSE_DIM)
    layer.build((None, CHILDREN, CHILD_DIM))
    sizes = jax.export.symbolic_shape(f"batch, {CHILDREN}, {CHILD_DIM}")
    exported = jax.export.export(jax.jit(layer))(jax.ShapeDtypeStruct(sizes, "float32"))
    assert exported.call(np.ones((3, CHILDREN, CHILD_DIM), "float32")).shape[0] == 3
