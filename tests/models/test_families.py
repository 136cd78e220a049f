"""Every family: parameter counts of the papers, training, saving, gradients, bad arguments."""

import itertools
import math

import keras
import numpy as np
import pytest

from capszoo import models
from tests.layer_checks import to_numpy
from tests.once import ONCE

DIGITS = {"image_shape": (8, 8, 1), "num_classes": 10}
SMALL = {
    "capsnet": {
        **DIGITS,
        "conv_filters": 8,
        "conv_kernel_size": 3,
        "primary_types": 4,
        "primary_dim": 4,
        "primary_kernel_size": 3,
        "class_dim": 8,
        "decoder": (16,),
    },
    "em_capsnet": {
        **DIGITS,
        "conv_filters": 16,
        "conv_kernel_size": 3,
        "conv_strides": 1,
        "primary_types": 4,
        "capsule_types": (4,),
        "capsule_strides": (2,),
    },
    "vb_capsnet": {
        **DIGITS,
        "conv_filters": 16,
        "conv_kernel_size": 3,
        "conv_strides": 1,
        "primary_types": 4,
        "capsule_types": (4,),
        "capsule_strides": (2,),
    },
    "cluster_capsnet": {
        **DIGITS,
        "capsule_types": 3,
        "cluster_size": 3,
        "pose_dim": 4,
        "strides": (1, 2, 1),
    },
    "residual_capsnet": {
        **DIGITS,
        "depth": 4,
        "num_capsules": 8,
        "conv_filters": 16,
        "conv_kernel_size": 3,
        "primary_types": 4,
        "decoder": (16,),
    },
    "efficient_capsnet": {
        **DIGITS,
        "conv_filters": (8, 16),
        "kernel_sizes": (3, 3),
        "strides": (1, 2),
        "primary_dim": 4,
        "class_dim": 8,
        "decoder": (16,),
    },
}
each_family = pytest.mark.parametrize("name", SMALL)


def test_every_family_is_here():
    ours = {
        name
        for name in models.list_models()
        if models.get_family(name).__module__.startswith("capszoo.")
    }
    assert ours == set(SMALL)


@each_family
def test_every_layer_is_built(name):
    # Keras runs a model once more in each `predict_on_batch` where one is not.
    assert [layer for layer in make(name)._flatten_layers() if not layer.built] == []


def trainable(model):
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)


NORB = {
    "image_shape": (48, 48, 2),
    "num_classes": 5,
    "kernel_sizes": (7, 3, 3, 3),
    "strides": (2, 1, 1, 2),
    "activation": "leaky_relu",
    "conv_normalization": "instance",
}
MULTI = {
    "image_shape": (36, 36, 1),
    "strides": (1, 1, 2, 2),
    "primary_kernel_size": 5,
    "primary_strides": 2,
}
SMALL_CLUSTER = {"cluster_size": 5, "pose_dim": 6}


@ONCE
@pytest.mark.parametrize(
    ("name", "arguments", "count"),
    [
        ("capsnet", {}, 8_215_728),
        ("capsnet", {"decoder": None}, 6_804_384),
        ("em_capsnet", {}, 316_650),
        ("em_capsnet", {"conv_filters": 64, "primary_types": 8, "capsule_types": (16, 16)}, 68_618),
        ("vb_capsnet", {}, 68_714),
        ("vb_capsnet", {"primary_types": 16, "capsule_types": (32, 32)}, 244_682),
        ("cluster_capsnet", {}, 3_833_857),
        ("cluster_capsnet", {"pose_dim": 16}, 1_744_897),
        ("cluster_capsnet", SMALL_CLUSTER, 178_993),
        ("cluster_capsnet", {"image_shape": (32, 32, 1), **SMALL_CLUSTER}, 170_353),
        (
            "cluster_capsnet",
            {"image_shape": (32, 32, 2), "num_classes": 5, **SMALL_CLUSTER},
            141_673,
        ),
        ("residual_capsnet", {"depth": 2, "decoder": None}, 6_419_616),
        ("residual_capsnet", {"depth": 8, "decoder": None}, 6_814_368),
        ("residual_capsnet", {"depth": 16, "decoder": None}, 7_340_704),
        ("efficient_capsnet", {"decoder": None}, 161_824),
        ("efficient_capsnet", {**NORB, "decoder": None}, 151_664),
        ("efficient_capsnet", {**MULTI, "decoder": None}, 154_656),
    ],
)
def test_parameters_of_the_papers(name, arguments, count):
    assert trainable(models.get_family(name)(**arguments)) == count


def make(name, **arguments):
    return models.get_family(name)(**{**SMALL[name], **arguments})


def digits(count):
    from sklearn.datasets import load_digits

    data = load_digits()
    return np.round(data.images[:count, ..., None] * 255 / 16).astype("uint8"), data.target[:count]


