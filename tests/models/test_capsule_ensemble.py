import keras
import numpy as np
import pytest

import capszoo
from capszoo.export.graph import input_dtype
from capszoo.models import CapsuleEnsemble
from capszoo.zoo.what_is_here import weights_here
from tests.zoo.tiny import tiny_model
from tests.zoo.tiny import write_tiny

SHAPE = {"image_shape": (8, 8, 1)}


@pytest.fixture(scope="module")
def digits():
    return capszoo.data.load("digits", "test")[0][:20]


def probabilities(name, images):
    scores = capszoo.load(name).predict(images, verbose=0)
    if name == "cluster_capsnet_digits":  # logits
        scores = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    return scores


def test_scores_are_averaged(digits, tmp_path):
    """Of lengths, activations and logits, whatever the family."""
    names = ["capsnet_digits", "em_capsnet_digits", "cluster_capsnet_digits"]
    ensemble = CapsuleEnsemble(names, **SHAPE)
    expected = np.mean([probabilities(name, digits) for name in names], axis=0)
    np.testing.assert_allclose(ensemble.predict(digits, verbose=0), expected, atol=1e-5)

    assert input_dtype(ensemble) == "uint8"  # of an export: pictures as files hold them
    ensemble.save_to_preset(tmp_path / "saved")
    preset = capszoo.zoo.read_preset(tmp_path / "saved")
    assert preset.members == []  # it has all of them
    loaded = capszoo.load(tmp_path / "saved")
    np.testing.assert_allclose(loaded.predict(digits, verbose=0), expected, atol=1e-5)


def test_members_are_copied(digits):
    """Their decoders are left out, and what is done to a member later does not reach it."""
    members = [tiny_model(), tiny_model(image_shape=(6, 6, 1), resize=(8, 8))]
    ensemble = CapsuleEnsemble(members, **SHAPE)
    expected = np.mean([member.predict(digits, verbose=0) for member in members], axis=0)
    np.testing.assert_allclose(ensemble.predict(digits, verbose=0), expected, atol=1e-6)
    counts = [one.count_params() - one.decoder.count_params() for one in members]
    assert ensemble.count_params() == sum(counts)
    members[0].set_weights([0 * weight for weight in members[0].get_weights()])
    np.testing.assert_allclose(ensemble.predict(digits, verbose=0), expected, atol=1e-6)


def test_each_member_learns_by_itself(digits):
    """Steps move each member as they move it alone, whatever the others say."""
    labels = np.arange(20) % 10
    weights = np.linspace(0.5, 1.5, 20).astype("float32")
    members = [tiny_model(), tiny_model()]
    ensemble = CapsuleEnsemble(members, **SHAPE)
    # Of a mean of two losses each has half the gradient.
    ensemble.compile(optimizer=keras.optimizers.SGD(0.2))
    for _ in range(3):
        ensemble.train_on_batch(digits, labels, sample_weight=weights)
    alone = []
    for member in members:
        own = {**member.get_config(), "decoder": None}
        single = type(member).from_config({key: own[key] for key in own if key != "name"})
        for layer in single.layers:
            layer.set_weights(member.get_layer(layer.name).get_weights())
        single.compile(optimizer=keras.optimizers.SGD(0.1))
        for _ in range(3):
            single.train_on_batch(digits, labels, sample_weight=weights)
        alone.append(single)
    for number, single in enumerate(alone, 1):
        found = ensemble.get_layer(f"member_{number}").get_weights()
        for one, expected in zip(found, single.get_weights(), strict=True):
            np.testing.assert_allclose(one, expected, atol=1e-6)
    expected = np.stack([single.predict(digits, verbose=0) for single in alone], axis=1)
    np.testing.assert_allclose(
        ensemble.predict_output("member_scores", digits), expected, atol=1e-5
    )


def test_preset_that_names_presets(tmp_path, monkeypatch, digits):
    monkeypatch.setenv("CAPSZOO_PRESETS", str(tmp_path))
    content = {
        "family": "ensemble",
        "model": {"members": ["capsnet_digits", "efficient_capsnet_digits"], **SHAPE},
        "training": None,
    }
    content["model"]["image_shape"] = [8, 8, 1]
    path = write_tiny(tmp_path, name="pair", **content)
    preset = capszoo.zoo.read_preset("pair")
    assert preset.is_trained
    assert weights_here(preset, path) == "yes"
    model = capszoo.load("pair", num_classes=3)
    assert model.predict(digits, verbose=0).shape == (20, 3)

    content["model"]["members"] = ["pair", "capsnet_digits"]
    write_tiny(tmp_path, name="circle", **content)
    with pytest.raises(ValueError, match="'pair' is made of presets itself"):
        capszoo.load("circle")
    content["model"]["members"] = ["capsnet_digits", "capsnet_digit"]
    write_tiny(tmp_path, name="misspelt", **content)
    with pytest.raises(ValueError, match="Did you mean 'capsnet_digits'"):
        capszoo.load("misspelt")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (["capsnet_digits"], "at least two members"),
        ("capsnet_digits", "at least two members"),
        (["capsnet_digits", "https://example.com/capsnet"], "the name of a preset"),
        (["capsnet_digits", "../capsnet"], "the name of a preset"),
        (["capsnet_digits", {"family": "capsnets"}], "Did you mean 'capsnet'"),
        (["capsnet_digits", {"family": "capsnet", "class_dims": 8}], "Did you mean 'class_dim'"),
        (
            ["capsnet_digits", tiny_model(image_shape=(6, 6, 1))],
            r"pictures of the shape \(8, 8, 1\)",
        ),
        (["capsnet_digits", "signal_capsnet_generated_ecg"], "to classify pictures"),
        (["capsnet_digits", tiny_model(num_classes=3)], "to have 10 classes"),
    ],
)
def test_members_that_do_not_fit(members, message):
    with pytest.raises(ValueError, match=message):
        CapsuleEnsemble(members, **SHAPE)
