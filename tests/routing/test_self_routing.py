"""Self-routing: golden vectors of the released code, loops, layers where a child is a window."""

import keras
import numpy as np
import pytest

from capszoo.layers import ConvCapsules2D
from capszoo.layers import DenseCapsules
from capszoo.layers import TransposedConvCapsules2D
from capszoo.routing import SelfRouting
from tests.layer_checks import outputs_of
from tests.layer_checks import to_numpy


def sequence(shape, multiple, modulus, offset, scale):
    """The numbers of the golden vectors, which are exact on every platform."""
    values = ((multiple * np.arange(np.prod(shape))) % modulus - offset) / scale
    return values.reshape(shape).astype("float32")


def assign(layer, transforms, kernel, bias):
    """Gives a layer the weights `W1[i, j, d, c]`, `W2[i, j, c]` and `b2[i, j]` of a vector."""
    layer.kernel.assign(transforms.transpose(0, 3, 1, 2).reshape(layer.kernel.shape))
    layer.routing.kernel.assign(kernel.transpose(0, 2, 1))
    layer.routing.bias.assign(bias.T)


def golden_dense():
    layer = DenseCapsules(2, 2, routing="self_routing")
    layer.build((None, 3, 2))
    transforms, kernel = sequence((3, 2, 2, 2), 5, 13, 6, 5), sequence((3, 2, 2), 3, 7, 3, 2)
    assign(layer, transforms, kernel, sequence((3, 2), 2, 5, 2, 10))
    return layer, sequence((1, 3, 2), 7, 11, 5, 5), np.array([[0.9, 0.5, 0.7]], "float32")


def test_golden_dense():
    layer, poses, presence = golden_dense()
    found, activations, coupling = outputs_of(layer, (poses, presence), return_coupling=True)
    np.testing.assert_allclose(
        coupling[0], [[0.952574, 0.645656, 0.524979], [0.047426, 0.354344, 0.475021]], atol=2e-6
    )
    np.testing.assert_allclose(activations[0], [0.736967, 0.263033], atol=2e-6)
    np.testing.assert_allclose(
        found[0], [[0.637381, -0.715048], [0.018843, -0.029473]], atol=2e-6
    )


def test_golden_convolution():
    layer = ConvCapsules2D(2, 2, 2, votes_from="positions", routing="self_routing")
    layer.build((None, 3, 3, 2, 2))
    transforms, kernel = sequence((8, 2, 2, 2), 5, 13, 6, 5), sequence((8, 2, 2), 3, 7, 3, 2)
    assign(layer, transforms, kernel, sequence((8, 2), 2, 5, 2, 10))
    poses = sequence((1, 2, 2, 3, 3), 3, 13, 6, 5).transpose(0, 3, 4, 1, 2)
    presence = (sequence((1, 2, 3, 3), 3, 7, 0, 10) + np.float32(0.3)).transpose(0, 2, 3, 1)
    found, activations = outputs_of(layer, (poses, presence))
    expected = [
        [[0.548280, 0.621557], [0.372204, 0.382359]],
        [[0.451720, 0.378443], [0.627796, 0.617641]],
    ]
    np.testing.assert_allclose(activations[0].transpose(2, 0, 1), expected, atol=2e-6)
    expected = [
        [
            [[-0.134559, -0.130100], [-0.278367, 0.166395]],
            [[-0.428363, -0.146741], [0.706289, -0.217647]],
        ],
        [
            [[0.041740, 0.431155], [0.077715, -0.132303]],
            [[-0.023764, 0.615594], [-0.288367, -0.680729]],
        ],
    ]
    np.testing.assert_allclose(found[0].transpose(2, 3, 0, 1), expected, atol=2e-6)
