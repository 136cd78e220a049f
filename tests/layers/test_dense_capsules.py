"""Fully connected capsules: the layer test and votes against loops."""

import keras
import numpy as np
import pytest

from capszoo.layers import DenseCapsules
from capszoo.routing import DynamicRouting
from tests.layer_checks import outputs_of
from tests.layer_checks import run_layer_test
from tests.layer_checks import to_numpy
from tests.routing.loops import dynamic_routing


@pytest.mark.parametrize(
    ("arguments", "weights"),
    [
        ({}, 2),
        ({"routing": {"name": "dynamic", "iterations": 1, "use_bias": False}}, 1),
        ({"routing": "uniform", "vote_bias": "votes", "kernel_regularizer": "l2"}, 3),
        ({"routing": "self_attention", "transform": "matrix", "vote_bias": "parents"}, 3),
        ({"routing": {"name": "cluster", "cluster_size": 2}, "kernel_initializer": "normal"}, 1),
    ],
    ids=["plain", "config", "regularized", "matrix", "cluster"],
)
def test_layer(arguments, weights):
    layer, _ = run_layer_test(
        DenseCapsules,
        {"num_capsules": 3, "pose_dim": 4, **arguments},
        (2, 5, 4),
        (2, 3, 4),
        weights,
    )
    assert len(layer.losses) == ("kernel_regularizer" in arguments)


def test_against_loops(rng):
    poses = rng.normal(size=(2, 3, 2, 2, 4)).astype("float32")
    layer = DenseCapsules(5, 3, kernel_initializer="normal")
    outputs, coupling = outputs_of(layer, poses, return_coupling=True)
    kernel, bias = to_numpy([layer.kernel, layer.routing.bias])
    children = [index for index in np.ndindex(3, 2, 2)]
    for n in range(2):
        votes = np.array(
            [
                # Children are counted row by row, types fastest.
                [poses[(n, *where)] @ kernel[i, :, 0, j] for i, where in enumerate(children)]
                for j in range(5)
            ]
        )
        expected_poses, expected_coupling = dynamic_routing(votes, 3, bias, leaky=False)
        np.testing.assert_allclose(outputs[n], expected_poses, atol=1e-5)
        np.testing.assert_allclose(coupling[n], expected_coupling, atol=1e-5)


@pytest.mark.parametrize("return_coupling", [False, True])
def test_symbolic_shapes(return_coupling):
    layer = DenseCapsules(5, 3)
    symbols = layer(keras.KerasTensor((None, 3, 2, 4)), return_coupling=return_coupling)
    eager = layer(np.ones((2, 3, 2, 4), "float32"), return_coupling=return_coupling)
    symbols, eager = keras.tree.flatten(symbols), keras.tree.flatten(eager)
    assert [x.shape for x in symbols] == [(None, *x.shape[1:]) for x in eager]


def test_return_coupling_in_a_model():
    inputs = keras.Input((3, 4))
    poses, coupling = DenseCapsules(5, 3)(inputs, return_coupling=True)
    model = keras.Model(inputs, [poses, coupling])
    again = keras.Model.from_config(model.get_config())
    assert [x.shape for x in again.outputs] == [(None, 5, 3), (None, 5, 3)]


def test_routing_follows_the_layers_dtype():
    assert DenseCapsules(2, 3, dtype="mixed_float16").routing.compute_dtype == "float16"
    layer = DenseCapsules(2, 3, routing={"name": "dynamic", "dtype": "float32"}, dtype="bfloat16")
    assert layer.routing.compute_dtype == "float32"
    again = DenseCapsules.from_config(layer.get_config())
    assert again.routing.compute_dtype == "float32"
    # A config says nothing on the routing's dtype where it is the layer's.
    config = {**DenseCapsules(2, 3).get_config(), "dtype": "mixed_float16"}
    assert DenseCapsules.from_config(config).routing.compute_dtype == "float16"


def test_routing_of_two_layers():
    routing = DynamicRouting()
    x = np.ones((1, 3, 4), "float32")
    DenseCapsules(2, 3, routing=routing)(x)
    with pytest.raises(ValueError, match="belongs to another layer already"):
        DenseCapsules(2, 3, routing=routing, name="second")(x)


def test_pair_given_to_a_routing_without_activations():
    layer = DenseCapsules(2, 3, name="classes")
    with pytest.raises(ValueError, match="Layer 'classes' was given poses and activations"):
        layer((np.ones((1, 3, 4), "float32"), np.ones((1, 3), "float32")))


def test_explicit_activations():
    x = 0.1 * np.ones((1, 3, 4), "float32")
    layer = DenseCapsules(2, 3, routing="em")
    poses, activations = layer(x)
    assert (tuple(poses.shape), tuple(activations.shape)) == ((1, 2, 3), (1, 2))
    # Poses alone are taken with their length.
    again = layer((x, 0.2 * np.ones((1, 3), "float32")))
    np.testing.assert_allclose(to_numpy(again[0]), to_numpy(poses), atol=1e-5)


@pytest.mark.parametrize(
    "arguments",
    [{"num_capsules": 0}, {"pose_dim": 2.0}, {"transform": "rows"}, {"vote_bias": "vote"}],
    ids=str,
)
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}`"):
        DenseCapsules(**{"num_capsules": 2, "pose_dim": 3, **arguments})


def test_unknown_routing():
    with pytest.raises(ValueError, match=r"'dynamc'. Did you mean 'dynamic'\?"):
        DenseCapsules(2, 3, routing="dynamc")


@pytest.mark.parametrize("shape", [(2, 6), (2, None, 4)], ids=str)
def test_bad_input(shape):
    with pytest.raises(ValueError, match=r"\(batch, \*spatial, children, child_dim\)"):
        DenseCapsules(2, 3).build(shape)
