"""The door: who is asked, in which order, how often, and how to switch kernels off."""

import types

import keras
import numpy as np
import pytest

import capszoo
from capszoo import kernels
from capszoo.layers import DenseCapsules
from tests.layer_checks import to_numpy

POSES = np.ones((2, 5, 3), "float32")


@pytest.fixture
def toy(monkeypatch):
    """A kernel of dynamic routing that gives ones, and notes what it is asked."""
    asked = []

    def supports(votes, **arguments):
        asked.append(arguments)
        return votes.geometry.children < 10

    def run(votes, return_coupling, **_):
        batch, parents, children, pose_dim = votes.shape
        poses = keras.ops.ones((batch, parents, pose_dim))
        return (poses, keras.ops.ones((batch, parents, children))) if return_coupling else poses

    toy = types.SimpleNamespace(supports=supports, run=run, asked=asked)
    doors = kernels.dynamic
    monkeypatch.setattr(doors, "IMPLEMENTATIONS", [toy, *doors.IMPLEMENTATIONS])
    return toy


def test_the_first_that_supports_it_is_run_and_asked_once(toy):
    layer = DenseCapsules(4, 6)
    assert (to_numpy(layer(POSES)) == 1.0).all()
    assert len(toy.asked) == 1
    assert toy.asked[0]["iterations"] == 3
    _, coupling = layer(POSES, return_coupling=True)
    assert (to_numpy(coupling) == 1.0).all()
    # More children than it supports: who comes next.
    assert (to_numpy(DenseCapsules(4, 6)(np.ones((2, 12, 3), "float32"))) != 1.0).any()


def test_in_models_and_for_subclasses(toy):
    model = keras.Sequential([keras.Input((5, 3)), DenseCapsules(4, 6, routing="uniform")])
    assert (model.predict(POSES, verbose=0) == 1.0).all()


def test_switched_off(toy, monkeypatch):
    layer = DenseCapsules(4, 6)
    with kernels.disabled():
        assert (to_numpy(layer(POSES)) != 1.0).any()
    assert (to_numpy(layer(POSES)) == 1.0).all()
    monkeypatch.setenv("CAPSZOO_KERNELS", "off")
    assert (to_numpy(layer(POSES)) != 1.0).any()
    monkeypatch.setenv("CAPSZOO_KERNELS", "on")
    assert (to_numpy(layer(POSES)) == 1.0).all()
    monkeypatch.setenv("CAPSZOO_KERNELS", "none")
    with pytest.raises(ValueError, match="CAPSZOO_KERNELS"):
        layer(POSES)


def test_masked_votes_have_no_kernel(toy):
    layer = DenseCapsules(4, 6)
    layer.build(POSES.shape)
    votes = layer.lazy_votes(keras.ops.convert_to_tensor(POSES))
    assert layer.routing.select_kernel(votes, mask=None) is not None
    assert layer.routing.select_kernel(votes, mask=np.ones((2, 5), bool)) is None


@pytest.mark.parametrize("name", ["dynamic", "cluster", "inverted_attention", "self_attention"])
def test_activations_are_refused_as_by_call(name):
    layer = DenseCapsules(4, 6, routing=name)
    layer.build(POSES.shape)
    votes = layer.lazy_votes(keras.ops.convert_to_tensor(POSES))
    with pytest.raises(ValueError, match=r"no explicit activations.*\(2, 5\)"):
        layer.routing.route(votes, keras.ops.ones((2, 5)))


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="torch.compile is PyTorch's")
@pytest.mark.parametrize("name", ["dynamic", "em", "cluster", "inverted_attention"])
def test_torch_compile_sees_the_equations(name, monkeypatch):
    layer = DenseCapsules(4, 6, routing=name)
    expected = layer(POSES)
    monkeypatch.setattr("capszoo.kernels.selection.compiled_by_torch", lambda: True)
    door = getattr(kernels, name)
    refusing = types.SimpleNamespace(supports=lambda *_, **__: pytest.fail("asked"))
    monkeypatch.setattr(door, "IMPLEMENTATIONS", [refusing])
    for one, other in zip(
        keras.tree.flatten(layer(POSES)), keras.tree.flatten(expected), strict=True
    ):
        np.testing.assert_allclose(to_numpy(one), to_numpy(other), rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="`create_graph` is PyTorch's")
@pytest.mark.parametrize(
    "name",
    [
        "dynamic",
        "em",
        "cluster",
        "self_attention",
        "attention",
        "star",
        "interest",
        "inverted_attention",
    ],
)
@pytest.mark.parametrize("convolution", [False, True], ids=["dense", "convolution"])
def test_second_derivatives(name, convolution, rng):
    """A Hessian times a vector, as by automatic differentiation of the equations."""
    import torch

    if convolution:
        layer = capszoo.layers.ConvCapsules2D(3, 4, kernel_size=3, routing=name)
    else:
        layer = DenseCapsules(3, 4, routing=name)
    shape = (4, 5, 5, 2, 4) if convolution else (40, 64, 4)
    layer.build(shape)
    x, direction = (torch.tensor(rng.normal(size=shape).astype("float32")) for _ in range(2))

    def hessian_times_direction():
        start = x.clone().requires_grad_(True)
        total = sum((output**3).sum() for output in keras.tree.flatten(layer(start)))
        (gradient,) = torch.autograd.grad(total, start, create_graph=True)
        return torch.autograd.grad((gradient * direction).sum(), start)[0]

    found = hessian_times_direction()
    with kernels.disabled():
        expected = hessian_times_direction()
    assert (found - expected).norm() < 1e-3 * expected.norm()
