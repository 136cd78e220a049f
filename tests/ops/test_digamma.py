"""The digamma function and its derivative, against SciPy."""

import keras
import numpy as np
import pytest
from scipy import special

from capszoo import ops
from tests.layer_checks import gradients
from tests.layer_checks import to_numpy

NUMBERS = np.concatenate(
    [np.linspace(1.0, 20.0, 5001), np.geomspace(20.0, 1e6, 2001), [6.0, 1.4616321]]
).astype("float32")


def test_digamma():
    found = to_numpy(ops.digamma(NUMBERS))
    assert found.dtype == np.float32
    expected = special.digamma(NUMBERS.astype("float64"))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_trigamma_is_its_gradient():
    expected = special.polygamma(1, NUMBERS.astype("float64"))
    np.testing.assert_allclose(to_numpy(ops.trigamma(NUMBERS)), expected, rtol=1e-6)
    # The gradient is told from a step of a variable, whose own last digit counts.
    few = NUMBERS < 16
    (gradient,) = gradients(ops.digamma, NUMBERS[few])
    np.testing.assert_allclose(gradient, expected[few], rtol=1e-6, atol=1e-6)


def test_small_numbers():
    small = np.geomspace(1e-3, 1.0, 101).astype("float32")
    expected = special.digamma(small.astype("float64"))
    np.testing.assert_allclose(to_numpy(ops.digamma(small)), expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(dtype):
    found = ops.digamma(keras.ops.cast(np.array([1.0, 3.0, 100.0]), dtype))
    assert keras.backend.standardize_dtype(found.dtype) == dtype
    expected = special.digamma([1.0, 3.0, 100.0])
    np.testing.assert_allclose(to_numpy(keras.ops.cast(found, "float32")), expected, rtol=0.01)
