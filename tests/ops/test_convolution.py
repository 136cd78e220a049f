"""Convolution: both forms equal Keras' own; patches equal a loop."""

import keras
import numpy as np
import pytest

from capszoo.layers import Conv2D
from capszoo.ops import conv
from capszoo.ops import conv2d
from capszoo.ops import convolution
from capszoo.ops import extract_patches
from tests.layer_checks import compiled_on_jax
from tests.layer_checks import gradients
from tests.layer_checks import to_numpy
from tests.ops.loops import loop_patches

# Every size from 1 to 9 meets every padding.
SIZES = {
    1: [(1, 1), (4, 4), (7, 7), (2, 5)],
    2: [(2, 2), (5, 5), (9, 9)],
    3: [(3, 3), (6, 6), (8, 4)],
}


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (3, 2)])
def test_patches(padding, strides, rng):
    x = rng.normal(size=(2, 7, 10, 3)).astype("float32")
    for kernel_size in [(1, 1), (3, 3), (2, 5)]:
        expected = loop_patches(x, kernel_size, strides, padding)
        patches = to_numpy(extract_patches(x, kernel_size, strides, padding))
        np.testing.assert_array_equal(patches, expected)


# Axes of a map, of a window, and strides.
OTHER_RANKS = [((7,), (3,), (2,)), ((4, 3, 5), (2, 1, 3), (1, 2, 2))]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "kernel_size", "strides"), OTHER_RANKS)
def test_sequences_and_volumes(size, kernel_size, strides, padding, rng, monkeypatch):
    x = rng.normal(size=(2, *size, 3)).astype("float32")
    kernel = rng.normal(size=(*kernel_size, 3, 4)).astype("float32")
    patches = loop_patches(x, kernel_size, strides, padding)
    found = to_numpy(extract_patches(x, kernel_size, strides, padding))
    np.testing.assert_array_equal(found, patches)

    def squares(x, kernel):
        return keras.ops.square(conv(x, kernel, strides, padding))

    results = []
    for form in (True, False):
        monkeypatch.setattr(convolution, "prefers_patches", lambda *_, form=form: form)
        found = to_numpy(conv(x, kernel, strides, padding))
        np.testing.assert_allclose(found, patches @ kernel.reshape(-1, 4), atol=1e-5)
        results.append(gradients(squares, x, kernel))
    for one, other in zip(*results, strict=True):
        assert np.abs(other).max() > 1
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "strides"), [((8, 8), (2, 1)), ((4, 3, 5), (2, 2, 2))])
def test_steps_over_single_positions(size, strides, padding, rng):
    """What is stepped over has no part in it; few channels once ended the process on PyTorch."""
    x = rng.normal(size=(12, *size, 6)).astype("float32")
    kernel = rng.normal(size=(*(1 for _ in size), 6, 5)).astype("float32")
    steps = (slice(None), *(slice(None, None, step) for step in strides))
    seen = x[steps]
    expected = seen @ kernel.reshape(6, 5)
    np.testing.assert_allclose(to_numpy(conv(x, kernel, strides, padding)), expected, atol=1e-5)

    def squares(x, kernel):
        return keras.ops.square(conv(x, kernel, strides, padding))

    of_x, of_kernel = np.zeros_like(x), seen.reshape(-1, 6).T @ (2 * expected).reshape(-1, 5)
    of_x[steps] = 2 * expected @ kernel.reshape(6, 5).T
    found = gradients(squares, x, kernel)
    np.testing.assert_allclose(found[0], of_x, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found[1].reshape(6, 5), of_kernel, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("form", ["native", "patches"])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_convolution(form, padding, stride, rng, monkeypatch):
    monkeypatch.setattr(convolution, "images_at_once", lambda *_: None)
    monkeypatch.setattr(convolution, "prefers_patches", lambda *_: form == "patches")
    x = rng.normal(size=(2, 10, 13, 3)).astype("float32")
    for size in SIZES[stride]:
        layer = Conv2D(4, size, stride, padding)
        # Compiled: one by one, the slices of large windows take seconds on JAX.
        model = keras.Sequential([keras.Input(x.shape[1:]), layer])
        kernel = to_numpy(layer.kernel).reshape(-1, 4)
        expected = loop_patches(x, size, (stride, stride), padding) @ kernel
        np.testing.assert_allclose(model.predict_on_batch(x), expected, atol=1e-5)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [1, (2, 3)])
