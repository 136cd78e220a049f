"""Files of Keras CapsNet scripts."""

import functools
import warnings

import numpy as np
import pytest

import capszoo
from capszoo import converters
from tests.converters import made_files
from tests.converters import scripts
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
    with pytest.raises(ValueError, match=r"Several networks fit .* images of \(28, 28, 1\)"):
        converters.convert("keras_capsnet", file, tmp_path / "other")


def test_iterations_are_an_argument(rng, tmp_path):
    file = made_files.write_keras2(tmp_path / "small.h5", made_files.keras_capsnet_groups(rng))
    routing = {"name": "dynamic", "use_bias": False, "iterations": 1}
    conversion = converters.convert("keras_capsnet", file, tmp_path / "one", routing=routing)
    assert capszoo.load(tmp_path / "one").routing.iterations == 1
    assert "with 1 iterations" in conversion.notes[1]
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


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, {"conv_filters": 6, "conv_strides": 1, "primary_strides": 2}),
        ({"hidden": True, "called": "kernel"}, {"primary_strides": 2, "padding": "valid"}),
        (
            {"convolutions": ((4, 3, 1), (6, 3, 1)), "axes": "ijcd", "called": "kernel_w"},
            {"conv_filters": (4, 6), "conv_strides": (1, 1)},
        ),
        (
            {
                "shape": (16, 16, 3),
                "convolutions": ((4, 3, 1), (6, 5, 1), (6, 3, 1), (8, 2, 1)),
                "called": "weights",
            },
            {"conv_kernel_size": (3, 5, 3, 2), "image_shape": (16, 16, 3)},
        ),
        ({"axes": "ijdc", "ones": 1}, {"class_dim": 5, "primary_dim": 4}),
        ({"axes": "jicd", "routings": 2}, {"num_classes": 3}),
        ({"padding": "same", "primary": (8, 4, 3)}, {"padding": "same", "primary_strides": 3}),
        ({"shape": (12, 9, 2)}, {"image_shape": (12, 9, 2)}),
    ],
    ids=str,
)
@pytest.mark.parametrize("suffix", [".weights.h5", ".keras", ".h5"])
def test_networks_of_scripts(suffix, arguments, expected, rng, tmp_path):
    """Weights and whole models with an optimizer's state, as plain Keras saves them."""
    model = scripts.network(**arguments)
    images = rng.integers(0, 256, (3, *model.input_shape[1:])).astype("uint8")
    model.compile("adam", "mse")
    model.train_on_batch(images / 255, np.eye(3))
    file = tmp_path / f"script{suffix}"
    whole = suffix != ".weights.h5"
    with warnings.catch_warnings(action="ignore"):  # Keras calls its .h5 files legacy
        model.save(file) if whole else model.save_weights(file)
    padding = arguments.get("padding", "valid")
    given = {} if whole else {"image_shape": model.input_shape[1:], "padding": padding}
    if padding == "same" and not whole:  # steps of 1 and 3 would give as many as 3 and 1
        given["conv_strides"] = 1
    if not whole and "routings" in arguments:
        given["routing"] = {"name": "dynamic", "use_bias": False, "iterations": 2}
    conversion = converters.convert("keras_capsnet", file, tmp_path / "converted", **given)
    converted = capszoo.load(tmp_path / "converted")
    found = converted.predict(images, verbose=0)
    np.testing.assert_allclose(found, model.predict(images / 255, verbose=0), atol=1e-5)
    assert conversion.output_difference < 1e-5
    assert conversion.source_parameters == model.count_params()
    for name, value in expected.items():
        assert getattr(converted, name) == value, name
    notes = " ".join(conversion.notes)
    assert "arrays of the optimizer's state" in notes
    assert ("the file's configuration" in notes) == whole


def test_several_readings_are_refused_with_their_names(tmp_path):
    model = scripts.network(shape=(32, 32, 3), convolutions=((4, 9, 1),), primary=(8, 9, 2))
    model.save_weights(tmp_path / "cifar.weights.h5")
    convert = functools.partial(
        converters.convert, "keras_capsnet", tmp_path / "cifar.weights.h5", tmp_path / "out"
    )
    with pytest.raises(ValueError, match="Several networks fit") as caught:
        convert()
    named = str(caught.value).split("\n")[1:]
    assert len(named) == 2
    assert "conv_strides=(1,), primary_strides=2, padding='valid'" in named[0]
    assert "conv_strides=(2,), primary_strides=2, padding='same'" in named[1]
    conversion = convert(padding="valid")
    assert conversion.output_difference < 1e-5
    assert "images of 32, 32, 3 (from nothing but their channels: assumed)" in conversion.notes[0]


def test_a_square_transform_needs_the_order_of_its_axes(tmp_path):
    model = scripts.network(dim=4, axes="jicd")
    model.save(tmp_path / "square.keras")
    with pytest.raises(ValueError, match=r"Several networks fit .*\n.*class_axes"):
        converters.convert("keras_capsnet", tmp_path / "square.keras", tmp_path / "out")
    conversion = converters.convert(
        "keras_capsnet",
        tmp_path / "square.keras",
        tmp_path / "out",
        class_axes="classes, children, child_dim, class_dim",
    )
    images = np.arange(2 * 144).reshape(2, 12, 12, 1).astype("uint8")
    found = capszoo.load(tmp_path / "out").predict(images, verbose=0)
    np.testing.assert_allclose(found, model.predict(images / 255, verbose=0), atol=1e-5)
    assert conversion.output_difference < 1e-5


def test_logits_of_zeros_are_left_out(rng, tmp_path):
    groups = made_files.keras_capsnet_groups(rng)
    groups["digitcaps"]["digitcaps/bias"] = np.zeros((1, 32, 3, 1, 1), "float32")
    file = made_files.write_keras2(tmp_path / "older.h5", groups)
    conversion = converters.convert("keras_capsnet", file, tmp_path / "older")
    assert "digitcaps/digitcaps/bias" in conversion.notes[-1]
    groups["digitcaps"]["digitcaps/bias"][0, 3] = 1
    file = made_files.write_keras2(tmp_path / "trained.h5", groups)
    with pytest.raises(ValueError, match="not expected: digitcaps/digitcaps/bias"):
        converters.convert("keras_capsnet", file, tmp_path / "trained")


def test_layers_that_capsnet_has_not(tmp_path):
    scripts.network(pooled=True, primary=(8, 2, 1)).save(tmp_path / "pooled.keras")
    with pytest.raises(ValueError, match="with MaxPooling2D, which CapsNet has not"):
        converters.convert("keras_capsnet", tmp_path / "pooled.keras", tmp_path / "out")


def test_a_zip_of_something_else(tmp_path):
    np.savez(tmp_path / "arrays.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match=r"is neither an HDF5 nor a \.keras file"):
        converters.convert("keras_capsnet", tmp_path / "arrays.npz", tmp_path / "out")
