"""Each image by its own mean and deviation."""

import numpy as np

from capszoo.layers import ImageStandardization
from tests.layer_checks import run_layer_test
from tests.layer_checks import to_numpy


def test_layer():
    run_layer_test(ImageStandardization, {}, (2, 4, 3, 2), (2, 4, 3, 2), 0, atol=1e-5)


def test_each_image_by_itself(rng):
    images = rng.normal(5, 3, size=(3, 8, 8, 2)).astype("float32")
    images[2] = 7.0
    found = to_numpy(ImageStandardization()(images))
    for image, own in zip(images[:2], found[:2], strict=True):
        np.testing.assert_allclose(own, (image - image.mean()) / image.std(), atol=1e-4)
    np.testing.assert_allclose(found[2], 0.0, atol=1e-4)