@each_family
def test_trains_saves_and_loads(name, tmp_path):
    images, labels = digits(32)
    model = make(name)
    model.compile()
    before = model.evaluate(images, labels, verbose=0, return_dict=True)
    model.fit(images, labels, batch_size=16, epochs=6, verbose=0)
    after = model.evaluate(images, labels, verbose=0, return_dict=True)
    assert after["loss"] < before["loss"]

    scores = model.predict(images, verbose=0)
    assert scores.shape == (32, 10)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(model.predict(images[:1], verbose=0), scores[:1], atol=1e-4)

    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.get_config() == model.get_config()
    np.testing.assert_allclose(again.predict(images, verbose=0), scores, atol=1e-5)

    model.save_to_preset(tmp_path / "preset")
    loaded = models.get_family(name).from_preset(tmp_path / "preset")
    np.testing.assert_allclose(loaded.predict(images, verbose=0), scores, atol=1e-5)


@each_family
def test_a_single_class_answers_yes_or_no(name):
    images, labels = digits(60)
    images, labels = images[labels < 2], labels[labels < 2]
    keras.utils.set_random_seed(0)
    model = make(name, num_classes=1)
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    first, opposite = (
        model.evaluate(images, answers, verbose=0, return_dict=True)
        for answers in (labels, 1 - labels)
    )
    assert first["accuracy"] + opposite["accuracy"] == pytest.approx(1)
    assert first["loss"] != opposite["loss"]
    model.fit(images, labels[:, None], epochs=30, verbose=0)
    yes = model.predict(images, verbose=0)[:, 0] > model.score_threshold
    assert (yes == labels).mean() > 0.8


@each_family
def test_gradients_at_random_and_at_zero_images(name, rng):
    images = rng.integers(0, 256, size=(8, 8, 8, 1)).astype("uint8")
    for pictures, must_move in ((images, True), (np.zeros_like(images), False)):
        model = make(name)
        model.compile(optimizer=keras.optimizers.SGD(1.0))
        before = [to_numpy(variable.value) for variable in model.trainable_variables]
        model.train_on_batch(pictures, np.arange(8))
        for old, variable in zip(before, model.trainable_variables, strict=True):
            new = to_numpy(variable.value)
            assert np.isfinite(new).all(), variable.path
            if must_move:
                assert not np.array_equal(old, new), variable.path


@each_family
def test_low_precision(name):
    images, labels = digits(16)
    model = make(name, dtype="mixed_float16")
    model.compile()
    history = model.fit(images, labels, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert model.predict(images, verbose=0).dtype == np.float32


ON_EVERY_BACKEND = [
    (None, "convolutional", "dynamic"),
    ("identity", "dense", "em"),
    ("paper", "convolutional", "scaled_distance"),
]
RESIDUAL_VARIANTS = [
    pytest.param(*values, marks=() if values in ON_EVERY_BACKEND else ONCE)
    for values in itertools.product(
        (None, "identity", "paper"),
        ("dense", "convolutional"),
        ("dynamic", "em", "scaled_distance"),
    )
]


@pytest.mark.parametrize(("mode", "variant", "routing"), RESIDUAL_VARIANTS)
def test_residual_variants(routing, variant, mode):
    model = make("residual_capsnet", routing=routing, variant=variant, mode=mode, depth=5)
    scores = model.predict(np.ones((2, 8, 8, 1), "uint8"), verbose=0)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    "routing",
    ["cluster", "em", "scaled_distance", "self_attention", "uniform", "variational_bayes"],
)
def test_capsnet_with_every_routing(routing):
    model = make("capsnet", routing=routing)
    model.compile()
    images, labels = digits(16)
    history = model.fit(images, labels, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.parametrize(
    ("name", "arguments", "match"),
    [
        ("em_capsnet", {"routing": "dynamic"}, "explicit activations"),
        ("vb_capsnet", {"routing": "dynamic"}, "VBCapsNet needs .*explicit activations"),
        ("em_capsnet", {"pose_dim": 8}, "square"),
        ("em_capsnet", {"capsule_types": (4, 4)}, "one length"),
        ("em_capsnet", {"image_shape": (4, 4, 1)}, "smallest that works is 5x5"),
        ("cluster_capsnet", {"cluster_size": 1}, "cluster_size"),
        ("cluster_capsnet", {"image_shape": (1, 1, 1)}, "at least 2x2"),
        ("residual_capsnet", {"depth": 0}, "depth"),
        ("residual_capsnet", {"variant": "convolution"}, "convolutional"),
        ("residual_capsnet", {"image_shape": (4, 4, 1)}, "smallest that works is 5x5"),
        ("efficient_capsnet", {"image_shape": (4, 4, 1)}, "smallest that works is 5x5"),
        ("efficient_capsnet", {"strides": (1,)}, "one length"),
        ("efficient_capsnet", {"primary_dim": 5}, "divide"),
        ("capsnet", {"image_shape": (4, 4, 1)}, "smallest that works is 5x5"),
        ("capsnet", {"normalization": "batch"}, "normalization"),
    ],
)
def test_bad_arguments(name, arguments, match):
    with pytest.raises(ValueError, match=match):
        make(name, **arguments)


@pytest.mark.parametrize("name", SMALL)
def test_unknown_argument(name):
    with pytest.raises(ValueError, match=r"Unknown argument 'num_class'\. Did you mean 'num_class"):
        models.get_family(name)(num_class=3)
