"""The search spaces: names and defaults are public, files are strictly checked."""

import pytest
import yaml

import capszoo
from capszoo.tuning.space import fit_to_image
from capszoo.tuning.space import validate_space
from tests.once import ONCE

pytestmark = ONCE

TRAINING = {
    "translation": 0.0625,
    "rotation": 0.0,
    "batch_size": 32,
    "optimizer": "Adam",
    "schedule": "cosine",
}
DECODER = {"decoder": True, "decoder_units": 128, "reconstruction_weight": 5e-4}
OF_DISCRIMINATOR = {"conv_filters": 32, "conv_kernel_size": 3, "conv_strides": 1}
OF_GAN = {"translation": 0.0, "beta_1": 0.5, "schedule": "constant", "learning_rate": 1e-3}
MARGINS = {"positive_margin": 0.9, "negative_margin": 0.1, "negative_weight": 0.5}
DEFAULTS = {
    "ar_capsnet": {
        "conv_width": 16,
        "conv_kernel_size": 3,
        "primary_types": 8,
        "primary_dim": 8,
        "primary_strides": 1,
        "capsule_layers": 1,
        "capsule_types": 8,
        "pose_dim": 8,
        "class_dim": 16,
        "dropout": 0.2,
        "routing": "attention",
        **DECODER,
        "decoder_units": 64,
        "reconstruction_weight": 4.6875e-3,
        **MARGINS,
        **TRAINING,
        "learning_rate": 3e-3,
    },
    "capsnet": {
        "conv_filters": 64,
        "conv_kernel_size": 3,
        "conv_strides": 1,
        "primary_types": 16,
        "primary_dim": 8,
        "primary_kernel_size": 3,
        "primary_strides": 1,
        "class_dim": 16,
        "routing": "dynamic",
        "iterations": 3,
        "leaky": False,
        **DECODER,
        **MARGINS,
        **TRAINING,
        "learning_rate": 3e-3,
    },
    "cluster_capsnet": {
        "capsule_layers": 3,
        "capsule_types": 4,
        "pose_dim": 6,
        "routing": "cluster",
        "cluster_size": 5,
        "decoder": False,
        **TRAINING,
        "learning_rate": 5e-3,
    },
    "ucaps3d": {
        "conv_layers": 2,
        "conv_filters": 8,
        "conv_kernel_size": 3,
        "primary_types": 4,
        "primary_dim": 4,
        "primary_strides": 1,
        "levels": 2,
        "capsule_types": 4,
        "pose_dim": 4,
        "class_dim": 8,
        "share_types": False,
        "decoder_filters": 8,
        "reconstruction_filters": 8,
        "routing": "dynamic",
        "iterations": 3,
        "agreement": "cosine",
        "margin_weight": 0.1,
        "reconstruction_weight": 0.1,
        "dice_weight": 1.0,
        "batch_size": 4,
        "optimizer": "Adam",
        "schedule": "cosine",
        "learning_rate": 5e-3,
    },
    "ucaps3d_autoencoder": {
        "conv_layers": 2,
        "conv_filters": 8,
        "conv_kernel_size": 3,
        "primary_types": 4,
        "primary_dim": 4,
        "primary_strides": 1,
        "levels": 2,
        "capsule_types": 4,
        "pose_dim": 4,
        "class_dim": 8,
        "share_types": False,
        "decoder_filters": 8,
        "reconstruction_filters": 8,
        "routing": "dynamic",
        "iterations": 3,
        "agreement": "cosine",
        "batch_size": 4,
        "optimizer": "Adam",
        "schedule": "cosine",
        "learning_rate": 5e-3,
    },
    **{
        family: {
            "levels": 3,
            "filters": filters,
            "dice_weight": 1.0,
            "rotation": 0.0,
            "scale": 0.0,
            "batch_size": batch_size,
            "optimizer": "Adam",
            "schedule": "cosine",
            "learning_rate": 5e-3,
        }
        for family, filters, batch_size in (("unet2d", 8, 16), ("unet3d", 7, 4))
    },
    "inverted_attention_capsnet": {
        "conv_filters": 32,
        "stages": 2,
        "stage_blocks": 1,
        "primary_types": 8,
        "capsule_layers": 1,
        "capsule_types": 8,
        "pose_dim": 16,
        "routing": "inverted_attention",
        "iterations": 2,
        "decoder": False,
        **TRAINING,
        "learning_rate": 3e-3,
    },
    "deepcaps": {
        "conv_filters": 32,
        "cells": 3,
        "cell_types": 8,
        "pose_dim": 8,
        "class_dim": 16,
        "cell_routing": "deepcaps",
        "routing": "dynamic",
        "iterations": 3,
        "decoder": True,
        "decoder_filters": 16,
        "reconstruction_weight": 6.25e-3,
        **MARGINS,
        **TRAINING,
        "learning_rate": 3e-3,
    },
    "conv_net": {
        "conv_layers": 3,
        "conv_width": 32,
        "conv_kernel_size": 3,
        "activation": "relu",
        "conv_normalization": "batch",
        "dense_units": 142,
        **TRAINING,
        "learning_rate": 3e-3,
    },
    "efficient_capsnet": {
        "conv_layers": 3,
        "conv_width": 32,
        "conv_kernel_size": 3,
        "activation": "relu",
        "conv_normalization": "batch",
        "primary_dim": 8,
        "class_dim": 16,
        "routing": "self_attention",
        **DECODER,
        **MARGINS,
        **TRAINING,
        "learning_rate": 3e-3,
    },
    "em_capsnet": {
        "conv_filters": 64,
        "conv_kernel_size": 3,
        "conv_strides": 1,
        "primary_types": 8,
        "capsule_layers": 1,
        "capsule_types": 16,
        "pose_dim": 16,
        "routing": "em",
        "iterations": 2,
        "margin_steps": 200,
        "decoder": False,
        **TRAINING,
        "learning_rate": 3e-3,
    },
    "vb_capsnet": {
        "conv_filters": 64,
        "conv_kernel_size": 3,
        "conv_strides": 1,
        "primary_types": 8,
        "capsule_layers": 1,
        "capsule_types": 16,
        "pose_dim": 16,
        "routing": "variational_bayes",
        "iterations": 3,
        "decoder": False,
        **TRAINING,
        "learning_rate": 5e-3,
    },
    "residual_capsnet": {
        "depth": 8,
        "num_capsules": 16,
        "pose_dim": 8,
        "class_dim": 16,
        "conv_filters": 64,
        "conv_kernel_size": 3,
        "primary_types": 16,
        "mode": "identity",
        "skip_distance": 2,
        "squash_sums": False,
        "routing": "dynamic",
        "iterations": 2,
        **DECODER,
        "reconstruction_weight": 1e-5,
        **MARGINS,
        **TRAINING,
        "learning_rate": 2e-3,
    },
    "signal_capsnet": {
        "conv_layers": 2,
        "conv_filters": 64,
        "conv_kernel_size": 9,
        "conv_strides": 2,
        "primary_types": 8,
        "primary_dim": 8,
        "primary_kernel_size": 9,
        "primary_strides": 4,
        "class_dim": 16,
        "routing": "dynamic",
        "iterations": 3,
        "leaky": False,
        **MARGINS,
        "batch_size": 32,
        "optimizer": "Adam",
        "schedule": "cosine",
        "learning_rate": 2e-3,
    },
    "interest_capsnet": {
        "num_interests": 4,
        "pose_dim": 8,
        "variant": "mind",
        "dropout": 0.0,
        "batch_size": 256,
        "optimizer": "Adam",
        "learning_rate": 2e-2,
        "schedule": "cosine",
    },
    "self_routing_capsnet": {
        "stem": "resnet20",
        "width": 8,
        "primary_types": 8,
        "capsule_layers": 1,
        "capsule_types": 8,
        "pose_dim": 8,
        "routing": "self_routing",
        "decoder": False,
        **TRAINING,
        "learning_rate": 5e-3,
    },
    "segcaps": {
        "conv_filters": 8,
        "kernel_size": 5,
        "primary_types": 2,
        "primary_dim": 8,
        "resolutions": 2,
        "capsule_types": 4,
        "pose_dim": 8,
        "class_dim": 8,
        "reconstruction_filters": 16,
        "routing": "dynamic",
        "iterations": 3,
        "agreement": "dot",
        "routed_layers": "all",
        "dice_weight": 1.0,
        "rotation": 0.0,
        "scale": 0.0,
        "batch_size": 8,
        "optimizer": "Adam",
        "learning_rate": 0.005,
        "schedule": "cosine",
    },
    "text_capsnet": {
        "embedding_dim": 32,
        "dropout": 0.3,
        "smallest_ngram": 3,
        "ngram_lengths": 1,
        "ngram_filters": 32,
        "ngram_strides": 2,
        "primary_types": 16,
        "capsule_types": 16,
        "pose_dim": 16,
        "orphan": True,
        "routing": "dynamic",
        "iterations": 3,
        "leaky": False,
        "squash": "text",
        "amend_coefficients": False,
        "batch_size": 32,
        "optimizer": "Adam",
        "learning_rate": 0.002,
        "schedule": "cosine",
        **MARGINS,
        "negative_weight": 0.25,
    },
    "text_conv_net": {
        "embedding_dim": 32,
        "ngram_filters": 32,
        "dropout": 0.5,
        "batch_size": 32,
        "optimizer": "Adam",
        "learning_rate": 0.002,
        "schedule": "cosine",
    },
    "subspace_capsnet": {
        "conv_filters": 16,
        "capsule_layers": 2,
        "capsule_types": 16,
        "pose_dim": 8,
        "class_dim": 8,
        "activation": "threshold",
        **TRAINING,
        "learning_rate": 0.005,
    },
    "face_parts_capsnet": {
        "conv_layers": 3,
        "conv_filters": 16,
        "conv_kernel_size": 3,
        "num_subparts": 12,
        "feature_dim": 4,
        "reach": 0.25,
        "subpart_size": 0.4,
        "shape_size": 5,
        "appearance_size": 1,
        "steepness": 2.0,
        "pixel_deviation": 0.2,
        "num_parts": 6,
        "part_dim": 32,
        "attention_layers": 2,
        "attention_dim": 32,
        "part_reach": 0.3,
        "noise": 1.0,
        **TRAINING,
        "translation": 0.0,
        "learning_rate": 3e-3,
    },
    "scae": {
        "conv_layers": 3,
        "conv_filters": 32,
        "conv_kernel_size": 3,
        "padding": "same",
        "num_parts": 12,
        "feature_dim": 8,
        "template_size": 5,
        "pixel_deviation": 0.3,
        "num_objects": 16,
        "object_dim": 64,
        "attention_layers": 2,
        "attention_dim": 32,
        "object_units": 64,
        "noise": 2.0,
        **TRAINING,
        "translation": 0.0,
        "batch_size": 64,
        "learning_rate": 3e-3,
    },
    "capsule_gan": {
        "latent_dim": 32,
        "generator_filters": 64,
        **OF_DISCRIMINATOR,
        "primary_types": 8,
        "primary_dim": 8,
        "primary_kernel_size": 3,
        "primary_strides": 1,
        "class_dim": 16,
        **TRAINING,
        **OF_GAN,
    },
    "capsule_generator_gan": {
        "latent_dim": 32,
        "latent_capsules": 4,
        "generator_types": 4,
        "generator_routing": "dynamic",
        **OF_DISCRIMINATOR,
        "primary_types": 8,
        "primary_dim": 8,
        "primary_kernel_size": 3,
        "primary_strides": 1,
        "class_dim": 16,
        **TRAINING,
        **OF_GAN,
    },
    "conv_gan": {
        "latent_dim": 32,
        "generator_filters": 64,
        "conv_filters": 32,
        **TRAINING,
        **OF_GAN,
    },
    "subspace_gan": {
        "latent_dim": 32,
        "capsule_types": 8,
        "capsule_dims": 8,
        "conv_filters": 32,
        **TRAINING,
        **OF_GAN,
    },
    "sparse_capsnet": {
        "conv_filters": 32,
        "conv_kernel_size": 3,
        "conv_strides": 1,
        "primary_types": 8,
        "primary_dim": 8,
        "primary_kernel_size": 3,
        "primary_strides": 1,
        "latent_capsules": 16,
        "pose_dim": 16,
        "rank_decay": 12.0,
        "routing": "dynamic",
        "iterations": 3,
        "leaky": False,
        "decoder_units": 128,
        **TRAINING,
        "learning_rate": 3e-3,
    },
    "capsgnn": {
        "degrees": 6,
        "conv_layers": 3,
        "conv_types": 2,
        "conv_dim": 8,
        "self_loops": True,
        "graph_capsules": 8,
        "graph_dim": 8,
        "class_dim": 8,
        "dropout": 0.1,
        "routing": "dynamic",
        "iterations": 3,
        "leaky": False,
        "squash": "standard",
        "reconstruction_weight": 0.1,
        "batch_size": 32,
        "optimizer": "Adam",
        "learning_rate": 0.005,
        "schedule": "cosine",
        **MARGINS,
    },
    "video_capsnet": {
        "conv_filters": 12,
        "primary_types": 8,
        "capsule_types": 8,
        "pose_dim": 16,
        "routing": "em",
        "iterations": 2,
        "localization_filters": 32,
        "localization_weight": 1.0,
        "margin_steps": 200,
        "batch_size": 16,
        "optimizer": "Adam",
        "learning_rate": 0.003,
        "schedule": "cosine",
    },
    "video_conv_net": {
        "conv_filters": 12,
        "dense_units": 143,
        "dropout": 0.0,
        "batch_size": 16,
        "optimizer": "Adam",
        "learning_rate": 0.003,
        "schedule": "cosine",
    },
    "graph_conv_net": {
        "degrees": 6,
        "conv_layers": 3,
        "conv_filters": 64,
        "self_loops": True,
        "dropout": 0.1,
        "batch_size": 32,
        "optimizer": "Adam",
        "learning_rate": 0.005,
        "schedule": "cosine",
    },
}
CONDITIONAL = {"weight_decay", "sgd_learning_rate", "momentum", "decay_rate"}


