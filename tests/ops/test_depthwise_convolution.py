"""Depthwise convolution: values and gradients are Keras' own, in every form."""

import keras
import numpy as np
import pytest

from capszoo.ops import depthwise_conv2d
from capszoo.ops import depthwise_convolution
from tests.layer_checks import gradients
from tests.layer_checks import to_numpy

# Height and width of the window, and strides, on images of 7x6.
CASES = [((7, 6), 1), ((7, 6), 2), ((3, 2), 1), ((3, 3), 2), ((1, 1), 1), ((2, 3), (2, 3))]


@pytest.mark.parametrize("on_cpu", [True, False])
@pytest.mark.parametrize(("kernel_size", "strides"), CASES)
def test_equals_keras(kernel_size, strides, on_cpu, rng, monkeypatch):
    monkeypatch.setattr(depthwise_convolution, "runs_on_cpu", lambda: on_cpu)
    x = rng.normal(size=(3, 7, 6, 4)).astype("float32")
    kernel = rng.normal(size=(*kernel_size, 4, 1)).astype("float32")
    down, across = (strides, strides) if isinstance(strides, int) else strides

    def ours(x, kernel):
        return keras.ops.square(depthwise_conv2d(x, kernel, strides))

    def theirs(x, kernel):
        maps = keras.ops.depthwise_conv(x, kernel, 1, "valid", data_format="channels_last")
        return keras.ops.square(maps[:, ::down, ::across])

    np.testing.assert_allclose(
        to_numpy(ours(x, kernel)), to_numpy(theirs(x, kernel)), rtol=1e-4, atol=1e-5
    )
    for one, other in zip(gradients(ours, x, kernel), gradients(theirs, x, kernel), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_bad_arguments():
    x = np.zeros((1, 5, 5, 2), "float32")
    with pytest.raises(ValueError, match="window of 6x3 does not fit `inputs` of 5x5"):
        depthwise_conv2d(x, np.zeros((6, 3, 2, 1), "float32"))
    with pytest.raises(ValueError, match="strides"):
        depthwise_conv2d(x, np.zeros((3, 3, 2, 1), "float32"), 0)
