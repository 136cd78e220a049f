"""Every family: parameter counts of the papers, training, saving, gradients, bad arguments."""

import itertools
import math

import keras
import numpy as np
import pytest

from capszoo import models
from tests.layer_checks import to_numpy
from tests.models.tiny_graphs import graphs_of
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
    "inverted_attention_capsnet": {
        **DIGITS,
        "conv_filters": 8,
        "block_filters": (8, 16),
        "blocks": (1, 1),
        "primary_types": 4,
        "capsule_types": (4,),
        "capsule_strides": (1,),
        "pose_dim": 4,
    },
    "deepcaps": {
        **DIGITS,
        "conv_filters": 8,
        "cell_types": (4, 4),
        "cell_dims": (4, 4),
        "class_dim": 8,
        "decoder": (8, 4),
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
    "ar_capsnet": {
        **DIGITS,
        "conv_filters": (8, 8),
        "primary_types": 3,
        "primary_dim": 4,
        "capsule_layers": 2,
        "capsule_types": 4,
        "capsule_strides": 1,
        "pose_dim": 4,
        "class_dim": 8,
        "decoder": (16,),
    },
    "self_routing_capsnet": {
        **DIGITS,
        "stem": "convolutions",
        "width": 4,
        "primary_types": 4,
        "capsule_types": (3,),
        "capsule_strides": (1,),
        "pose_dim": 4,
        # From the paper's zeros the first step trains nothing below the class capsules.
        "routing": {"name": "self_routing", "kernel_initializer": "glorot_uniform"},
    },
}
SMALL["subspace_capsnet"] = {
    **DIGITS,
    "conv_filters": 8,
    "capsule_types": (4, 4),
    "capsule_dims": (3, 4),
    "class_dim": 4,
    "decoder": (16,),
}
SMALL["conv_net"] = {
    **DIGITS,
    "conv_filters": (8, 16),
    "kernel_sizes": (3, 3),
    "strides": (1, 2),
    # Few steps leave moving averages behind.
    "conv_normalization": "instance",
    "dense_units": 32,
}
SMALL["sparse_capsnet"] = {
    "image_shape": (8, 8, 1),
    "conv_filters": 8,
    "conv_kernel_size": 3,
    "primary_types": 4,
    "primary_dim": 4,
    "primary_kernel_size": 3,
    "latent_capsules": 6,
    "pose_dim": 4,
    "decoder": (16,),
}
SMALL["ensemble"] = {
    **DIGITS,
    "members": [
        {"family": name, **{key: SMALL[name][key] for key in SMALL[name].keys() - DIGITS}}
        for name in ("capsnet", "efficient_capsnet")
    ],
}
SMALL["scae"] = {
    "image_shape": (8, 8, 1),
    "conv_filters": (8, 8),
    "conv_strides": 1,
    "num_parts": 4,
    "feature_dim": 3,
    "template_size": 4,
    "num_objects": 3,
    "object_dim": 8,
    "attention_layers": 1,
    "attention_dim": 8,
    "object_units": 8,
}
SMALL["face_parts_capsnet"] = {
    "image_shape": (8, 8, 1),
    "conv_filters": (8, 8),
    "conv_kernel_size": 3,
    "conv_strides": 1,
    "num_subparts": 5,
    "feature_dim": 2,
    "shape_size": 4,
    "num_parts": 3,
    "part_dim": 8,
    "attention_layers": 1,
    "attention_dim": 8,
}
SMALL["conv_gan"] = {
    "image_shape": (8, 8, 1),
    "latent_dim": 8,
    "generator_filters": (6, 4),
    "conv_filters": (4, 6),
}
SMALL["subspace_gan"] = {
    "image_shape": (8, 8, 1),
    "latent_dim": 8,
    "conv_filters": (4, 6),
    "capsule_types": (3, 2),
    "capsule_dims": (4, 3),
}
_DISCRIMINATOR_OF_CAPSULES = {
    "image_shape": (8, 8, 1),
    "latent_dim": 8,
    "conv_filters": 6,
    "conv_kernel_size": 3,
    "conv_strides": 1,
    "primary_types": 2,
    "primary_dim": 4,
    "primary_kernel_size": 3,
}
SMALL["capsule_gan"] = {**_DISCRIMINATOR_OF_CAPSULES, "generator_filters": (6, 4)}
SMALL["capsule_generator_gan"] = {
    **_DISCRIMINATOR_OF_CAPSULES,
    "latent_capsules": 2,
    "generator_types": (2, 2),
    "generator_dims": (4, 4),
}
SMALL["signal_capsnet"] = {
    "signal_shape": (8, 8),
    "num_classes": 10,
    "conv_filters": (16, 16),
    "conv_kernel_size": (3, 2),
    "conv_strides": 1,
    "primary_types": 4,
    "primary_kernel_size": 3,
    "primary_strides": 1,
    "class_dim": 8,
}
SMALL["ucaps3d"] = {
    "volume_shape": (8, 8, 8, 1),
    "num_classes": 3,
    "conv_filters": (4,),
    "conv_kernel_size": 3,
    "conv_dilations": (2,),
    "primary_types": 2,
    "capsule_types": (3,),
    "capsule_dims": (4,),
    "class_dim": 5,
    "decoder_filters": (6,),
    "reconstruction_filters": (4,),
}
SMALL["ucaps3d_autoencoder"] = {
    key: value for key, value in SMALL["ucaps3d"].items() if key != "num_classes"
}
SMALL["unet2d"] = {"image_shape": (8, 8, 1), "num_classes": 3, "filters": (4, 6)}
SMALL["unet3d"] = {"volume_shape": (8, 8, 8, 1), "num_classes": 3, "filters": (4, 6)}
SMALL["text_capsnet"] = {
    # A word for each of the seventeen levels of grey of the 64 pixels.
    "text_shape": (64, 18),
    "num_classes": 10,
    "embedding_dim": 8,
    "ngram_sizes": (2, 3),
    "ngram_filters": 8,
    "ngram_strides": 4,
    "primary_types": 4,
    "capsule_types": 4,
    "pose_dim": 8,
}
SMALL["interest_capsnet"] = {
    # An item for each of the seventeen levels of grey.
    "history_shape": (64, 17),
    "num_classes": 10,
    "num_interests": 3,
    "pose_dim": 8,
    # The other variant sees no order: how many pixels have which grey is no digit.
    "variant": "comirec",
}
SMALL["segcaps"] = {
    "image_shape": (8, 8, 1),
    "num_classes": 3,
    "conv_filters": 4,
    "kernel_size": 3,
    "primary_dim": 4,
    "capsule_types": (2, 2),
    "capsule_dims": (4, 4),
    "decoder_types": (2,),
    "class_dim": 5,
    "reconstruction_filters": (4,),
}
SMALL["text_conv_net"] = {
    "text_shape": (64, 18),
    "num_classes": 10,
    "embedding_dim": 8,
    "ngram_sizes": (3, 8),
    "ngram_filters": 64,
    "dropout": 0.0,
}
SMALL["capsgnn"] = {
    "graph_shape": (8, 16),
    "num_classes": 10,
    "conv_layers": 2,
    "conv_types": 3,
    "graph_capsules": 6,
    "decoder": (8,),
}
SMALL["graph_conv_net"] = {
    "graph_shape": (8, 16),
    "num_classes": 10,
    "conv_layers": 2,
    "dropout": 0.0,
}
SMALL["video_capsnet"] = {
    "clip_shape": (4, 8, 8, 1),
    "num_classes": 10,
    "conv_filters": (16,),
    "conv_strides": ((2, 1, 1),),
    "primary_types": 4,
    "pooling_size": (2, 3, 3),
    "pooling_strides": (2, 2, 2),
    "capsule_types": 4,
    "localization_filters": (6, 4),
}
SMALL["video_conv_net"] = {
    "clip_shape": (4, 8, 8, 1),
    "num_classes": 10,
    "conv_filters": (16, 16),
    "conv_strides": (1, 2),
    "dense_units": 16,
}
TASKS = {name: models.get_family(name).task for name in SMALL}
each_family = pytest.mark.parametrize("name", SMALL)
each_classifier = pytest.mark.parametrize(
    "name", [name for name, task in TASKS.items() if task == "classification"]
)
each_of_classes = pytest.mark.parametrize(
    "name", [name for name in SMALL if "num_classes" in SMALL[name]]
)


