"""The convolution that picks its form."""

import keras
import numpy as np
import pytest

from capszoo.layers import Conv2D
from tests.layer_checks import run_layer_test
from tests.layer_checks import to_numpy


def test_layer():
    run_layer_test(
        Conv2D,
        {"filters": 4, "kernel_size": 3, "strides": 2, "activation": "relu"},
        (2, 7, 8, 2),
        (2, 3, 3, 4),
        weights=2,
    )


@pytest.mark.parametrize(
    "arguments", [{"strides": 2}, {"padding": "same"}, {"dilation_rate": 2}, {"groups": 2}], ids=str
)
def test_equals_keras(arguments, rng):
    x = rng.normal(size=(2, 12, 13, 2)).astype("float32")
    ours, theirs = Conv2D(4, 5, **arguments), keras.layers.Conv2D(4, 5, **arguments)
    theirs(x)
    ours(x)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(to_numpy(ours(x)), to_numpy(theirs(x)), atol=1e-5)
