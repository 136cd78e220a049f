"""Files in the layout of the Keras 2 CapsNet scripts."""

import numpy as np
import pytest

import capszoo
from capszoo import converters
from tests.converters import made_files
from tests.once import ONCE

pytestmark = ONCE


def test_scores_are_those_of_the_source(rng, tmp_path):
    groups = made_files.keras_capsnet_groups(rng)
    file = made_files.write_keras2(tmp_path / "small.h5", groups)
    conversion = converters.convert("keras_capsnet", file, tmp_path / "small")
    model = capszoo.load(tmp_path / "small")
    images = rng.integers(0, 256, (3, 12, 12, 1)).astype("uint8")
    scores = [made_files.keras_capsnet_scores(groups, x / 255) for x in images]
    np.testing.assert_allclose(model.predict(images, verbose=0), scores, atol=2e-6)
    assert conversion.largest_difference == 0
    assert conversion.output_difference < 2e-6
    count = sum(array.size for group in groups.values() for array in group.values())
    assert conversion.source_parameters == conversion.model_parameters == count
    kernel = model.get_layer("class_capsules").get_weights()[0]
    np.testing.assert_array_equal(kernel[7, :, 0, 2], groups["digitcaps"]["digitcaps/W"][2, 7].T)
    # The decoder, by hand.
    dense = list(groups["decoder"].values())
    kept = np.eye(3)[np.argmax(scores, -1)][..., None] * model.encode(images)
    x = np.maximum(kept.reshape(3, -1) @ dense[0] + dense[1], 0)
    x = np.maximum(x @ dense[2] + dense[3], 0)
    pixels = 1 / (1 + np.exp(-(x @ dense[4] + dense[5])))
    np.testing.assert_allclose(model.reconstruct(images).reshape(3, -1), pixels, atol=1e-5)


def test_without_decoder(rng, tmp_path):
    groups = made_files.keras_capsnet_groups(rng, decoder=False)
    file = made_files.write_keras2(tmp_path / "small.h5", groups)
    converters.convert("keras_capsnet", file, tmp_path / "small", image_shape=(12, 12, 1))
    assert capszoo.load(tmp_path / "small").decoder is None
    # Without a decoder the image is taken to be MNIST's, which has other numbers of children.
    with pytest.raises(ValueError, match=r"wrong shape: digitcaps/digitcaps/W: expected \(3, 288"):
        converters.convert("keras_capsnet", file, tmp_path / "other")


def test_iterations_are_an_argument(rng, tmp_path):
    file = made_files.write_keras2(tmp_path / "small.h5", made_files.keras_capsnet_groups(rng))
    routing = {"name": "dynamic", "use_bias": False, "iterations": 1}
    conversion = converters.convert("keras_capsnet", file, tmp_path / "one", routing=routing)
    assert capszoo.load(tmp_path / "one").routing.iterations == 1
    assert "with 1 iterations" in conversion.notes[0]
    assert conversion.output_difference < 2e-6


def test_missing_layer(rng, tmp_path):
    groups = made_files.keras_capsnet_groups(rng)
    del groups["digitcaps"]["digitcaps/W"]
    file = made_files.write_keras2(tmp_path / "small.h5", groups)
    with pytest.raises(ValueError, match="missing: class capsules"):
        converters.convert("keras_capsnet", file, tmp_path / "small")
    assert list(tmp_path.iterdir()) == [file]


def test_missing_and_wrong_arrays(rng, tmp_path):
    groups = made_files.keras_capsnet_groups(rng)
    del groups["conv1"]["conv1/bias"]
    groups["decoder"]["dense_1/kernel"] = made_files.normal(rng, 14, 7)
    file = made_files.write_keras2(tmp_path / "small.h5", groups)
    with pytest.raises(ValueError, match="does not hold the weights") as caught:
        converters.convert("keras_capsnet", file, tmp_path / "small")
    assert "missing: conv1/conv1/bias" in str(caught.value)
    wrong = "wrong shape: decoder/dense_1/kernel: expected (15, 7), found (14, 7)"
    assert wrong in str(caught.value)
    assert list(tmp_path.iterdir()) == [file]
