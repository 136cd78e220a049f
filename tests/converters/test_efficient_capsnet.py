"""Files in the layout of the Efficient-CapsNet authors, and the published one where it is."""

import os
import pathlib

import numpy as np
import pytest

import capszoo
from capszoo import converters
from tests.converters import made_files
from tests.once import ONCE

pytestmark = ONCE

SMALL = {"image_shape": (16, 16, 2), "strides": (1, 2)}


@pytest.mark.parametrize("batch_norm", [False, True])
def test_scores_are_those_of_the_source(batch_norm, rng, tmp_path):
    groups = made_files.efficient_groups(rng, batch_norm)
    file = made_files.write_keras2(tmp_path / "small.h5", groups)
    conversion = converters.convert("efficient_capsnet", file, tmp_path / "small", **SMALL)
    model = capszoo.load(tmp_path / "small")
    images = rng.integers(0, 256, (3, 16, 16, 2)).astype("uint8")
    scores = [made_files.efficient_scores(groups["CapsNet"], x / 255, batch_norm) for x in images]
    np.testing.assert_allclose(model.predict(images, verbose=0), scores, atol=2e-6)
    assert conversion.largest_difference == 0
    assert conversion.output_difference < 2e-6
    assert conversion.source_parameters == conversion.model_parameters
    count = sum(array.size for group in groups.values() for array in group.values())
    assert conversion.source_parameters == count
    assert len(conversion.rows) == sum(map(len, groups.values()))


def test_every_array_lands_unchanged(rng, tmp_path):
    """By hand, not by the converter's own table."""
    groups = made_files.efficient_groups(rng)
    file = made_files.write_keras2(tmp_path / "small.h5", groups)
    converters.convert("efficient_capsnet", file, tmp_path / "small", **SMALL)
    model, body = capszoo.load(tmp_path / "small"), groups["CapsNet"]
    for ours, theirs in (("conv_1", "conv2d_9"), ("conv_2", "conv2d_10")):
        kernel, bias = model.get_layer(ours).get_weights()
        np.testing.assert_array_equal(kernel, body[f"{theirs}/kernel"])
        np.testing.assert_array_equal(bias, body[f"{theirs}/bias"])
    kernel, _ = model.get_layer("primary_capsules").get_weights()
    np.testing.assert_array_equal(kernel[:, :, 5, 0], body["conv2d_11/kernel"][:, :, 0, 5])
    kernel, bias = model.get_layer("class_capsules").get_weights()
    np.testing.assert_array_equal(kernel[3, :, 0, 2], body["digit_caps/W"][2, 3])
    np.testing.assert_array_equal(bias, body["digit_caps/b"][..., 0])
    for layer, theirs in zip(
        ("dense", "conv_1", "conv_4"), ("dense", "conv2d_0", "conv2d_3"), strict=True
    ):
        kernel, _ = model.decoder.get_layer(layer).get_weights()
        np.testing.assert_array_equal(kernel, groups["Generator"][f"{theirs}/kernel"])


@pytest.mark.parametrize("convolutional", [True, False])
def test_decoder(convolutional, rng, tmp_path):
    groups = made_files.efficient_groups(rng, convolutional_decoder=convolutional)
    file = made_files.write_keras2(tmp_path / "small.h5", groups)
    converters.convert("efficient_capsnet", file, tmp_path / "small", **SMALL)
    model = capszoo.load(tmp_path / "small")
    images = rng.integers(0, 256, (2, 16, 16, 2)).astype("uint8")
    pictures = model.reconstruct(images)
    assert pictures.shape == images.shape
    if not convolutional:
        poses = model.encode(images)
        kept = np.eye(3)[model.predict(images, verbose=0).argmax(-1)][..., None] * poses
        kernels = list(groups["Generator"].values())
        hidden = np.maximum(kept.reshape(2, -1) @ kernels[0] + kernels[1], 0)
        expected = 1 / (1 + np.exp(-(hidden @ kernels[2] + kernels[3])))
        np.testing.assert_allclose(pictures.reshape(2, -1), expected, atol=1e-5)


def test_decoder_left_out(rng, tmp_path):
    file = made_files.write_keras2(tmp_path / "small.h5", made_files.efficient_groups(rng))
    conversion = converters.convert(
        "efficient_capsnet", file, tmp_path / "small", decoder=None, **SMALL
    )
    assert capszoo.load(tmp_path / "small").decoder is None
    assert "Generator/conv2d_0/kernel" in conversion.notes[-1]


@pytest.mark.parametrize("name", ["CapsNet/conv2d_9/bias", "CapsNet/digit_caps/b"])
def test_missing_array(name, rng, tmp_path):
    groups = made_files.efficient_groups(rng)
    group, _, path = name.partition("/")
    del groups[group][path]
    file = made_files.write_keras2(tmp_path / "small.h5", groups)
    with pytest.raises(ValueError, match="does not hold the weights") as caught:
        converters.convert("efficient_capsnet", file, tmp_path / "small", **SMALL)
    message = str(caught.value)
    assert f"missing: {name}" in message
    assert "found: CapsNet/conv2d_9/kernel (3, 3, 2, 5)" in message
    assert "wrong shape" not in message
    assert list(tmp_path.iterdir()) == [file]


