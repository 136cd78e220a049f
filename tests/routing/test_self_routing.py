"""Self-routing: golden vectors of the released code, loops, layers where a child is a window."""

import numpy as np
import pytest

from capszoo.layers import ConvCapsules1D
from capszoo.layers import ConvCapsules2D
from capszoo.layers import ConvCapsules3D
from capszoo.layers import DenseCapsules
from capszoo.layers import TransposedConvCapsules1D
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
    layer.routing.logit_kernel.assign(kernel.transpose(0, 2, 1))
    layer.routing.logit_bias.assign(bias.T)


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
    np.testing.assert_allclose(found[0], [[0.637381, -0.715048], [0.018843, -0.029473]], atol=2e-6)


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


def test_against_loops(rng):
    votes = rng.normal(size=(2, 3, 5, 4)).astype("float32")
    poses = rng.normal(size=(2, 5, 6)).astype("float32")
    presence = rng.uniform(size=(2, 5)).astype("float32")
    routing = SelfRouting(leaky=True, kernel_initializer="normal", bias_initializer="normal")
    outputs = to_numpy(routing(votes, presence, poses=poses, return_coupling=True))
    kernel, bias = to_numpy([routing.logit_kernel, routing.logit_bias])
    for n in range(2):
        coupling = np.zeros((3, 5))
        for i in range(5):
            exponentials = np.exp([poses[n, i] @ kernel[i, :, j] + bias[j, i] for j in range(3)])
            coupling[:, i] = exponentials / (exponentials.sum() + 1)
        mass = [sum(presence[n, i] * coupling[j, i] for i in range(5)) for j in range(3)]
        expected = [
            sum(presence[n, i] * coupling[j, i] * votes[n, j, i] for i in range(5)) / mass[j]
            for j in range(3)
        ]
        np.testing.assert_allclose(outputs[0][n], expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(outputs[1][n], mass / presence[n].sum(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(outputs[2][n], coupling, rtol=1e-4, atol=1e-5)


def test_activations_are_shares_of_one(rng):
    routing = SelfRouting(kernel_initializer="normal")
    votes, poses = rng.normal(size=(2, 4, 7, 3)), rng.normal(size=(2, 7, 5))
    _, activations = to_numpy(routing(votes, rng.uniform(size=(2, 7)), poses=poses))
    np.testing.assert_allclose(activations.sum(axis=-1), 1, atol=1e-6)
    # Of children of which none is active there is nothing to share.
    _, activations = to_numpy(routing(votes, np.zeros((2, 7)), poses=poses))
    np.testing.assert_array_equal(activations, 0)


def in_windows(poses, kernel_size, rows, sees):
    """For each parent row, all poses at the places of its window, zeros where there is none."""
    _, length, types, child_dim = poses.shape
    found = np.zeros((len(poses), rows, types, kernel_size, child_dim), "float32")
    for row, place, q in np.ndindex(rows, kernel_size, length):
        if sees(row, place, q):
            found[:, row, :, place] = poses[:, q]
    return found.reshape(len(poses), rows, types, -1)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_a_child_that_is_a_window_has_all_the_poses_in_it(padding, rng):
    poses = rng.normal(size=(2, 5, 2, 3)).astype("float32")
    layer = ConvCapsules1D(4, 3, 3, padding=padding, routing="self_routing")
    shift, rows = (1, 5) if padding == "same" else (0, 3)
    expected = in_windows(poses, 3, rows, lambda row, place, q: q == row + place - shift)
    np.testing.assert_array_equal(to_numpy(layer.arrange_poses(poses)), expected)

    layer = TransposedConvCapsules1D(4, 3, 4, 2, padding=padding, routing="self_routing")
    cut, rows = (1, 10) if padding == "same" else (0, 12)
    expected = in_windows(poses, 4, rows, lambda row, place, q: row == 2 * q + place - cut)
    np.testing.assert_allclose(to_numpy(layer.arrange_poses(poses)), expected, atol=1e-6)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(
    ("layer", "arguments"),
    [
        (ConvCapsules2D, {"votes_from": "positions"}),
        (ConvCapsules2D, {"padding": "same"}),
        (ConvCapsules3D, {"votes_from": "positions"}),
        (TransposedConvCapsules2D, {"strides": 2}),
    ],
)
def test_in_every_layer(layer, arguments, shared, rng):
    routing = {"name": "self_routing", "kernel_initializer": "normal"}
    layer = layer(4, 3, kernel_size=2, share_types=shared, routing=routing, **arguments)
    poses = rng.normal(size=(2, *(3,) * layer.rank, 2, 3)).astype("float32")
    found, activations, coupling = outputs_of(layer, poses, return_coupling=True)
    assert found.shape == layer.compute_output_shape(poses.shape)[0]
    np.testing.assert_allclose(activations.sum(axis=-1), 1, atol=1e-5)
    assert coupling.std(axis=-2).min() > 0


def test_without_transforms_a_parent_is_a_mean_of_poses(rng):
    layer = DenseCapsules(4, 3, transform=None, routing="self_routing")
    poses = rng.normal(size=(2, 5, 3)).astype("float32")
    presence = rng.uniform(size=(2, 5)).astype("float32")
    found, _ = outputs_of(layer, (poses, presence))
    assert [weight.path.split("/")[-1] for weight in layer.weights] == [
        "logit_kernel",
        "logit_bias",
    ]
    expected = np.einsum("bi,bid->bd", presence, poses) / presence.sum(-1, keepdims=True)
    np.testing.assert_allclose(found, np.repeat(expected[:, None], 4, axis=1), atol=1e-5)
    again = DenseCapsules.from_config(layer.get_config())
    assert again.transform is None
    with pytest.raises(ValueError, match=r"child_dim=3, pose_dim=4"):
        DenseCapsules(4, 4, transform=None)(poses)


def test_poses_are_needed(rng):
    votes, presence = rng.normal(size=(1, 2, 3, 4)), np.ones((1, 3))
    with pytest.raises(ValueError, match="poses=None"):
        SelfRouting()(votes, presence)
    with pytest.raises(ValueError, match=r"poses of shape \(1, 2, 4\) beside votes"):
        SelfRouting()(votes, presence, poses=np.ones((1, 2, 4)))