def test_every_family_has_a_space():
    # The members of an ensemble have theirs.
    assert sorted([*DEFAULTS, "ensemble"]) == capszoo.list_models()
    assert not [name for name in capszoo.list_presets() if "search_space" in name]


@pytest.mark.parametrize("family", DEFAULTS)
def test_names_and_defaults_are_public(family):
    space = capszoo.tuning.read_space(family)
    assert space.defaults() == DEFAULTS[family]
    others = {entry.name for entry in space.hyperparameters} - set(DEFAULTS[family])
    assert others - {"decoder_units", "reconstruction_weight", "iterations"} <= CONDITIONAL


def test_large_windows_are_for_large_images():
    space = capszoo.tuning.read_space("capsnet")
    offered = {}
    for side in (8, 28):
        entries = fit_to_image(space, (side, side, 1)).hyperparameters
        offered[side] = {one.name: one.values for one in entries if one.type == "Choice"}
    assert offered[8]["conv_kernel_size"] == [3]
    assert offered[28]["conv_kernel_size"] == [3, 5, 9]


def content(**changes):
    entry = {"name": "iterations", "type": "Int", "min_value": 1, "max_value": 3, "default": 2}
    return {"family": "capsnet", "hyperparameters": [{**entry, **changes}]}


def test_a_file_with_an_unknown_key_is_refused_by_name(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text(yaml.safe_dump(content(max_valeu=4)))
    with pytest.raises(ValueError, match=r"space\.yaml.*\n.*\(iterations\)") as caught:
        capszoo.tuning.read_space(path)
    assert "Unknown key 'max_valeu'. Did you mean 'max_value'?" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"min_value": 4}, r"\(iterations\).*upside down: min_value 4 > max_value 3"),
        ({"default": 7}, "the default 7 is not between 1 and 3"),
        ({"min_value": "1"}, "valid integer. Received: '1'"),
        ({"min_value": 0, "sampling": "log"}, "above 0"),
        ({"type": "Integer"}, "Unknown type 'Integer'. Did you mean 'Int'?"),
        ({"when": {"routin": ["dynamic"]}}, "Unknown hyper-parameter in iterations.when: 'routin'"),
        ({"name": "Iterations"}, "match pattern"),
    ],
)
def test_what_is_wrong_in_an_entry_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        validate_space(content(**changes), "here")


