"""Layers that route at once: what the authors' own code gives, and what is refused."""

import json

import keras
import numpy as np
import pytest

from capszoo.layers import ConcurrentCapsules
from capszoo.layers import ConvCapsules2D
from capszoo.layers import ConvCapsules3D
from capszoo.layers import DenseCapsules
from tests.layer_checks import gradients
from tests.layer_checks import outputs_of
from tests.layer_checks import to_numpy
from tests.layers.test_conv_capsules import seq


def attending(iterations=2):
    return {"name": "inverted_attention", "iterations": iterations}


def two_layers(iterations):
    """The layers of the golden vectors, and their input."""
    poses = seq(1, 3, 4, scale=10)
    layers = [
        DenseCapsules(2, 4, transform="matrix", routing=attending(iterations)) for _ in range(2)
    ]
    kernels = [
        seq(3, 2, 2, 2, multiplier=5, modulus=13, offset=6, scale=10),
        seq(2, 2, 2, 2, multiplier=4, modulus=9, offset=4, scale=10),
    ]
    for layer, kernel, children in zip(layers, kernels, (3, 2), strict=True):
        layer.build((1, children, 4))
        layer.kernel.assign(kernel.transpose(0, 1, 3, 2).reshape(layer.kernel.shape))
    return layers, poses


@pytest.mark.parametrize(
    ("iterations", "sequential", "concurrent"),
    [
        (
            2,
            [
                [-1.687246, 0.892483, 0.539791, 0.254973],
                [0.762716, 0.303763, -1.707329, 0.640850],
            ],
            [
                [-1.676254, 0.848819, 0.665785, 0.161651],
                [0.818829, 0.238176, -1.693372, 0.636367],
            ],
        ),
        (
            3,
            [
                [-1.684904, 0.910028, 0.514808, 0.260068],
                [0.742128, 0.318821, -1.710404, 0.649455],
            ],
            [
                [-1.684880, 0.901886, 0.534598, 0.248396],
                [0.760511, 0.301920, -1.707176, 0.644745],
            ],
        ),
    ],
)
def test_golden_vectors(iterations, sequential, concurrent):
    layers, poses = two_layers(iterations)
    one_by_one = to_numpy(layers[1](layers[0](poses)))
    np.testing.assert_allclose(one_by_one[0], sequential, atol=2e-5)
    at_once = outputs_of(ConcurrentCapsules(layers), poses)
    np.testing.assert_allclose(at_once[0], concurrent, atol=2e-5)


@pytest.mark.parametrize("make", [ConvCapsules2D, ConvCapsules3D])
@pytest.mark.parametrize("recompute", [False, True])
def test_a_single_layer_is_itself(make, recompute, rng):
    layer = make(3, 4, 2, votes_from="positions", routing=attending(3), recompute=recompute)
    poses = rng.normal(size=(2, *[3] * make.rank, 2, 4)).astype("float32")
    expected, coupling = outputs_of(layer, poses, return_coupling=True)
    found, shares = outputs_of(ConcurrentCapsules([layer]), poses, return_coupling=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(shares, coupling, atol=1e-5)


def stack(iterations=2, dtype="float32"):
    return ConcurrentCapsules(
        [
            ConvCapsules2D(3, 4, 2, votes_from="positions", routing=attending(iterations)),
            DenseCapsules(5, 4, routing=attending(iterations)),
        ],
        dtype=dtype,
    )


def test_config_shapes_and_gradients(rng):
    poses = rng.normal(size=(2, 3, 3, 2, 4)).astype("float32")
    layer = stack()
    output = outputs_of(layer, poses)
    assert output.shape == layer.compute_output_shape(poses.shape) == (2, 5, 4)
    symbol = layer(keras.KerasTensor((None, 3, 3, 2, 4)), return_coupling=True)
    assert [one.shape for one in symbol] == [(None, 5, 4), (None, 5, 12)]
    assert len(layer.trainable_weights) == 6
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    again = keras.saving.deserialize_keras_object(config)
    again.build(poses.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_allclose(outputs_of(again, poses), output, atol=1e-6)
    # One iteration is uniform, whatever the layers were a pass before.
    uniform = stack(1)
    uniform.build(poses.shape)
    by_hand = uniform.layers[1](uniform.layers[0](poses))
    np.testing.assert_allclose(outputs_of(uniform, poses), to_numpy(by_hand), atol=1e-5)
    (gradient,) = gradients(lambda poses: layer(poses)[..., 0], np.zeros_like(poses))
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("layers", "match"),
    [
        ([], "at least one layer"),
        ([DenseCapsules(2, 4)], "DenseCapsules with DynamicRouting"),
        ([keras.layers.Dense(2)], "Dense with NoneType"),
        (
            [DenseCapsules(2, 4, routing=attending(number)) for number in (1, 2)],
            r"iterations=\[1, 2\]",
        ),
    ],
)
def test_refused(layers, match):
    with pytest.raises(ValueError, match=match):
        ConcurrentCapsules(layers)
