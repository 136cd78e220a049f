"""The decoder of fully connected layers."""

import numpy as np
import pytest

from capszoo.layers import DenseDecoder
from tests.layer_checks import outputs_of
from tests.layer_checks import run_layer_test


@pytest.mark.parametrize("units", [(6,), [5, 7], ()], ids=str)
def test_layer(units):
    _, outputs = run_layer_test(
        DenseDecoder,
        {"image_shape": (4, 5, 2), "units": units, "bias_initializer": "ones"},
        (2, 3, 4),
        (2, 4, 5, 2),
        weights=2 * len(units) + 2,
    )
    assert ((outputs > 0) & (outputs < 1)).all()


def test_by_hand(rng):
    layer = DenseDecoder((2, 3, 1), units=(4,))
    x = rng.normal(size=(2, 3, 2)).astype("float32")
    outputs = outputs_of(layer, x)
    first, first_bias, last, last_bias = layer.get_weights()
    hidden = np.maximum(x.reshape(2, 6) @ first + first_bias, 0)
    expected = 1 / (1 + np.exp(-(hidden @ last + last_bias)))
    np.testing.assert_allclose(outputs, expected.reshape(2, 2, 3, 1), atol=1e-5)


def test_parameters_of_the_paper():
    layer = DenseDecoder((28, 28, 1))
    layer.build((None, 10, 16))
    assert layer.count_params() == 1_411_344


def test_layers_start_differently():
    layer = DenseDecoder((2, 2, 1), units=(4, 4), kernel_initializer="normal")
    layer.build((None, 2, 2))
    first, _, second, *_ = layer.get_weights()
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    "arguments",
    [{"image_shape": (28, 0.5, 1)}, {"image_shape": (0, 28, 1)}, {"units": (5, 0)}],
    ids=str,
)
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}`"):
        DenseDecoder(**{"image_shape": (2, 2, 1), **arguments})


def test_bad_input():
    with pytest.raises(ValueError, match=r"\(batch, classes, pose_dim\)"):
        DenseDecoder((2, 2, 1)).build((2, 3))