def test_what_is_wrong_in_a_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"Unknown key 'hyperparameter'. Did you mean 'hyperpa"):
        validate_space({**content(), "hyperparameter": []}, "here")
    with pytest.raises(ValueError, match=r"Unknown family 'capsnt'. Did you mean 'capsnet'"):
        validate_space({**content(), "family": "capsnt"}, "here")
    twice = {"family": "capsnet", "hyperparameters": 2 * content()["hyperparameters"]}
    with pytest.raises(ValueError, match="iterations stands twice"):
        validate_space(twice, "here")
    with pytest.raises(ValueError, match="expected a mapping"):
        validate_space([], "here")
    with pytest.raises(ValueError, match="no search space at"):
        capszoo.tuning.read_space(tmp_path / "none.yaml")
    with pytest.raises(ValueError, match=r"Unknown family 'capsnot'. Did you mean 'capsnet'"):
        capszoo.tuning.read_space("capsnot")


def test_a_condition_that_can_never_be_met_is_refused(tmp_path):
    path = tmp_path / "space.yaml"
    routing = {"name": "routing", "type": "Choice", "values": ["dynamic", "em"], "default": "em"}
    entries = [routing, *content(when={"routing": ["dynamc"]})["hyperparameters"]]
    path.write_text(yaml.safe_dump({"family": "capsnet", "hyperparameters": entries}))
    with pytest.raises(ValueError, match=r"iterations\.when\.routing: 'dynamc'. Did you mean 'dyn"):
        capszoo.tuning.read_space(path)


