"""The decoder that marks what a class capsule stands for in each frame."""

import keras
import numpy as np
import pytest

from capszoo.layers import LocalizationDecoder
from tests.layer_checks import to_numpy

SHAPES = [(2, 3, 4), (2, 2, 2, 3, 5), (2, 3, 5, 6, 2)]


def inputs_of(shapes, rng):
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


@pytest.mark.parametrize(
    ("frame_shape", "shapes"),
    [
        ((6, 10, 12), SHAPES),
        ((7, 9, 11), SHAPES),  # sizes that no step divides
        ((3, 20, 24), SHAPES),  # twice doubled behind the last map
        ((3, 5, 6), SHAPES),  # the last map has the size of the clip
    ],
)
def test_a_probability_for_each_pixel(frame_shape, shapes, rng):
    layer = LocalizationDecoder(frame_shape, (6, 4))
    values = inputs_of(shapes, rng)
    found = to_numpy(layer(values))
    assert (found.shape, found.dtype) == ((2, *frame_shape), np.float32)
    assert 0 < found.min() < found.max() < 1
    # Each of its inputs counts.
    for number in range(3):
        others = [one * (place != number) for place, one in enumerate(values)]
        assert np.abs(to_numpy(layer(others)) - found).max() > 1e-4
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert again.get_config() == layer.get_config()
    symbolic = layer([keras.KerasTensor((None, *shape[1:])) for shape in shapes])
    assert symbolic.shape == (None, *frame_shape)


def test_parameters():
    layer = LocalizationDecoder((8, 32, 32), (16, 8))
    layer.build([(None, 40, 16), (None, 2, 4, 4, 128), (None, 4, 8, 8, 64)])
    dense = 40 * 16 * 32 + 32
    steps = 27 * (129 * 16 + 80 * 8 + 8 * 4) + 16 + 8 + 4
    assert layer.count_params() == dense + steps + 27 * 4 + 1


def test_bad_maps(rng):
    with pytest.raises(ValueError, match=r"2 maps, one for each of `filters`\. Received: 1 maps"):
        LocalizationDecoder((6, 10, 12), (6, 4))(inputs_of(SHAPES[:2], rng))
    with pytest.raises(ValueError, match="from coarse to fine"):
        LocalizationDecoder((6, 10, 12), (6, 4))(inputs_of([SHAPES[0], *SHAPES[:0:-1]], rng))
    with pytest.raises(ValueError, match="none finer than the clip"):
        LocalizationDecoder((3, 4, 6), (6, 4))(inputs_of(SHAPES, rng))
