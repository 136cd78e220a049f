"""What a model must do at least, counted from its shapes, against counts by hand."""

import keras
import pytest

import capszoo
from capszoo.benchmarks.counting import count_model


def test_counts_by_hand():
    images = keras.Input((6, 6, 2))
    maps = keras.layers.Conv2D(4, 3)(images)
    children = keras.layers.Reshape((8, 8))(maps)
    parents = capszoo.layers.DenseCapsules(5, 3, routing={"name": "dynamic", "iterations": 3})
    model = keras.Model(images, parents(children))
    batch = 7
    convolution = 2 * batch * (4 * 4) * (3 * 3 * 2 * 4)
    votes = batch * 8 * 5 * 3
    operations, memory = count_model(model, batch)
    assert operations == convolution + 2 * votes * 8 + 2 * votes * 6
    numbers = batch * (72 + 64) + 76 + batch * (64 + 64) + batch * (64 + 15) + 8 * 8 * 15 + 15
    assert memory == 4 * numbers


@pytest.mark.parametrize(
    "stack", [capszoo.layers.ResidualCapsules, capszoo.layers.ConcurrentCapsules]
)
def test_counts_inside_of_stacks(stack):
    def layers():
        return [capszoo.layers.DenseCapsules(4, 8, "inverted_attention") for _ in range(2)]

    model = keras.Sequential([keras.Input((6, 8)), stack(layers())])
    apart = keras.Sequential([keras.Input((6, 8)), *layers()])
    assert count_model(model, 2)[0] == count_model(apart, 2)[0] > 0


def test_a_cell_counts_what_it_is_made_of():
    cell = keras.Sequential(
        [keras.Input((4, 4, 2, 3)), capszoo.layers.CapsuleCell(3, 4, routing="dynamic")]
    )
    skip = capszoo.layers.ConvCapsules2D(3, 4, 3, padding="same", share_types=True)
    skip = keras.Sequential([keras.Input((2, 2, 3, 4)), skip])
    # Two samples, four positions, windows of nine.
    convolutions = 2 * 2 * 4 * 9 * (6 * 12 + 12 * 12 + 12 * 12)
    assert count_model(cell, 2)[0] == count_model(skip, 2)[0] + convolutions


def test_transposed_convolutions_count_what_reaches_a_position():
    children = keras.Input((4, 4, 2, 3))
    finer = capszoo.layers.TransposedConvCapsules2D(5, 6, 4, strides=2, padding="same")
    votes = 8 * 8 * 2 * 5 * 6
    # Of a window of 4x4 every second row and column.
    operations, _ = count_model(keras.Model(children, finer(children)), 1)
    assert operations == 2 * votes * (2 * 2 * 3) + 2 * votes * 6


def test_convolutions_of_volumes_count_all_positions():
    volumes = keras.Input((4, 4, 4, 2))
    model = keras.Model(volumes, keras.layers.Conv3D(3, 3, padding="same")(volumes))
    assert count_model(model, 1)[0] == 2 * 64 * 27 * 2 * 3


def test_a_decoder_counts_its_maps():
    decoder = capszoo.layers.DeconvolutionDecoder((4, 4, 1), (3, 2), channels=5)
    decoder = keras.Sequential([keras.Input((10, 6)), decoder])
    kernels = 6 * 20 + 4 * 9 * 5 * 3 + 4 * 9 * 3 * 2 + 16 * 9 * 2
    assert count_model(decoder, 2)[0] == 2 * 2 * kernels