def examples_of(name, images, labels):
    """Pictures of one channel and their labels, as a family takes them.

    Signals have the columns as channels, texts a word for each grey, histories an item, graphs a
    node for each row, volumes and clips the picture in each layer; the class of a position is how
    bright it is. What is localized is in the upper left. What has no labels has originals,
    or nothing.
    """
    if "clip_shape" in SMALL[name]:
        clips = np.stack([images] * 4, axis=1)
        if TASKS[name] == "localization":
            masks = np.zeros(clips.shape[:-1], "uint8")
            masks[:, :, :5, :6] = labels[:, None, None, None] + 1
            labels = masks
        return clips, labels
    if TASKS[name] == "generation":
        return images, None
    if TASKS[name] == "segmentation":
        labels = np.minimum(images[..., 0] // 86, SMALL[name]["num_classes"] - 1)
    if "signal_shape" in SMALL[name]:
        return images[..., 0].astype("float32"), labels
    if "volume_shape" in SMALL[name]:
        layers = np.stack([images] * 8, axis=1).astype("float32")
        if TASKS[name] == "reconstruction":
            return layers, layers
        return layers, np.stack([labels] * 8, axis=1)
    if TASKS[name] == "reconstruction":
        return images, images
    if "history_shape" in SMALL[name]:
        return np.rint(images.reshape(len(images), -1) * 16 / 255).astype("int32"), labels
    if "graph_shape" in SMALL[name]:
        return graphs_of(images), labels
    if "text_shape" in SMALL[name]:
        return 1 + np.rint(images.reshape(len(images), -1) * 16 / 255).astype("int32"), labels
    return images, labels


def test_every_family_is_here():
    ours = {
        name
        for name in models.list_models()
        if models.get_family(name).__module__.startswith("capszoo.")
    }
    assert ours == set(SMALL)


@ONCE
@each_family
def test_every_layer_is_built(name):
    # Keras runs a model once more in each `predict_on_batch` where one is not.
    assert [layer for layer in make(name)._flatten_layers() if not layer.built] == []


@ONCE
@each_family
def test_no_two_variables_share_a_path(name):
    # PyTorch's module, which is told to forget gradients, keeps one parameter for each path.
    paths = [variable.path for variable in make(name).variables]
    assert len(paths) == len(set(paths))


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
DEEPCAPS_64 = {"image_shape": (64, 64, 3), "decoder": (64, 32, 16, 8)}
SMALL_CLUSTER = {"cluster_size": 5, "pose_dim": 6}
OF_UCAPS3D = 322_002 + 110_656 + 960 + 557_504 + 1_769_474 + 387 + 16_705


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
        ("inverted_attention_capsnet", {}, 1_828_817),
        ("deepcaps", {}, 8_500_337),
        ("deepcaps", {"decoder": None}, 8_441_920),
        ("deepcaps", DEEPCAPS_64, 13_426_995),
        ("residual_capsnet", {"depth": 2, "decoder": None}, 6_419_616),
        ("residual_capsnet", {"depth": 8, "decoder": None}, 6_814_368),
        ("residual_capsnet", {"depth": 16, "decoder": None}, 7_340_704),
        ("efficient_capsnet", {"decoder": None}, 161_824),
        ("efficient_capsnet", {**NORB, "decoder": None}, 151_664),
        ("efficient_capsnet", {**MULTI, "decoder": None}, 154_656),
        # Within a hundredth of the two above that they stand beside.
        ("conv_net", {}, 161_834),
        ("conv_net", {**NORB, "dense_units": 139}, 151_655),
        ("ar_capsnet", {}, 5_312_528),
        # 19 convolutions of 3x3 without bias, each with two numbers a filter of batch
        # normalization, 9 * (3 * 16 + 6 * 16**2 + 16 * 32 + 5 * 32**2 + 32 * 64 + 5 * 64**2)
        # + 2 * (7 * 16 + 6 * 32 + 6 * 64) = 269,072; poses and activations of 32 types,
        # 64 * 9 * 544 + 2 * 544 = 314,432; 8 * 8 * 32 children with 16 * 10 + 10 for their
        # logits, 348,160.
        ("self_routing_capsnet", {}, 931_664),
        # 9 * (2 * 16 + 16 * 32 + 32**2 + 32 * 64 + 64**2 + 64 * 128) + 2 * (16 + 2 * 32 + 2 * 64
        # + 128) = 143,808; 128 * 9 * 544 + 2 * 544 = 627,776; 4 * 4 * 32 children with
        # 16 * 5 + 5, 43,520.
        (
            "self_routing_capsnet",
            {"image_shape": (32, 32, 2), "num_classes": 5, "stem": "convolutions"},
            815_104,
        ),
        # A layer more: 9 * 32 children with 32 parents of 16 * 16 transforms and 16 + 1 for the
        # logits, 288 * 32 * 273 = 2,515,968, and batch normalization of 512 numbers.
        (
            "self_routing_capsnet",
            {
                "image_shape": (32, 32, 2),
                "num_classes": 5,
                "stem": "convolutions",
                "capsule_types": (32,),
                "capsule_strides": (1,),
            },
            3_332_096,
        ),
        # 125 * (1*16 + 16*32 + 32*64) and 2 slopes for convolutions, 27 * 64 * 64 + 64 for primary
        # capsules; transforms of 27 * (16*4*128 + 16*8*128 + 16*8*128 + 8*16*128 + 8*16*256
        # + 8*32*192), a bias for each vote, 16*128 + 16*128 + 16*128 + 8*128 + 8*256 + 8*192, and
        # for each parent, 128 + 128 + 128 + 128 + 256 + 192; upsampling of 8 * (192*256 + 128*128
        # + 64*64) + 256 + 128 + 64, convolutions between of 27 * (384*128 + 256*64) and 2 slopes;
        # logits 128*3 + 3; reconstruction 128*64 + 64 + 64*128 + 128 + 128 + 1.
        ("ucaps3d", {}, OF_UCAPS3D + 3_760_128 + 10_752),
        # Two windows of 27 in each block, of twice the filters after a joining, and two numbers
        # of normalization for each of their filters; logits.
        (
            "unet3d",
            {},
            27 * (8 + 64 + 128 + 256 + 512 + 1024 + 32 * 48 + 48**2)
            + 27 * (80 * 32 + 32**2 + 48 * 16 + 16**2 + 24 * 8 + 8**2)
            + 4 * (2 * (8 + 16 + 32) + 48)
            + 8 * 3
            + 3,
        ),
        # Convolutions without bias and two numbers of batch normalization for each filter; poses
        # and activations of 8 types; a 4x4 transform for each pair of types and two numbers for
        # each parent, of 8 types and of 40 classes; a dense layer to 1x4x4 positions, transposed
        # convolutions of 3x3x3 (4x3x3 by steps of 4, 2, 2 from there to 4x8x8) with bias, the last
        # of half the filters, and a convolution to pixels.
        (
            "video_capsnet",
            {},
            (27 * (12 + 12 * 24 + 24 * 36 + 36 * 48) + 2 * (12 + 24 + 36 + 48))
            + 48 * 8 * 17
            + (8 * 8 * 16 + 2 * 8)
            + (8 * 40 * 16 + 2 * 40)
            + (40 * 16 * 16 + 16)
            + (36 * (1 + 128) * 32 + 32)
            + (27 * (32 + 128) * 16 + 16)
            + (27 * 16 * 8 + 8)
            + (27 * 8 + 1),
        ),
        ("video_capsnet", {"localization_weight": 0}, 91_092),
        ("video_conv_net", {}, 91_091),
        # One transform for all types of children, and a bias for each parent twice.
        ("ucaps3d", {"share_types": True}, OF_UCAPS3D + 400_896 + 960),
        # The layers of the released `CapsNetR3`: a convolution, transforms of windows, children's
        # and parents' poses and types of parents, a bias for each parent, 1x1 convolutions.
        (
            "segcaps",
            {"image_shape": (64, 64, 1)},
            (25 * 16 + 16)
            + (25 * 16 * 2 * 16 + 2 * 16)
            + (25 * 16 * 4 * 16 + 4 * 16)
            + (25 * 16 * 4 * 32 + 4 * 32)
            + (25 * 32 * 8 * 32 + 8 * 32)
            + (25 * 32 * 8 * 64 + 8 * 64)
            + (25 * 64 * 8 * 32 + 8 * 32)
            + (16 * 32 * 8 * 32 + 8 * 32)
            + (25 * 32 * 4 * 32 + 4 * 32)
            + (16 * 32 * 4 * 16 + 4 * 16)
            + (25 * 16 * 4 * 16 + 4 * 16)
            + (16 * 16 * 2 * 16 + 2 * 16)
            + (16 * 1 * 16 + 16)
            + (16 * 64 + 64 + 64 * 128 + 128 + 128 + 1),
        ),
        ("segcaps", {"image_shape": (64, 64, 1), "reconstruction_filters": None}, 1_416_112),
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
    images, labels = examples_of(name, *digits(32))
    model = make(name)
    model.compile()
    before = model.evaluate(images, labels, verbose=0, return_dict=True)
    model.fit(images, labels, batch_size=16, epochs=6, verbose=0)
    after = model.evaluate(images, labels, verbose=0, return_dict=True)
    if TASKS[name] != "generation":  # two networks against each other
        assert after["loss"] < before["loss"]

    scores = model.predict(images, verbose=0)
    assert scores.shape[1:] == model.output[model.primary_output].shape[1:]
    if labels is not None and TASKS[name] != "reconstruction":
        labeled = labels.shape[:1] if TASKS[name] == "localization" else labels.shape
        assert scores.shape == (*labeled, model.num_classes)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(model.predict(images[:1], verbose=0), scores[:1], atol=1e-4)

    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.get_config() == model.get_config()
    np.testing.assert_allclose(again.predict(images, verbose=0), scores, atol=1e-5)

    model.save_to_preset(tmp_path / "preset")
    loaded = models.get_family(name).from_preset(tmp_path / "preset")
    assert loaded.get_config() == model.get_config()
    np.testing.assert_allclose(loaded.predict(images, verbose=0), scores, atol=1e-5)


@ONCE
@each_classifier
def test_a_single_class_answers_yes_or_no(name):
    images, labels = digits(60)
    images, labels = examples_of(name, images[labels < 2], labels[labels < 2])
    keras.utils.set_random_seed(0)
    # With half of so few capsules left out the answers are as far apart, but nearer to zero.
    steady = {"dropout": 0.0} if name == "ar_capsnet" else {}
    model = make(name, num_classes=1, **steady)
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
    model = make(name)
    model.compile(optimizer=keras.optimizers.SGD(1.0))
    start = [to_numpy(variable.value) for variable in model.variables]
    for pictures, must_move in ((images, True), (np.zeros_like(images), False)):
        for variable, value in zip(model.variables, start, strict=True):
            variable.assign(value)
        before = [to_numpy(variable.value) for variable in model.trainable_variables]
        model.train_on_batch(*examples_of(name, pictures, np.arange(8)))
        for old, variable in zip(before, model.trainable_variables, strict=True):
            new = to_numpy(variable.value)
            assert np.isfinite(new).all(), variable.path
            if must_move:
                assert not np.array_equal(old, new), variable.path


@ONCE
@each_family
def test_low_precision(name):
    images, labels = examples_of(name, *digits(16))
    # TensorFlow pools no volumes of float16 on a CPU.
    unpooled = name == "unet3d" and keras.backend.backend() == "tensorflow"
    model = make(name, dtype="mixed_bfloat16" if unpooled else "mixed_float16")
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


def test_layers_that_iterate_together(tmp_path):
    """The same weights as one by one, another function of them."""
    images, _ = digits(4)
    wide = {"block_strides": (1, 1), "capsule_types": (4, 4), "capsule_strides": (1, 1)}
    one_by_one = make("inverted_attention_capsnet", **wide)
    at_once = make("inverted_attention_capsnet", **wide, concurrent=True)
    at_once.set_weights(one_by_one.get_weights())
    scores = at_once.predict(images, verbose=0)
    assert np.abs(one_by_one.predict(images, verbose=0) - scores).max() > 1e-3
    at_once.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(images, verbose=0), scores, atol=1e-5)
    with pytest.raises(ValueError, match="routes concurrently"):
        make("inverted_attention_capsnet", concurrent=True, routing="dynamic")


