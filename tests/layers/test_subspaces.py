"""Layers of subspaces against golden vectors and projectors in NumPy."""

import keras
import numpy as np
import pytest

import capszoo
from capszoo.kernels.inverse_square_root import inverse_square_root
from capszoo.layers import SubspaceConv2D
from capszoo.layers import SubspaceDense
from capszoo.layers.subspaces import mean_squash
from capszoo.layers.subspaces import orthonormal
from capszoo.layers.subspaces import threshold
from tests.layer_checks import gradients
from tests.layer_checks import to_numpy


def sequence(shape, step, modulus, shift, scale):
    """The numbers that golden vectors are made from: `((step i) mod modulus - shift) / scale`."""
    return ((step * np.arange(np.prod(shape)) % modulus - shift) / scale).reshape(shape)


def projector(basis):
    return basis @ np.linalg.inv(basis.T @ basis) @ basis.T


def test_golden_weights():
    kernel = sequence((3, 4), 5, 13, 6, 5)
    expected = [
        [-0.760386, -0.056643, 0.149477, -0.319187],
        [0.017706, 0.994011, 0.067972, 0.382101],
        [-0.649230, 0.093450, 0.472267, 0.046031],
    ]
    layer = SubspaceConv2D(2, 2, 1, activation=None)
    layer.build((None, 1, 1, 3))
    layer.set_weights([kernel.reshape(1, 1, 3, 4), np.array([1.0, 0.5]), np.zeros(2)])
    np.testing.assert_allclose(to_numpy(layer.projection())[0, 0], expected, atol=3e-6)
    poses = to_numpy(layer(np.array([0.5, -1, 2], "float32").reshape(1, 1, 1, 3)))
    np.testing.assert_allclose(
        poses.reshape(-1), [-1.696359, -0.835433, 0.951301, -0.449632], atol=3e-6
    )
    lengths = np.linalg.norm(poses[0, 0, 0], axis=-1) / [1.0, 0.5]
    np.testing.assert_allclose(lengths, [1.890921, 2.104417], atol=5e-6)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (
            mean_squash,
            [[-0.482011, 0.192804], [-0.192804, 0.482011], [0.087029, -0.215727], [0.348117, 0.0]],
        ),
        (
            lambda poses: threshold(poses, 0.3),
            [[-0.916437, 0.366575], [-0.366575, 0.916437], [0.178172, -0.51], [0.712687, 0.0]],
        ),
    ],
    ids=["squash", "threshold"],
)
def test_golden_activations(activation, expected):
    # Of two positions, channels first; two channels beside each other are a pose.
    channels = sequence((4, 2), 7, 11, 5, 5)
    poses = channels.reshape(2, 2, 2).transpose(2, 0, 1).astype("float32")
    found = to_numpy(activation(keras.ops.convert_to_tensor(poses)))
    found = found.transpose(1, 2, 0).reshape(4, 2)
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_golden_scores():
    bases = sequence((2, 3, 2), 5, 13, 6, 5)
    layer = SubspaceDense(2, 2)
    layer.build((None, 3))
    layer.set_weights([np.concatenate(bases, axis=-1)])
    poses = layer(np.array([[-1, 0.4, -0.4]], "float32"))
    np.testing.assert_allclose(
        to_numpy(capszoo.ops.safe_norm(poses))[0], [1.045290, 0.865928], atol=3e-6
    )


def test_the_length_is_that_of_the_projection(rng):
    features = rng.normal(size=(2, 6, 5, 3)).astype("float32")
    layer = SubspaceConv2D(4, 3, (3, 2), strides=(2, 1), activation=None)
    poses = to_numpy(layer(features))
    kernel = layer.get_weights()[0]
    for row in range(poses.shape[1]):
        for column in range(poses.shape[2]):
            window = features[:, 2 * row : 2 * row + 3, column : column + 2].reshape(2, -1)
            for kind in range(4):
                basis = kernel[..., 3 * kind : 3 * kind + 3].reshape(-1, 3).astype("float64")
                expected = np.linalg.norm(window @ projector(basis), axis=-1)
                found = np.linalg.norm(poses[:, row, column, kind], axis=-1)
                np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("condition", [1.0, 1e3, 1e5])
def test_orthonormal_however_the_basis_leans(condition, rng):
    left = np.linalg.qr(rng.normal(size=(6, 2)))[0]
    basis = left * [1.0, condition**-0.5] @ np.linalg.qr(rng.normal(size=(2, 2)))[0]
    made = to_numpy(orthonormal(keras.ops.convert_to_tensor(basis.astype("float32")), 1, 2))
    np.testing.assert_allclose(made.T @ made, np.eye(2), atol=1e-6 * condition + 1e-5)


@pytest.mark.parametrize("values", [(2.0, 2.0, 2.0), (1.0, 2.0, 5.0)], ids=["equal", "apart"])
def test_gradient_of_the_inverse_root(values, rng):
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    matrix = turn @ np.diag(values) @ turn.T
    weights = rng.normal(size=(3, 3))

    def exact(matrix):
        own, vectors = np.linalg.eigh(matrix)
        return (weights * (vectors @ np.diag(own**-0.5) @ vectors.T)).sum()

    # Of a symmetric matrix, by moving both of a pair of numbers.
    expected = np.zeros((3, 3))
    for i, j in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[i, j] += 5e-5
        step[j, i] += 5e-5
        expected[i, j] = (exact(matrix + step) - exact(matrix - step)) / 2e-4
    (found,) = gradients(lambda x: keras.ops.multiply(weights, inverse_square_root(x)), matrix)
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-4)


def test_folded_is_the_same(rng):
    model = capszoo.models.SubspaceCapsNet(
        (8, 8, 1), 3, 8, capsule_types=(4, 4), capsule_dims=(3, 4)
    )
    for layer in model.layers:
        # Scores of about 1: of larger ones float32 does not hold the fifth decimal.
        layer.set_weights([rng.normal(0.1, 0.1, size=one.shape) for one in layer.get_weights()])
    images = rng.integers(0, 256, (4, 8, 8, 1)).astype("uint8")
    folded = model.folded()
    np.testing.assert_allclose(
        folded.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-5
    )
    again = type(folded).from_config(folded.get_config())
    assert again.get_layer("capsules_1").folded


def test_refusals():
    with pytest.raises(ValueError, match=r"windows of 4 numbers.*Received: pose_dim=5"):
        SubspaceConv2D(2, 5, 2)(np.zeros((1, 4, 4, 1)))
    with pytest.raises(ValueError, match=r"projects 3 features.*Received: pose_dim=5"):
        SubspaceDense(2, 5)(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="activation"):
        SubspaceConv2D(2, 2, 2, activation="relu")
    with pytest.raises(ValueError, match=r"\(batch, features\)"):
        SubspaceDense(2, 2)(np.zeros((1, 3, 4)))