def test_wrong_shape_and_too_much(rng, tmp_path):
    groups = made_files.efficient_groups(rng)
    groups["CapsNet"]["digit_caps/b"] = made_files.normal(rng, 3, 5, 1)
    groups["CapsNet"]["conv2d_9/mask"] = made_files.normal(rng, 4)
    file = made_files.write_keras2(tmp_path / "small.h5", groups)
    with pytest.raises(ValueError, match="does not hold the weights") as caught:
        converters.convert("efficient_capsnet", file, tmp_path / "small", **SMALL)
    message = str(caught.value)
    assert "wrong shape: CapsNet/digit_caps/b: expected (3, 4, 1), found (3, 5, 1)" in message
    assert "not expected: CapsNet/conv2d_9/mask" in message
    assert list(tmp_path.iterdir()) == [file]


def test_other_layout(rng, tmp_path):
    file = made_files.write_keras2(tmp_path / "other.h5", made_files.keras_capsnet_groups(rng))
    with pytest.raises(ValueError, match="does not hold the arrays of this format") as caught:
        converters.convert("efficient_capsnet", file, tmp_path / "out")
    message = str(caught.value)
    assert "found: conv1/conv1/kernel (3, 3, 1, 6)" in message
    assert "missing: convolutions, primary convolution" in message
    assert not (tmp_path / "out").exists()


def test_unpublished_network_needs_its_shape(rng, tmp_path):
    file = made_files.write_keras2(tmp_path / "small.h5", made_files.efficient_groups(rng))
    with pytest.raises(ValueError, match="give image_shape and strides"):
        converters.convert("efficient_capsnet", file, tmp_path / "small")


@pytest.mark.parametrize(
    ("windows", "channels", "filters", "parameters"),
    [
        ((5, 3, 3, 3, 9), 1, (32, 64, 64, 128), 162_400),
        ((5, 3, 3, 3, 5), 1, (32, 64, 64, 128), 155_232),
    ],
)
def test_published_networks_need_no_arguments(windows, channels, filters, parameters, tmp_path):
    """The MNIST and MultiMNIST networks, with zeros for weights and no decoder."""
    body, before = {}, channels
    for layer, (size, after) in enumerate(zip(windows, filters, strict=False)):
        body[f"conv2d_{layer}/kernel"] = np.zeros((size, size, before, after), "float32")
        body[f"conv2d_{layer}/bias"] = np.zeros(after, "float32")
        for name in ("gamma", "beta", "moving_mean", "moving_variance"):
            body[f"batch_normalization_{layer}/{name}"] = np.ones(after, "float32")
        before = after
    body["conv2d_4/kernel"] = np.zeros((windows[-1], windows[-1], 1, 128), "float32")
    body["conv2d_4/bias"] = np.zeros(128, "float32")
    body["digit_caps/W"] = np.zeros((10, 16, 8, 16), "float32")
    body["digit_caps/b"] = np.zeros((10, 16, 1), "float32")
    file = made_files.write_keras2(tmp_path / "made.h5", {"CapsNet": body})
    conversion = converters.convert("efficient_capsnet", file, tmp_path / "made")
    assert conversion.model_parameters == conversion.source_parameters == parameters
    assert "is not the published file" in conversion.notes[0]


def test_published_smallnorb_file(tmp_path, real_data):
    folder = os.environ.get("CAPSZOO_CHECKPOINT_DIR")
    if not folder:
        pytest.skip("needs the authors' file: set CAPSZOO_CHECKPOINT_DIR to the folder it is in")
    file = pathlib.Path(folder) / "efficient_capsnet_SMALLNORB.h5"
    if not file.is_file():
        pytest.skip(f"needs the authors' file: {file.name} is not in CAPSZOO_CHECKPOINT_DIR")
    conversion = converters.convert("efficient_capsnet", file, tmp_path / "smallnorb")
    assert "This is the published file for smallNORB" in conversion.notes[0]
    assert conversion.model_parameters == 381_234
    assert conversion.largest_difference == 0
    assert conversion.output_difference < 1e-5
    model = capszoo.load(tmp_path / "smallnorb")
    real_data("smallnorb")
    # The converted preset says how images are to be fed.
    preset = capszoo.zoo.read_preset(tmp_path / "smallnorb")
    images, labels = capszoo.data.load(preset.data.name, "test")
    some = slice(None, None, 81)  # 300 of the 24,300 pairs
    scores = model.predict(images[some], verbose=0)
    assert (scores.argmax(-1) == labels[some]).mean() > 0.95
