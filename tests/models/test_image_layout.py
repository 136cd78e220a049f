"""Pictures are (height, width, channels), whatever Keras' setting says."""

import keras
import numpy as np
import pytest

import capszoo
from capszoo import ops
from capszoo.training import TrainingBatches
from tests.layer_checks import to_numpy
from tests.models.test_families import SMALL
from tests.once import ONCE


@pytest.fixture
def in_both_settings():
    """Calls a function under the one and the other setting, from the same seed."""

    def call(function):
        results = []
        for setting in ("channels_last", "channels_first"):
            keras.config.set_image_data_format(setting)
            keras.utils.set_random_seed(0)
            results.append(function())
        return results

    before = keras.config.image_data_format()
    yield call
    keras.config.set_image_data_format(before)


@ONCE
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *[(name, {}) for name in SMALL],
        ("efficient_capsnet", {"conv_normalization": "instance"}),
        ("residual_capsnet", {"variant": "convolutional"}),
        ("capsnet", {"resize": (13, 9)}),
        ("capsnet", {"normalization": {"mean": [0.1, 0.2, 0.3], "variance": [1.0, 2.0, 3.0]}}),
    ],
    ids=str,
)
def test_families(name, arguments, in_both_settings):
    def scores():
        arguments_of = {**SMALL[name], **arguments}
        if "image_shape" in arguments_of:
            arguments_of["image_shape"] = (12, 8, 3)
        model = capszoo.models.get_family(name)(**arguments_of)
        examples = model.synthetic_examples(2)
        return [weight.shape for weight in model.get_weights()], model.predict(examples, verbose=0)

    (last, expected), (first, found) = in_both_settings(scores)
    assert last == first
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_convolutions(rank, rng, in_both_settings):
    x = rng.normal(size=(2, *(6, 5, 4)[:rank], 3)).astype("float32")
    kernel = rng.normal(size=(*[2] * rank, 3, 4)).astype("float32")
    poses = rng.normal(size=(2, *(5, 4, 3)[:rank], 3, 4)).astype("float32")
    up = rng.normal(size=(1, *[2] * rank, 4, 1, 2, 3)).astype("float32")
    for function in (
        lambda: to_numpy(ops.conv(x, kernel)),
        lambda: to_numpy(ops.transposed_type_votes(poses, up, 2, "same")),
    ):
        expected, found = in_both_settings(function)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_augmentation(rng, in_both_settings):
    images = rng.integers(0, 256, size=(4, 6, 5, 3)).astype("uint8")

    def batch():
        layers = [
            keras.layers.RandomTranslation(0.4, 0.4, fill_mode="constant"),
            keras.layers.RandomContrast(0.9),
            keras.layers.RandomFlip("horizontal"),
        ]
        return TrainingBatches(images, np.arange(4), 4, layers, seed=1)[0][0]

    expected, found = in_both_settings(batch)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_another_layout_where_it_is_asked_for():
    assert capszoo.layers.Conv2D(2, 3, data_format="channels_first").data_format == "channels_first"
    in_order = capszoo.layers.Conv2D(2, 3, 1, "valid", "channels_first")
    assert in_order.data_format == "channels_first"
