"""Norms and squashes: golden values, gradients at zero, half precision."""

import keras
import numpy as np
import pytest

from capszoo import ops
from tests.layer_checks import gradients
from tests.layer_checks import to_numpy

KINDS = sorted(ops.SQUASHES)


def length(x):
    return np.sqrt((np.asarray(x, "float64") ** 2).sum(-1))


def test_safe_norm(rng):
    x = rng.normal(size=(4, 3, 5)).astype("float32")
    np.testing.assert_allclose(to_numpy(ops.safe_norm(x)), length(x), rtol=1e-5)
    kept = to_numpy(ops.safe_norm(x, axis=(1, 2), keepdims=True))
    assert kept.shape == (4, 1, 1)
    np.testing.assert_allclose(kept[:, 0, 0], length(x.reshape(4, -1)), rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "golden"),
    [
        ("standard", (0.576923, 0.769231)),
        ("exponential", (0.595957, 0.794610)),
        ("text", (0.588235, 0.784314)),
    ],
)
def test_squash_golden(kind, golden):
    squashed = to_numpy(ops.squash(np.array([3.0, 4.0], "float32"), kind=kind))
    np.testing.assert_allclose(squashed, golden, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_squash_shrinks_and_keeps_direction(kind, rng):
    x = rng.normal(size=(50, 6)) * np.geomspace(0.01, 4, 50)[:, None]
    squashed = to_numpy(ops.squash(x.astype("float32"), kind=kind))
    assert (length(squashed) < 1).all()
    np.testing.assert_allclose(
        squashed / length(squashed)[:, None], x / length(x)[:, None], atol=1e-5
    )
    rays = np.linspace(0, 8, 200)[:, None] * np.array([[0.6, 0.8]])
    lengths = length(to_numpy(ops.squash(rays.astype("float32"), kind=kind)))
    assert lengths[0] == 0
    assert (np.diff(lengths) > 0).all()


def test_squash_along_another_axis(rng):
    x = rng.normal(size=(3, 4, 5)).astype("float32")
    moved = to_numpy(ops.squash(np.moveaxis(x, -1, 1), axis=1))
    np.testing.assert_allclose(np.moveaxis(moved, 1, -1), to_numpy(ops.squash(x)), atol=1e-6)


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_gradient_is_finite_at_zero(kind):
    function = ops.safe_norm if kind is None else lambda x: ops.squash(x, kind=kind)
    (gradient,) = gradients(function, np.zeros((2, 4)))
    assert np.isfinite(gradient).all()
    # The exponential form has slope 1 at zero; the others are flat.
    np.testing.assert_allclose(gradient, 1.0 if kind == "exponential" else 0.0, atol=1e-3)


@pytest.mark.parametrize("power", [2, 2.5, 4])
def test_a_steeper_squash(power):
    rays = np.array([0.0, 0.2, 0.9, 1.0, 1.5, 8.0, 1e12])[:, None] * np.array([[0.6, 0.8]])
    squashed = to_numpy(ops.squash(rays.astype("float32"), power=power))
    n = length(rays)
    np.testing.assert_allclose(length(squashed), 1 - 1 / (1 + n**power), atol=1e-5)
    (gradient,) = gradients(lambda x: ops.squash(x, power=power), rays)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("arguments", [{"power": 1.5}, {"power": 3, "kind": "text"}], ids=str)
def test_powers_that_are_none(arguments):
    with pytest.raises(ValueError, match=r"`power`"):
        ops.squash(np.ones(3, "float32"), **arguments)


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_is_that_of_finite_differences(kind, rng):
    x = rng.normal(size=(5,))

    def total(x):
        n = length(x)
        shrink = {
            "standard": n / (1 + n**2),
            "exponential": (1 - np.exp(-n)) / n,
            "text": n / (0.5 + n**2),
        }[kind]
        return (shrink * x).sum()

    step = 1e-5 * np.eye(5)
    expected = [(total(x + d) - total(x - d)) / 2e-5 for d in step]
    (gradient,) = gradients(lambda x: ops.squash(x, kind=kind), x)
    np.testing.assert_allclose(gradient, expected, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_does_not_overflow(kind):
    x = np.full((2, 16), 80, "float16")
    squashed = ops.squash(x, kind=kind)
    norm = ops.safe_norm(x)
    assert keras.backend.standardize_dtype(squashed.dtype) == "float16"
    assert keras.backend.standardize_dtype(norm.dtype) == "float16"
    np.testing.assert_allclose(to_numpy(squashed), 0.25, rtol=1e-2)
    np.testing.assert_allclose(to_numpy(norm), 320, rtol=1e-2)


@pytest.mark.parametrize("kind", [*KINDS, 4])
def test_squash_of_vectors_whose_squares_overflow(kind):
    x = np.array([[2e19, 0, -2e19], [1e30, 1, 1e30], [3e38, 0, 0], [1e15, 1e14, 0]], "float32")
    arguments = {"power": kind} if kind == 4 else {"kind": kind}
    wide = x.astype("float64")
    expected = wide / length(wide)[:, None]
    np.testing.assert_allclose(to_numpy(ops.squash(x, **arguments)), expected, atol=1e-6)
    # By a factor: what a step changes is of the size of what it changes.
    (gradient,) = gradients(lambda x: ops.squash(1e15 * x, **arguments), x / 1e15)
    np.testing.assert_allclose(gradient / 1e15, 0, atol=1e-6)
    if kind in KINDS:
        written_out = to_numpy(ops.squash_vjp(x, np.ones_like(x), kind))
        np.testing.assert_allclose(written_out, 0, atol=1e-6)


def test_lengths_saturate():
    x = np.array([[1e19, -1e19], [2e19, 1], [1e20, 1e20]], "float32")
    np.testing.assert_allclose(
        to_numpy(ops.safe_norm(x)), [1.414214e19, 1.732051e19, 1.732051e19], rtol=1e-6
    )
    (gradient,) = gradients(lambda x: ops.safe_norm(1e15 * x), x / 1e15)
    np.testing.assert_allclose(
        gradient / 1e15, [[0.5**0.5, -(0.5**0.5)], [0, 0], [0, 0]], rtol=1e-6
    )
    in_float16 = to_numpy(ops.safe_norm(np.array([6e4, 6e4], "float16")))
    assert in_float16 == np.finfo("float16").max


def test_unknown_kind():
    with pytest.raises(ValueError, match=r"'standart'. Did you mean 'standard'\?"):
        ops.squash(np.ones(2, "float32"), kind="standart")


def test_log_sigmoid():
    x = np.array([-200, -3, 0, 3, 200], "float32")
    expected = np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x.astype("float64"))))
    np.testing.assert_allclose(to_numpy(ops.log_sigmoid(x)), expected, rtol=1e-6, atol=1e-6)
    assert np.isfinite(gradients(ops.log_sigmoid, x)[0]).all()