@ONCE
@pytest.mark.parametrize(
    "routing",
    [
        "cluster",
        "deepcaps",
        "em",
        "interest",
        "inverted_attention",
        "scaled_distance",
        "self_attention",
        "self_routing",
        "star",
        "uniform",
        "variational_bayes",
    ],
)
def test_capsnet_with_every_routing(routing):
    model = make("capsnet", routing=routing)
    model.compile()
    images, labels = digits(16)
    history = model.fit(images, labels, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@ONCE
@pytest.mark.parametrize("routing", ["dynamic", "em"])
def test_self_routing_capsnet_with_other_routings(routing):
    model = make("self_routing_capsnet", stem="resnet20", routing=routing, decoder=(16,))
    model.compile()
    images, labels = digits(16)
    history = model.fit(images, labels, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert model.get_layer("class_capsules").kernel is not None


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
        ("inverted_attention_capsnet", {"pose_dim": 8}, "square"),
        ("inverted_attention_capsnet", {"blocks": (1,)}, "one length"),
        ("inverted_attention_capsnet", {"blocks": (1, 0)}, "blocks"),
        ("inverted_attention_capsnet", {"capsule_strides": (1, 1)}, "one length"),
        ("inverted_attention_capsnet", {"image_shape": (4, 4, 1)}, "smallest that works is 5x5"),
        ("deepcaps", {"cell_types": (4,)}, "one length, at least 2"),
        ("deepcaps", {"cell_dims": (4, 8)}, "last two of `cell_dims` must be alike"),
        ("deepcaps", {"cell_routing": "em"}, "no explicit activations"),
        ("residual_capsnet", {"depth": 0}, "depth"),
        ("residual_capsnet", {"variant": "convolution"}, "convolutional"),
        ("residual_capsnet", {"image_shape": (4, 4, 1)}, "smallest that works is 5x5"),
        ("efficient_capsnet", {"image_shape": (4, 4, 1)}, "smallest that works is 5x5"),
        ("efficient_capsnet", {"strides": (1,)}, "one length"),
        ("conv_net", {"image_shape": (4, 4, 1)}, "smallest that works is 5x5"),
        ("conv_net", {"strides": (1,)}, "one length"),
        ("conv_net", {"decoder": (16,)}, "no capsules to decode"),
        ("efficient_capsnet", {"primary_dim": 5}, "divide"),
        ("ar_capsnet", {"routing": "em"}, "without explicit activations"),
        ("ar_capsnet", {"dropout": 1}, "less than 1"),
        ("ar_capsnet", {"capsule_layers": -1}, "capsule_layers"),
        ("self_routing_capsnet", {"stem": "resnet"}, "resnet20"),
        ("self_routing_capsnet", {"width": 0}, "width"),
        ("self_routing_capsnet", {"capsule_types": (4, 4)}, "one length"),
        ("capsnet", {"image_shape": (4, 4, 1)}, "smallest that works is 5x5"),
        ("unet2d", {"image_shape": (2, 1, 1)}, "too small for 2 levels"),
        ("unet3d", {"volume_shape": (2, 2, 1, 1)}, "too small for 2 levels"),
        ("unet3d", {"filters": ()}, "at least one level"),
        ("unet2d", {"margin_weight": 0.1}, "expected 0, as this model has no lengths"),
        ("capsnet", {"normalization": "batch"}, "normalization"),
        ("capsnet", {"conv_filters": ()}, "at least one convolution"),
        ("capsnet", {"conv_filters": (4, 4), "conv_strides": (1, 1, 2)}, "as long as `conv_filt"),
        ("capsnet", {"conv_filters": (4, 4), "conv_kernel_size": (3, 5)}, "smallest that works is"),
        ("signal_capsnet", {"signal_shape": (5, 8)}, "Signals of 5 .* smallest that works is 6"),
        ("signal_capsnet", {"signal_shape": (8,)}, r"expected \(length, channels\)"),
        ("signal_capsnet", {"primary_kernel_size": (3, 3)}, "expected one positive integer. Rec"),
        ("signal_capsnet", {"normalization": "per_image"}, "'per_signal' or a dict"),
        ("signal_capsnet", {"decoder": (16,)}, "make a decoder of pictures"),
        ("video_capsnet", {"routing": "dynamic"}, "VideoCapsNet needs .*explicit activations"),
        ("video_capsnet", {"conv_strides": (1, 1)}, "one length, at least 1"),
        ("video_capsnet", {"clip_shape": (8, 8, 1)}, r"\(frames, height, width, channels\)"),
        ("video_capsnet", {"decoder": (16,)}, "There is no decoder of clips"),
        ("video_capsnet", {"localization_filters": (4,)}, "1 maps, one for each of `filters`"),
        ("video_capsnet", {"pose_dim": 8}, "square"),
        ("video_conv_net", {"conv_filters": ()}, "one length, at least 1"),
    ],
)
def test_bad_arguments(name, arguments, match):
    with pytest.raises(ValueError, match=match):
        make(name, **arguments)


@ONCE
@each_of_classes
def test_unknown_argument(name):
    # Before anything is said of a picture, signal or volume that is too small.
    shapes = {"image_shape", "signal_shape", "volume_shape"} & set(SMALL[name])
    too_small = {key: (1,) * len(SMALL[name][key]) for key in shapes}
    with pytest.raises(ValueError, match=r"Unknown argument 'num_class'\. Did you mean 'num_class"):
        models.get_family(name)(**too_small, num_class=3)
