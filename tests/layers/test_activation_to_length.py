"""Poses that get their activation as length."""

import numpy as np

from capszoo.layers import ActivationToLength
from tests.layer_checks import gradients
from tests.layer_checks import to_numpy


def test_length_and_direction(rng):
    poses = rng.normal(size=(2, 3, 4)).astype("float32")
    activations = rng.uniform(size=(2, 3)).astype("float32")
    outputs = to_numpy(ActivationToLength()((poses, activations)))
    np.testing.assert_allclose(np.linalg.norm(outputs, axis=-1), activations, atol=1e-5)
    cosine = (outputs * poses).sum(-1) / np.linalg.norm(poses, axis=-1) / activations
    np.testing.assert_allclose(cosine, 1.0, atol=1e-4)


def test_gradient_at_zero_is_finite():
    found = gradients(lambda x: ActivationToLength()((x, x[..., 0])), np.zeros((2, 3, 4)))
    assert np.isfinite(found[0]).all()


def test_gradient_at_zero_is_finite_in_float16():
    layer = ActivationToLength(dtype="float16")
    found = gradients(lambda poses: layer((poses, np.ones((2, 3)))), np.zeros((2, 3, 4)))
    # That of `pose / sqrt(1e-7)`.
    np.testing.assert_allclose(found[0], 1e7**0.5, rtol=2e-3)
