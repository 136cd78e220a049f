"""Convolution in the frequency domain: equal to a loop over windows, and chosen where it saves."""

import keras
import numpy as np
import pytest
from keras import ops

from capszoo.ops import conv2d
from capszoo.ops import convolution
from capszoo.ops import fourier
from tests.layer_checks import gradients
from tests.layer_checks import to_numpy
from tests.ops.loops import loop_patches

# Size of the map, window, strides: what fits, what leaves pixels over, windows of one tap,
# periods even and odd, one window alone.
CASES = [
    ((20, 20), (9, 9), (2, 2)),
    ((7, 10), (3, 4), (1, 2)),
    ((13, 9), (5, 5), (3, 2)),
    ((6, 6), (6, 6), (1, 1)),
    ((11, 8), (2, 3), (4, 5)),
    ((9, 9), (1, 1), (2, 2)),
]


@pytest.fixture
def always(monkeypatch):
    monkeypatch.setattr(convolution, "runs_on_cpu", lambda: True)
    monkeypatch.setattr(fourier, "least_batch", lambda *_: 1)


@pytest.mark.parametrize(("size", "kernel_size", "strides"), CASES)
def test_equals_a_loop(size, kernel_size, strides, rng):
    x = rng.normal(size=(3, *size, 4)).astype("float32")
    kernel = rng.normal(size=(*kernel_size, 4, 5)).astype("float32")
    kernel /= np.linalg.norm(kernel)
    patches = loop_patches(x.astype("float64"), kernel_size, strides, "valid")
    grid = convolution.window_grid("x", size, kernel_size, strides, "valid")
    outputs = fourier.convolve(
        ops.convert_to_tensor(x), ops.convert_to_tensor(kernel), strides, grid
    )
    expected = patches @ kernel.reshape(-1, 5)
    np.testing.assert_allclose(to_numpy(outputs), expected, atol=1e-6)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [1, (2, 3)])
def test_gradients(padding, strides, rng, always):
    x = rng.normal(size=(2, 7, 8, 2))
    kernel = rng.normal(size=(3, 4, 2, 3))

    def squares(x, kernel):
        return ops.square(conv2d(x, kernel, strides, padding))

    fast = gradients(squares, x, kernel)
    with convolution.direct_convolutions():
        direct = gradients(squares, x, kernel)
    for one, other in zip(fast, direct, strict=True):
        assert np.abs(other).max() > 1
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_any_batch(padding, rng, monkeypatch):
    """A compiled model, whose batches come in sizes that it may not know before."""
    monkeypatch.setattr(convolution, "runs_on_cpu", lambda: True)
    monkeypatch.setattr(fourier, "least_batch", lambda *_: 3)
    used = []
    convolve = fourier.convolve
    monkeypatch.setattr(fourier, "convolve", lambda *given: used.append(1) or convolve(*given))
    layer = keras.layers.Lambda(lambda x: conv2d(x, kernel, 2, padding), (5, 5, 3))
    kernel = rng.normal(size=(4, 4, 2, 3)).astype("float32")
    x = rng.normal(size=(8, 10, 10, 2)).astype("float32")
    expected = loop_patches(x, (4, 4), (2, 2), padding) @ kernel.reshape(-1, 3)
    model = keras.Sequential([keras.Input(x.shape[1:]), layer])
    outputs = model.predict(x, batch_size=6, verbose=0)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-4)
    assert used


def test_from_which_batch_on():
    # Primary capsules of the dynamic routing paper: per image 9 * 9 * 6 * 6 products for each
    # pair of channel and filter directly, and 148 of 2 * 2 phases each by frequencies.
    assert fourier.least_batch((6, 6), (9, 9, 256, 256), (2, 2)) == 25
    assert fourier.least_batch((20, 20), (9, 9, 1, 256), (1, 1)) is None
    assert fourier.least_batch((9, 9), (1, 1, 64, 64), (1, 1)) is None


@pytest.mark.parametrize(
    ("on_cpu", "dtype", "batch", "expected"),
    [
        (True, "float32", 32, True),
        (True, "float32", 24, False),
        (True, "float16", 32, False),
        (False, "float32", 32, False),
    ],
)
def test_is_used(on_cpu, dtype, batch, expected, monkeypatch):
    monkeypatch.setattr(convolution, "runs_on_cpu", lambda: on_cpu)
    monkeypatch.setattr(convolution.ops, "conv", lambda *_, **__: False)
    monkeypatch.setattr(convolution, "prefers_patches", lambda *_: False)
    monkeypatch.setattr(fourier, "convolve", lambda *_: True)
    inputs, kernel = ops.zeros((batch, 20, 20, 256), dtype), ops.zeros((9, 9, 256, 256), dtype)
    assert conv2d(inputs, kernel, 2) is expected
    with convolution.direct_convolutions():
        assert conv2d(inputs, kernel, 2) is False
