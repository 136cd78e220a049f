"""What becomes of images before a preset's model sees them."""

import numpy as np
import pytest
from PIL import Image

import capszoo
from capszoo.zoo import prepare_images
from capszoo.zoo.preparation import read_picture
from capszoo.zoo.schema import validate
from tests.zoo.tiny import tiny_content


def preset(**data):
    return validate(tiny_content(data={"name": "mnist", **data}), "here")


def numbered(height, width):
    """Two images whose pixels tell where they are: channels of rows and of columns."""
    image = np.stack(np.indices((height, width)), axis=-1).astype("uint8")
    return np.stack([image, image + 100])


def test_as_they_are():
    images = numbered(28, 28)
    assert prepare_images(preset(), images) is images
    content = tiny_content()
    del content["data"]
    assert prepare_images(validate(content, "here"), images) is images


def test_the_middle():
    prepared = prepare_images(preset(crop=[24, 25]), numbered(28, 28))
    assert prepared.shape == (2, 24, 25, 2)
    np.testing.assert_array_equal(prepared[:, 0, 0], [[2, 1], [102, 101]])


def test_resized_before_it_is_cropped():
    prepared = prepare_images(preset(resize=[40, 60], crop=[20, 20]), numbered(80, 120))
    assert prepared.shape == (2, 20, 20, 2)
    # Of half the size, from row 10 and column 20 on.
    expected = 2 * np.stack(np.indices((20, 20)), axis=-1) + [20, 40] + 0.5
    assert np.abs(prepared[0] - expected).max() <= 1


def test_too_small():
    with pytest.raises(ValueError, match=r"28x28, too small for the crop \[24, 30\] of preset"):
        prepare_images(preset(crop=[24, 30]), numbered(28, 28))


def test_a_picture_is_as_large_as_those_of_the_data(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (28, 28), dtype="uint8")
    path = tmp_path / "picture.png"
    Image.fromarray(image).save(path)
    cropped = read_picture(preset(crop=[24, 24]), path, (24, 24, 1))
    np.testing.assert_array_equal(cropped[..., 0], image[2:-2, 2:-2])
    resized = read_picture(preset(resize=[14, 14], crop=[10, 10]), path, (10, 10, 1))
    smaller = capszoo.data.read_image(path, (14, 14, 1))
    np.testing.assert_array_equal(resized, smaller[2:-2, 2:-2])
    whole = capszoo.data.read_image(path, (8, 8, 1))
    np.testing.assert_array_equal(read_picture(preset(), path, (8, 8, 1)), whole)
    # Of data of one's own nothing is known but what the model takes.
    own = preset(name="./mine.npz", crop=[24, 24])
    whole = capszoo.data.read_image(path, (24, 24, 1))
    np.testing.assert_array_equal(read_picture(own, path, (24, 24, 1)), whole)
