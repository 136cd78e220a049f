"""Inverted attention: what the authors' own code gives, in dense and convolutional layers."""

import numpy as np
import pytest

from capszoo.layers import ConvCapsules2D
from capszoo.layers import DenseCapsules
from capszoo.ops import extract_patches
from tests.layer_checks import outputs_of
from tests.layer_checks import to_numpy
from tests.layers.test_conv_capsules import seq

POSE = seq(1, 3, 4, scale=10)
# Child, row, column of the pose, parent.
MATRICES = seq(3, 2, 2, 2, multiplier=5, modulus=13, offset=6, scale=10)
# The two axes of the window, type, row, column of the pose, parent.
OF_MAP = seq(2, 2, 1, 2, 2, 2, multiplier=5, modulus=13, offset=6, scale=10)


def dense(iterations, kernel, pose_dim=4, transform="matrix"):
    routing = {"name": "inverted_attention", "iterations": iterations}
    layer = DenseCapsules(2, pose_dim, routing=routing, transform=transform)
    layer.build(POSE.shape)
    layer.kernel.assign(kernel.reshape(layer.kernel.shape))
    return layer


@pytest.mark.parametrize(
    ("iterations", "poses", "coupling"),
    [
        (
            1,
            [
                [1.570545, -1.185922, -0.352571, -0.032052],
                [-0.300928, 0.421300, 1.304023, -1.424394],
            ],
            [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]],
        ),
        (
            2,
            [
                [1.574198, -1.204086, -0.218227, -0.151885],
                [-0.221042, 0.397149, 1.285868, -1.461975],
            ],
            [[0.572605, 0.467907, 0.490415], [0.427395, 0.532093, 0.509585]],
        ),
        (
            3,
            [
                [1.574016, -1.205274, -0.199414, -0.169328],
                [-0.199388, 0.384878, 1.284264, -1.469754],
            ],
            [[0.579575, 0.458558, 0.492181], [0.420425, 0.541442, 0.507819]],
        ),
    ],
)
def test_golden_vector_of_matrices(iterations, poses, coupling):
    layer = dense(iterations, MATRICES.transpose(0, 1, 3, 2))
    found, shares = outputs_of(layer, POSE, return_coupling=True)
    np.testing.assert_allclose(found[0], poses, atol=2e-5)
    np.testing.assert_allclose(shares[0], coupling, atol=2e-5)


@pytest.mark.parametrize(
    ("iterations", "poses"),
    [
        (1, [[0.997379, 0.367455, -1.364834], [-0.674679, -0.737930, 1.412610]]),
        (2, [[0.835645, 0.568057, -1.403702], [-0.540851, -0.860443, 1.401294]]),
        (3, [[0.762325, 0.648262, -1.410587], [-0.515691, -0.881865, 1.397556]]),
    ],
)
def test_golden_vector_of_vectors(iterations, poses):
    kernel = seq(3, 4, 2, 3, multiplier=3, modulus=7, offset=3, scale=10)
    layer = dense(iterations, kernel, pose_dim=3, transform="full")
    np.testing.assert_allclose(outputs_of(layer, POSE)[0], poses, atol=2e-5)


def conv(iterations):
    layer = ConvCapsules2D(
        2,
        4,
        2,
        votes_from="positions",
        transform="matrix",
        routing={"name": "inverted_attention", "iterations": iterations},
    )
    layer.build((1, 3, 3, 1, 4))
    layer.kernel.assign(OF_MAP.transpose(0, 1, 2, 3, 5, 4).reshape(layer.kernel.shape))
    return layer


@pytest.mark.parametrize(
    ("iterations", "corners"),
    [
        (
            1,
            [
                [
                    [0.786565, 0.274383, -1.701175, 0.640227],
                    [0.220365, 0.178391, 1.185774, -1.584530],
                ],
                [
                    [-0.562475, 0.749967, 1.151735, -1.339227],
                    [1.388019, -0.713468, -1.154521, 0.479969],
                ],
            ],
        ),
        (
            2,
            [
                [
                    [0.581604, 0.359583, -1.713098, 0.771911],
                    [0.091184, 0.269899, 1.207056, -1.568139],
                ],
                [
                    [-0.652701, 0.814331, 1.122718, -1.284348],
                    [1.490276, -0.552156, -1.187778, 0.249658],
                ],
            ],
        ),
    ],
)
def test_golden_vector_of_a_map(iterations, corners):
    found = outputs_of(conv(iterations), seq(1, 3, 3, 4, scale=10).reshape(1, 3, 3, 1, 4))
    np.testing.assert_allclose(found[0, [0, 1], [0, 1]], corners, atol=2e-5)


def test_positions_are_not_read_as_poses():
    """The authors' code stacks windows on the last axis and reads it as if it were the pose.

    Of a map of 3x3 positions that is another function of the same numbers: what ours must not be.
    """
    poses = seq(1, 3, 3, 4, scale=10).reshape(1, 3, 3, 1, 4)
    patches = to_numpy(extract_patches(poses[..., 0, :], (2, 2), 1, "valid")).reshape(2, 2, 2, 2, 4)
    # Row and column of the window, pose, positions: then positions and pose, without moving.
    misread = patches.transpose(2, 3, 4, 0, 1).reshape(2, 2, 2, 2, 4).transpose(2, 3, 0, 1, 4)
    layer = conv(2)
    right, wrong = (
        outputs_of(dense_of_window(layer), windows.reshape(4, 4, 4))
        for windows in (patches, misread)
    )
    found = outputs_of(layer, poses).reshape(4, 2, 4)
    np.testing.assert_allclose(found, right, atol=2e-5)
    assert np.abs(found - wrong).max() > 0.1


def dense_of_window(conv_layer):
    """The layer's parents at one position, as a layer of dense capsules."""
    layer = DenseCapsules(2, 4, transform="matrix", routing="inverted_attention")
    layer.build((1, 4, 4))
    layer.kernel.assign(to_numpy(conv_layer.kernel).reshape(layer.kernel.shape))
    return layer


def test_scale_and_bias_act_in_every_iteration(rng):
    votes = rng.normal(size=(2, 3, 5, 4)).astype("float32")
    scale, bias = rng.normal(size=(2, 4)).astype("float32")
    layer = DenseCapsules(3, 4, routing={"name": "inverted_attention", "iterations": 3})
    routing = layer.routing
    routing.build(votes.shape)
    routing.scale.assign(scale)
    routing.bias.assign(bias)
    poses, coupling = to_numpy(routing(votes, return_coupling=True))
    for sample in range(2):
        shares = np.full((3, 5), 1 / 3)
        for iteration in range(3):
            total = np.einsum("ji,jie->je", shares, votes[sample])
            spread = np.sqrt(total.var(axis=-1, keepdims=True) + 1e-5)
            expected = (total - total.mean(axis=-1, keepdims=True)) / spread * scale + bias
            if iteration < 2:
                logits = np.einsum("jie,je->ji", votes[sample], expected) / 2.0
                shares = np.exp(logits) / np.exp(logits).sum(axis=0)
        np.testing.assert_allclose(poses[sample], expected, atol=1e-4)
        np.testing.assert_allclose(coupling[sample], shares, atol=1e-4)
