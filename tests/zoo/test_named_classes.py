"""A preset may come from anybody: which classes it may name, and that no other is ever called."""

import inspect

import keras
import pytest
import yaml

import capszoo
from capszoo.zoo.schema import validate
from tests.once import ONCE

pytestmark = ONCE

# What a layer takes that reads a file, loads a graph, or is code or another layer.
TAKEN = {
    "filepath",
    "function",
    "call_fn",
    "module",
    "layer",
    "layers",
    "cell",
    "cells",
    "vocabulary",
}
RISKY = sorted(
    name
    for name, cls in vars(keras.layers).items()
    if inspect.isclass(cls)
    and issubclass(cls, keras.layers.Layer)
    and TAKEN & set(inspect.signature(cls.__init__).parameters)
)


def content(**sections):
    """The content of a preset file, as somebody else may have written it."""
    return {
        "name": "theirs",
        "family": "capsnet",
        "model": {"image_shape": [8, 8, 1]},
        "data": {"name": "digits"},
        "training": {"epochs": 1, "batch_size": 8},
        **sections,
    }


def config(name, **values):
    return {"class_name": name, "module": "keras.layers", "registered_name": None, "config": values}


def test_the_layers_that_are_tried():
    assert {"TFSMLayer", "Lambda", "TorchModuleWrapper", "Wrapper", "StringLookup"} <= set(RISKY)


@pytest.mark.parametrize("name", [*RISKY, "JaxLayer", "FlaxLayer", "Layer"])
def test_no_layer_is_named_that_takes_a_path_a_function_or_a_model(name, monkeypatch):
    called = []
    cls = getattr(keras.layers, name)
    monkeypatch.setattr(cls, "__init__", lambda *args, **kwargs: called.append(name))
    spec = {name: {"filepath": "graph"}}
    inside = config("Sequential", layers=[config("Dense", units=2), config(name, filepath="graph")])
    places = {
        "data.augmentation": content(data={"name": "digits", "augmentation": [spec]}),
        "training.loss": content(training={"epochs": 1, "batch_size": 8, "loss": spec}),
        "training.optimizer": content(training={"epochs": 1, "batch_size": 8, "optimizer": spec}),
        "training.optimizer argument learning_rate": content(
            training={"epochs": 1, "batch_size": 8, "optimizer": {"SGD": {"learning_rate": spec}}}
        ),
        "model.decoder": content(model={"decoder": config(name, filepath="graph")}),
        "model.decoder.config.layers.1": content(model={"decoder": inside}),
        "model.routing": content(model={"routing": config(name)}),
        "layer_changes.conv.quantization": content(
            layer_changes={"conv": {"quantization": {"mode": "int8", "config": config(name)}}}
        ),
    }
    for key, preset in places.items():
        with pytest.raises(ValueError, match=name) as error:
            validate(preset, "theirs.yaml")
        assert "theirs.yaml is not a valid preset" in str(error.value)
        assert all(part in str(error.value) for part in key.split())
    assert not called


@pytest.mark.parametrize(
    "named",
    [
        {"class_name": "Dense", "module": "os", "config": {}},
        {"class_name": "system", "module": "os", "config": {}},
        {"class_name": "__lambda__", "config": {"value": "..."}},
        {"class_name": "function", "module": "builtins", "config": "get"},
        {
            "class_name": "function",
            "module": "keras.utils",
            "config": "get_file",
            "registered_name": "capszoo>DenseDecoder",
        },
        {"class_name": "GPTQConfig", "module": "keras.quantizers", "config": {}},
        {"class_name": "Dense"},
        {"class_name": ["Dense"], "config": {}},
    ],
    ids=str,
)
def test_other_configs_are_refused(named):
    with pytest.raises(ValueError, match=r"model\.decoder"):
        validate(content(model={"decoder": named}), "theirs.yaml")


def test_arguments_hide_no_config():
    hidden = {"RandomFlip": {"mode": {"class_name": "Lambda", "config": {}}}}
    with pytest.raises(ValueError, match=r"Expected data.augmentation layer argument mode as"):
        validate(content(data={"name": "digits", "augmentation": [hidden]}), "theirs.yaml")


def test_what_is_registered_in_this_process_may_be_named():
    @keras.saving.register_keras_serializable(package="named_classes_test")
    class Speckle(keras.layers.GaussianNoise):
        pass

    recipe = {"name": "digits", "augmentation": [{"Speckle": {"stddev": 0.1}}]}
    decoder = keras.saving.serialize_keras_object(Speckle(0.1))
    validate(content(data=recipe, model={"decoder": decoder}), "ours.yaml")


def test_decoders_that_people_make_are_kept(tmp_path):
    inputs = keras.Input((3, 5))
    features = keras.layers.Flatten()(inputs)
    features = keras.layers.Dense(64, "relu", kernel_regularizer="l2")(features)
    outputs = keras.layers.Reshape((8, 8, 1))(features)
    decoder = keras.Model(inputs, outputs, name="pictures")
    # Its own training is no part of a preset.
    decoder.compile("adam", "mse")
    model = capszoo.models.CapsNet(
        (8, 8, 1), 3, primary_types=2, class_dim=5, conv_kernel_size=3, primary_kernel_size=3,
        conv_filters=4, decoder=decoder,
    )  # fmt: skip
    model.save_to_preset(tmp_path / "saved")
    written = yaml.safe_load((tmp_path / "saved" / "preset.yaml").read_text())
    assert "compile_config" not in written["model"]["decoder"]
    again = capszoo.load(tmp_path / "saved")
    assert again.decoder.count_params() == decoder.count_params()