def test_both_forms_have_the_same_gradients(padding, strides, rng, monkeypatch):
    x = rng.normal(size=(2, 7, 8, 2))
    kernel = rng.normal(size=(3, 4, 2, 3))
    results = []
    monkeypatch.setattr(convolution, "images_at_once", lambda *_: None)
    for form in (True, False):
        monkeypatch.setattr(convolution, "prefers_patches", lambda *_, form=form: form)

        def squares(x, kernel):
            return keras.ops.square(conv2d(x, kernel, strides, padding))

        results.append(gradients(squares, x, kernel))
    for patches, native in zip(*results, strict=True):
        assert np.abs(native).max() > 1
        np.testing.assert_allclose(patches, native, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="In turn on JAX alone.")
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "strides"), [(1, 1), (1, 2), (3, 1), (5, 1), (4, (2, 3))])
def test_in_turn(size, strides, padding, rng, monkeypatch):
    """Some images after another: values and gradients are those of Keras' convolution."""
    monkeypatch.setattr(convolution, "runs_on_cpu", lambda: True)
    monkeypatch.setattr(convolution, "_MAX_PATCH_BYTES", 2 * 4 * 11 * 12 * size**2 * 3)
    x = rng.normal(size=(6, 11, 12, 3)).astype("float32")
    kernel = rng.normal(size=(size, size, 3, 4)).astype("float32")
    strides = (strides, strides) if isinstance(strides, int) else strides
    images = convolution.images_at_once(x, kernel.shape[:2], strides, padding)
    assert images in (2, 3, 6)
    assert images < 6 or strides != (1, 1)

    groups = []
    in_turn = convolution._conv_in_turn
    monkeypatch.setattr(
        convolution, "_conv_in_turn", lambda *given: groups.append(given[-1]) or in_turn(*given)
    )

    def ours(x, kernel):
        return keras.ops.square(conv2d(x, kernel, strides, padding))

    def theirs(x, kernel):
        return keras.ops.square(
            keras.ops.conv(x, kernel, strides, padding, data_format="channels_last")
        )

    np.testing.assert_allclose(
        to_numpy(ours(x, kernel)), to_numpy(theirs(x, kernel)), rtol=1e-3, atol=1e-4
    )
    assert groups == []
    ours = compiled_on_jax(ours)
    np.testing.assert_allclose(
        to_numpy(ours(x, kernel)), to_numpy(theirs(x, kernel)), rtol=1e-3, atol=1e-4
    )
    for one, other in zip(gradients(ours, x, kernel), gradients(theirs, x, kernel), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-3)
    assert groups
    assert set(groups) == {images}


def test_images_take_turns_where_it_helps(monkeypatch):
    def images(shape, kernel_size=(3, 3)):
        return convolution.images_at_once(np.zeros(shape, "float32"), kernel_size, (1, 1), "same")

    for backend in ("jax", "tensorflow", "torch"):
        monkeypatch.setattr(keras.backend, "backend", lambda backend=backend: backend)
        for on_cpu in (True, False):
            monkeypatch.setattr(convolution, "runs_on_cpu", lambda on_cpu=on_cpu: on_cpu)
            here = backend == "jax" and on_cpu
            assert images((32, 22, 22, 64)) == (1 if here else None)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr(convolution, "runs_on_cpu", lambda: True)
    assert images((32, 8, 8, 16)) == 16
    assert images((7, 8, 8, 64)) == 1
    assert images((4, 2, 2, 1)) == 4
    assert images((4, 8, 3), (3,)) is None
    monkeypatch.setattr(keras.distribution, "distribution", lambda: "data parallel")
    assert images((32, 22, 22, 64)) is None


def test_rule(monkeypatch):
    def rule(kernel_size, strides):
        return convolution.prefers_patches(kernel_size, strides)

    for backend in ("jax", "tensorflow", "torch"):
        monkeypatch.setattr(keras.backend, "backend", lambda backend=backend: backend)
        for on_cpu in (True, False):
            monkeypatch.setattr(convolution, "runs_on_cpu", lambda on_cpu=on_cpu: on_cpu)
            chosen = [rule((3, 3), (2, 2)), rule((9, 9), (1, 1)), rule((3, 3), (1, 1))]
            here = backend == "jax" and on_cpu
            assert chosen == ([True, True, False] if here else [False] * 3)
            assert [rule((5,), (2,)), rule((5,) * 3, (1,) * 3)] == [False, False]
            assert rule((3,) * 3, (1, 1, 2)) == here


def test_device_is_found():
    assert convolution.runs_on_cpu() in (True, False)


def test_window_too_large():
    with pytest.raises(ValueError, match=r"window of 3x6 does not fit `inputs` of 5x5"):
        extract_patches(np.zeros((1, 5, 5, 1), "float32"), (3, 6))
    assert extract_patches(np.zeros((1, 5, 5, 1), "float32"), 6, padding="same").shape[1] == 5
    with pytest.raises(ValueError, match=r"3x3x3 does not fit `inputs` of 5x5x2 \(depth x height"):
        extract_patches(np.zeros((1, 5, 5, 2, 1), "float32"), 3)


@pytest.mark.parametrize("arguments", [{"strides": 0}, {"strides": (1, 2, 3)}, {"padding": "ful"}])
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        conv2d(np.zeros((1, 5, 5, 1), "float32"), np.zeros((3, 3, 1, 1), "float32"), **arguments)
    with pytest.raises(ValueError, match=next(iter(arguments))):
        conv(np.zeros((1, 5, 1), "float32"), np.zeros((3, 1, 1), "float32"), **arguments)
