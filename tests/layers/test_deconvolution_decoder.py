"""The decoder of transposed convolutions, which is not told the class."""

import numpy as np
import pytest

from capszoo.layers import DeconvolutionDecoder
from tests.layer_checks import outputs_of
from tests.layer_checks import to_numpy


@pytest.mark.parametrize(
    ("image_shape", "filters", "map_shape"),
    [((28, 28, 1), (64, 32, 16), (7, 7, 16)), ((64, 64, 3), (64, 32, 16, 8), (8, 8, 16))],
)
def test_parameters_of_the_papers_code(image_shape, filters, map_shape):
    layer = DeconvolutionDecoder(image_shape, filters)
    layer.build((None, 10, 32))
    assert layer.map_shape == map_shape
    expected = 33 * np.prod(map_shape) + 4 * 16  # dense, normalization
    for before, after in zip((16, *filters), (*filters, image_shape[2]), strict=True):
        expected += (9 * before + 1) * after
    assert layer.count_params() == expected


@pytest.mark.parametrize("image_shape", [(8, 8, 1), (5, 6, 2), (1, 1, 3)], ids=str)
def test_images_of_any_size(image_shape, rng):
    layer = DeconvolutionDecoder(image_shape, (6, 5, 4))
    assert layer.compute_output_shape((None, 3, 4)) == (None, *image_shape)
    outputs = outputs_of(layer, rng.normal(size=(2, 3, 4)).astype("float32"))
    assert outputs.shape == (2, *image_shape)
    assert ((outputs > 0) & (outputs < 1)).all()


def test_the_class_cannot_be_seen(rng):
    layer = DeconvolutionDecoder((8, 8, 1), (4, 3))
    pose = rng.normal(size=(2, 4)).astype("float32")
    pictures = []
    for place in range(3):
        masked = np.zeros((2, 3, 4), "float32")
        masked[:, place] = pose
        pictures.append(outputs_of(layer, masked))
    np.testing.assert_allclose(pictures[1], pictures[0], atol=1e-6)
    np.testing.assert_allclose(pictures[2], pictures[0], atol=1e-6)
    assert np.abs(pictures[0][0] - pictures[0][1]).max() > 1e-4


def test_normalization_learns_in_training_alone(rng):
    layer = DeconvolutionDecoder((8, 8, 1), (4, 3))
    poses = rng.normal(size=(2, 3, 4)).astype("float32")
    layer.build(poses.shape)
    before = to_numpy(layer.normalization.moving_variance)
    layer(poses)
    np.testing.assert_array_equal(to_numpy(layer.normalization.moving_variance), before)
    layer(poses, training=True)
    assert not np.array_equal(to_numpy(layer.normalization.moving_variance), before)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"image_shape": (28, 28)}, "`image_shape`"),
        ({"filters": (4, 0)}, "`filters`"),
        ({"filters": ()}, "at least one"),
        ({"channels": 0}, "`channels`"),
    ],
)
def test_bad_arguments(arguments, match):
    with pytest.raises(ValueError, match=match):
        DeconvolutionDecoder(**{"image_shape": (8, 8, 1), **arguments})


def test_bad_input():
    with pytest.raises(ValueError, match=r"\(batch, classes, pose_dim\)"):
        DeconvolutionDecoder((8, 8, 1)).build((2, 3))
