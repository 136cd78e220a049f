"""UCaps3D: its graph, its losses and what it refuses."""

import keras
import numpy as np
import pytest

import capszoo
from capszoo.tuning.size import count_parameters
from tests.layer_checks import to_numpy
from tests.once import ONCE

SMALL = {
    "volume_shape": (8, 8, 8, 1),
    "num_classes": 3,
    "conv_filters": (4, 4),
    "conv_kernel_size": 3,
    "conv_dilations": (1, 2),
    "primary_types": 2,
    "capsule_types": (2, 3),
    "capsule_dims": (4, 6),
    "class_dim": 5,
    "decoder_filters": (8, 6),
    "reconstruction_filters": (4,),
}


def small(**changes):
    return capszoo.models.UCaps3D(**{**SMALL, **changes})


def volumes(count, size=8):
    """A bright and a dark ball in noise, each a class."""
    random = np.random.default_rng(0)
    places = np.stack(np.indices([size] * 3), axis=-1)
    images = random.normal(0, 0.3, (count, size, size, size)).astype("float32")
    masks = np.zeros(images.shape, "uint8")
    for image, mask in zip(images, masks, strict=True):
        for label, corner in ((1, 0), (2, size // 2)):
            center = random.uniform(1.5, size / 2 - 1.5, size=3) + corner
            inside = ((places - center) ** 2).sum(-1) < (size / 4) ** 2
            mask[inside] = label
            image[inside] += (2, -2)[label - 1]
    return images[..., None], masks


def test_grids():
    model = small()
    assert sorted(model.output) == [
        "lengths",
        "poses",
        "probabilities",
        "reconstructions",
        "targets",
    ]
    assert model.get_layer("primary_capsules").output.shape == (None, 8, 8, 8, 2, 4)
    assert model.get_layer("capsules_1").output.shape == (None, 4, 4, 4, 2, 4)
    assert model.output["poses"].shape == (None, 2, 2, 2, 3, 5)
    assert model.output["lengths"].shape == (None, 2, 2, 2, 3)
    coarse = small(primary_strides=2, decoder_filters=(8, 6, 4))
    assert coarse.get_layer("primary_capsules").output.shape == (None, 4, 4, 4, 2, 4)
    assert coarse.output["poses"].shape == (None, 1, 1, 1, 3, 5)
    assert coarse.output["probabilities"].shape == (None, 8, 8, 8, 3)
    # The features of the convolutions, at full size, come last.
    assert coarse.get_layer("joined_3").output.shape == (None, 8, 8, 8, 4 + 4)


def test_lengths_are_those_of_the_class_capsules():
    images, _ = volumes(2)
    model = small()
    poses = model.predict_output("poses", images)
    lengths = model.predict_output("lengths", images)
    np.testing.assert_allclose(np.sqrt((poses**2).sum(-1)), lengths, atol=1e-3)
    assert lengths.max() < 1


@ONCE
def test_learns_two_balls():
    images, masks = volumes(8)
    keras.utils.set_random_seed(0)
    model = small()
    model.compile(optimizer=keras.optimizers.Adam(0.02))
    model.fit(images, masks, batch_size=4, epochs=15, verbose=0)
    measured = model.evaluate(images, masks, verbose=0, return_dict=True)
    assert measured["dice"] > 0.6
    # On any scale, and one by one as together.
    found = model.predict(images, verbose=0)
    np.testing.assert_allclose(model.predict(1e3 * images + 7, verbose=0), found, atol=1e-3)
    np.testing.assert_allclose(model.predict(images[:1], verbose=0), found[:1], atol=1e-4)


def test_the_loss_is_the_sum_of_its_parts():
    images, masks = volumes(2)
    model = small(margin_weight=0.5, reconstruction_weight=0.25)
    model.compile(loss=capszoo.losses.SegmentationLoss(dice_weight=0.0))
    found = model.evaluate(images, masks, verbose=0, return_dict=True)["loss"]
    outputs = {name: model.predict_output(name, images) for name in model.output}
    truth = np.eye(3)[masks]
    crossentropy = -np.log((outputs["probabilities"] * truth).sum(-1)).mean()
    # Blocks of 4 x 4 x 4 voxels for each capsule.
    shares = truth.reshape(2, 2, 4, 2, 4, 2, 4, 3).mean((2, 4, 6))
    lengths = outputs["lengths"]
    missing = np.maximum(0.7 - lengths, 0) ** 2
    excess = np.maximum(lengths - 0.3, 0) ** 2
    margin = (shares * missing + 0.5 * (1 - shares) * excess).sum(-1).mean()
    standardized = (images - images.mean((1, 2, 3, 4), keepdims=True)) / images.std(
        (1, 2, 3, 4), keepdims=True
    )
    errors = (outputs["reconstructions"] - standardized)[..., 0] ** 2
    reconstruction = errors[masks > 0].mean()
    expected = crossentropy + 0.5 * margin + 0.25 * reconstruction
    assert found == pytest.approx(expected, rel=1e-3)


@ONCE
@pytest.mark.parametrize("routing", ["em", "self_routing", "uniform"])
def test_other_routings(routing):
    images, masks = volumes(2)
    model = small(routing=routing)
    model.compile()
    history = model.fit(images, masks, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    again = type(model).from_config(model.get_config())
    assert again.get_config() == model.get_config()


@ONCE
def test_shared_types_cost_nothing_for_more_children():
    models = [small(share_types=True, primary_types=types) for types in (2, 4)]
    kernels = [to_numpy(model.get_layer("capsules_1_halved").kernel).size for model in models]
    assert kernels[0] == kernels[1]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"volume_shape": (8, 8, 6, 1)}, "halved 2 times.* multiples of 4. Received: volume_sha"),
        ({"volume_shape": (8, 8, 1)}, r"\(depth, height, width, channels\)"),
        ({"capsule_dims": (4,)}, "`capsule_types` and `capsule_dims` must be of one length"),
        ({"conv_dilations": (1,)}, "`conv_filters` and `conv_dilations` must be of one length"),
        ({"decoder_filters": (8,)}, "With 2 levels and primary_strides=1, .* hold 2 numbers"),
        ({"primary_strides": 2}, "With 2 levels and primary_strides=2, .* hold 3 numbers"),
        ({"primary_strides": 3}, "primary_strides"),
        ({"num_classes": 1}, "at least 2"),
        ({"reconstruction_filters": None}, "no reconstructions"),
        ({"reconstruction_filters": (0,)}, "reconstruction_filters"),
    ],
)
def test_bad_arguments(arguments, match):
    with pytest.raises(ValueError, match=match):
        small(**arguments)


@ONCE
def test_presets():
    """The trained one is what it says; the others have the widths that their comments promise."""
    measured = capszoo.training.evaluate("ucaps3d_generated_volumes", verbose=0)
    assert (measured["volumes"], measured["agrees"]) == (80, True)
    assert measured["golden_difference"] < capszoo.zoo.golden.TOLERANCE
    paper = capszoo.zoo.read_preset("ucaps3d_hippocampus_paper").model
    assert count_parameters("ucaps3d", paper) == 6_548_568
    small_variant = capszoo.zoo.read_preset("ucaps3d_hippocampus").model
    assert count_parameters("ucaps3d", small_variant) == pytest.approx(295_000, rel=0.01)