def test_choices_with_a_fraction_are_refused():
    choice = {"name": "rate", "type": "Choice", "values": [0.1, 0.2], "default": 0.1}
    with pytest.raises(ValueError, match=r"\(rate\)"):
        validate_space({"family": "capsnet", "hyperparameters": [choice]}, "here")


def test_overrides_fix_and_change_ranges():
    space = capszoo.tuning.read_space("capsnet")
    changed = capszoo.tuning.override(
        space, {"routing": "em", "iterations": {"max_value": 9, "default": 9}}
    )
    assert changed.defaults()["routing"] == "em"
    assert changed.defaults()["iterations"] == 9
    assert "leaky" not in changed.defaults()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"conv_filter": 3}, "'conv_filter'. Did you mean 'conv_filters'"),
        ({"learning_rate": {"min_value": 1, "max_value": 0.1}}, "upside down"),
        ({"learning_rate": {"maximum": 1}}, "Unknown key 'maximum'"),
    ],
)
def test_wrong_overrides_are_refused(overrides, message):
    with pytest.raises(ValueError, match=message):
        capszoo.tuning.override(capszoo.tuning.read_space("capsnet"), overrides)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"iterations": {"max_value": 10**9}}, "iterations=1000000000: .*at most 100"),
        ({"class_dim": {"values": [8, 0], "default": 8}}, "class_dim=0: .*positive integer"),
        ({"decoder_units": {"values": [8, -2], "default": 8}}, "decoder_units=-2: .*positive"),
    ],
)
def test_what_a_space_reaches_is_of_its_kind(change, message):
    with pytest.raises(ValueError, match=f"(?s)search space of capsnet reaches .*{message}"):
        capszoo.tuning.CapsuleHyperModel("capsnet", (8, 8, 1), num_classes=10, overrides=change)
