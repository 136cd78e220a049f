"""Programs for a GPU, run by JAX itself: against NumPy, and lowered for a GPU."""

from functools import partial

import keras
import numpy as np
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("these kernels are JAX's", allow_module_level=True)

import jax
import jax.numpy as jnp

import capszoo
from capszoo.kernels import fused_passes
from capszoo.kernels import fused_programs
from capszoo.kernels.dynamic_passes import route_by_passes
from capszoo.kernels.fused_passes import FusedPasses
from capszoo.kernels.fused_passes import beat_all_votes
from capszoo.kernels.fused_self_attention import attend_by_passes
from capszoo.ops import Geometry
from capszoo.ops import LazyVotes
from tests.layer_checks import gradients
from tests.layer_checks import to_numpy

# Batch, children, child_dim, parents, pose_dim: samples and poses that fill no tile, parents in
# one group, two, and one with room to spare, one child for a program and several.
SHAPES = [(3, 2, 3, 1, 5), (17, 4, 8, 10, 16), (5, 3, 6, 13, 2), (2, 1030, 1, 3, 2)]


def some_arrays(rng, batch, inputs, child_dim, parents, pose_dim):
    shapes = (batch, inputs, child_dim), (inputs, child_dim, parents, pose_dim)
    children, kernel = (rng.normal(size=shape).astype("float32") for shape in shapes)
    poses = rng.normal(size=(batch, parents, pose_dim)).astype("float32")
    votes = np.einsum("bic,icjd->bijd", children, kernel)
    return children, kernel, poses, votes


def softmax(logits, leaky=False):
    total = np.exp(logits).sum(axis=-1, keepdims=True) + leaky
    return np.exp(logits) / total


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("leaky", [False, True], ids=["softmax", "leaky"])
def test_iteration(shape, leaky, rng):
    children, kernel, poses, votes = some_arrays(rng, *shape)
    logits = rng.normal(size=votes.shape[:3]).astype("float32")
    total, new = fused_programs.iterate(
        children, kernel, poses / 4, logits, leaky=leaky, interpret=True
    )
    expected = logits + np.sum(votes * poses[:, None] / 4, axis=-1)
    np.testing.assert_allclose(new, expected, rtol=1e-4, atol=1e-4)
    expected = np.sum(softmax(expected, leaky)[..., None] * votes, axis=1)
    np.testing.assert_allclose(total, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_attention(shape, rng):
    children, kernel, poses, votes = some_arrays(rng, *shape)
    bias = rng.normal(size=(1, *votes.shape[1:3])).astype("float32")
    total, logits = fused_programs.attend(children, kernel, poses / 4, bias, interpret=True)
    expected = np.sum(votes * poses[:, None] / 4, axis=-1)
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)
    expected = np.sum((softmax(expected) + bias)[..., None] * votes, axis=1)
    np.testing.assert_allclose(total, expected, rtol=1e-3, atol=1e-3)


def test_self_attention_as_with_all_votes(rng):
    children, kernel, poses, _ = some_arrays(rng, 5, 3, 6, 10, 4)
    bias = rng.normal(size=(10, 3)).astype("float32")

    def by_passes(children, kernel, bias):
        passes = FusedPasses(interpret=True, gradient_bytes=1)
        return attend_by_passes(passes, children, kernel, bias) * poses

    def at_once(children, kernel, bias):
        votes = jnp.einsum("bic,icjd->bjid", children, kernel)
        attention = jnp.einsum("bjid,bjkd->bji", votes, votes) / 4**0.5
        coupling = jax.nn.softmax(attention, axis=1) + bias
        return jnp.einsum("bji,bjid->bjd", coupling, votes) * poses

    arguments = children, kernel / 4, bias
    np.testing.assert_allclose(by_passes(*arguments), at_once(*arguments), rtol=1e-5, atol=1e-5)
    for found, expected in zip(
        gradients(by_passes, *arguments), gradients(at_once, *arguments), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("routing", ["dynamic", "self_attention"])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_layers_compute_the_same_by_kernels(routing, dtype, rng, monkeypatch):
    layer = capszoo.layers.DenseCapsules(10, 6, routing=routing, dtype=dtype)
    children = rng.normal(size=(3, 7, 5)).astype("float32")
    expected = layer(children)
    monkeypatch.setattr(fused_passes, "beat_all_votes", lambda _: True)
    monkeypatch.setattr(fused_passes, "FusedPasses", partial(FusedPasses, interpret=True))
    monkeypatch.setattr(layer, "compute_votes", lambda *_: pytest.fail("all votes were made"))
    found = layer(children)
    assert found.dtype == expected.dtype
    tolerance = 1e-5 if dtype == "float32" else 1e-2
    np.testing.assert_allclose(to_numpy(found), to_numpy(expected), atol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_becomes_kernels_for_a_gpu(dtype):
    """Lowered for CUDA on this machine, forward and backward; what remains is Triton's."""

    def loss(children, kernel, bias, coupling_bias):
        poses = route_by_passes(FusedPasses(leaky=True), children, kernel, bias, 3)
        attended = attend_by_passes(FusedPasses(), children, kernel, coupling_bias)
        return jnp.sum(poses.astype("float32") ** 2) + jnp.sum(attended**2)

    shapes = [(33, 7, 6), (7, 6, 10, 5), (10, 5), (10, 7)]
    specs = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
    exported = jax.export.export(
        jax.jit(jax.grad(loss, argnums=(0, 1, 2, 3))),
        platforms=["cuda"],
        disabled_checks=[
            jax.export.DisabledSafetyCheck.custom_call(name)
            for name in ("__gpu$xla.gpu.triton", "triton_kernel_call")
        ],
    )(*specs)
    # Two iterations and their gradients, and self-attention and its own.
    assert exported.mlir_module().count("stablehlo.custom_call @") >= 6


def lazy_votes(batch=128, child_dim=8, parents=10):
    poses, kernel = (
        jnp.zeros((batch, 1152, child_dim)),
        jnp.zeros((1152, child_dim, 1, parents, 16)),
    )
    return LazyVotes(poses, kernel, Geometry.dense(1152))


def test_kernels_are_for_many_votes_on_a_fitting_gpu(monkeypatch):
    monkeypatch.setattr(fused_passes, "has_fitting_gpu", lambda: True)
    assert beat_all_votes(lazy_votes())
    assert not beat_all_votes(lazy_votes(batch=8))
    assert not beat_all_votes(lazy_votes(child_dim=64))
    assert not beat_all_votes(lazy_votes(parents=100))
    with keras.distribution.DataParallel().scope():
        assert not beat_all_votes(lazy_votes())


def test_a_trial_tells_whether_kernels_work(monkeypatch):
    found = []
    # Whatever is traced at the time.
    jax.jit(lambda x: found.append(fused_passes._passes_a_trial()) or x)(1.0)
    assert found == [True]

    def cannot_compile(*_):
        raise NotImplementedError("no such thing as a GPU")

    monkeypatch.setattr(FusedPasses, "iterate", cannot_compile)
    with pytest.warns(UserWarning, match="no such thing as a GPU"):
        assert not fused_passes._passes_a_trial()
