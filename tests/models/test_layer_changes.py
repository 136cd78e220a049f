"""What was done to layers after building survives every way of keeping a model."""

import copy
import json
import pickle

import keras
import numpy as np
import pytest

import capszoo
from capszoo import models
from capszoo.models import layer_changes
from tests.models import tiny
from tests.models.test_families import SMALL
from tests.once import ONCE

# Keras itself, saving weights on JAX with NumPy 2, and saving `.h5`.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def by_keras_file(model, folder):
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras")


def by_h5_file(model, folder):
    model.save(folder / "model.h5")
    return keras.saving.load_model(folder / "model.h5")


def by_pickle(model, folder):
    return pickle.loads(pickle.dumps(model))


def by_deepcopy(model, folder):
    return copy.deepcopy(model)


def by_json(model, folder):
    again = keras.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    return again


def by_preset(model, folder):
    model.save_to_preset(folder / "preset")
    return capszoo.load(folder / "preset")


WAYS = (by_keras_file, by_h5_file, by_pickle, by_deepcopy, by_json, by_preset)
KEEP_OPTIMIZER = (by_keras_file, by_pickle, by_deepcopy)
each_way = pytest.mark.parametrize("keep", WAYS)


def flags(model):
    """Whether each layer that has weights is trainable, nested ones too."""
    layers = model._flatten_layers(include_self=False)
    return [layer.trainable for layer in layers if layer.weights]


@each_way
def test_frozen_layers_stay_frozen(keep, tmp_path):
    images, labels = tiny.data(6)
    model = tiny.capsnet()
    model.get_layer("conv").trainable = False
    model.decoder._flatten_layers()[1].trainable = False  # one inside another
    model.compile()
    model.fit(images, labels, batch_size=3, epochs=2, verbose=0)
    again = keep(model, tmp_path)
    assert flags(again) == flags(model)
    assert flags(model).count(False) == 2
    scores = [one.predict(images, verbose=0) for one in (model, again)]
    np.testing.assert_allclose(*scores, atol=1e-6)
    if keep in KEEP_OPTIMIZER:
        assert int(again.optimizer.iterations) == 4
        moments = [[np.array(v) for v in one.optimizer.variables] for one in (model, again)]
        for one, other in zip(*moments, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)
        before = again.get_layer("conv").get_weights()
        again.fit(images, labels, verbose=0)
        np.testing.assert_array_equal(again.get_layer("conv").get_weights()[0], before[0])


@ONCE
@pytest.mark.parametrize("name", SMALL)
def test_every_layer_of_every_family(name):
    """Every other layer is frozen; the names of layers are the same each time."""
    model = models.get_family(name)(**SMALL[name])
    for _, layer in list(layer_changes._layers(model))[::2]:
        layer.trainable = False
    again = type(model).from_config(model.get_config())
    assert flags(again) == flags(model)
    assert len(again.trainable_variables) == len(model.trainable_variables)


def test_all_frozen_but_one():
    model = tiny.capsnet()
    model.trainable = False
    model.get_layer("class_capsules").trainable = True
    again = type(model).from_config(model.get_config())
    assert flags(again) == flags(model)
    found, expected = ([v.trainable for v in one.weights] for one in (again, model))
    assert found == expected
    assert expected.count(True) == 2
    model.trainable = True
    assert "layer_changes" not in model.get_config()


@ONCE
@pytest.mark.parametrize("keep", [by_keras_file, by_pickle, by_preset])
@pytest.mark.parametrize("change", ["lora", "int8"])
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method:UserWarning")
def test_lora_and_quantization(change, keep, tmp_path):
    images, labels = tiny.data(6)
    model = tiny.capsnet()
    if change == "lora":
        model.get_layer("conv").enable_lora(2, lora_alpha=3)
        for layer in model.decoder._flatten_layers(include_self=False):
            layer.enable_lora(2)
        model.compile()
        model.fit(images, labels, verbose=0)
    else:
        model.quantize("int8")
    again = keep(model, tmp_path)
    changes = [json.loads(json.dumps(layer_changes.record(one))) for one in (model, again)]
    assert changes[0] == changes[1] != {}
    shapes = [[v.shape for v in one.trainable_variables] for one in (model, again)]
    assert shapes[0] == shapes[1]
    for one in (model.reconstruct, model.predict):
        other = getattr(again, one.__name__)
        np.testing.assert_allclose(one(images), other(images), atol=1e-5)


def test_a_new_training_starts_with_nothing_frozen(tmp_path):
    model = tiny.capsnet()
    model.get_layer("conv").trainable = False
    model.save_to_preset(
        tmp_path / "mine", data={"name": "digits"}, training={"epochs": 1, "batch_size": 9}
    )
    assert capszoo.zoo.read_preset(tmp_path / "mine").layer_changes == {
        "conv": {"trainable": False}
    }
    found, _ = capszoo.training.request.resolve(tmp_path / "mine", {})
    assert found.layer_changes is None


def test_a_layer_that_is_not_there():
    config = {**tiny.capsnet().get_config(), "layer_changes": {"convv": {"trainable": False}}}
    with pytest.raises(ValueError, match=r"no layer 'convv'.*conv, "):
        models.CapsNet.from_config(config)


@pytest.mark.parametrize("keep", [by_keras_file, by_json, by_preset])
def test_numbers_of_numpy(keep, tmp_path):
    images = tiny.data(6)[0] / 255
    per_channel = (images.mean((0, 1, 2)), images.var((0, 1, 2)))
    numbers = (images.astype("float32").mean(), images.astype("float32").var())
    for kind, (mean, variance) in enumerate((per_channel, numbers)):
        model = tiny.capsnet(
            normalization={"mean": mean, "variance": variance},
            reconstruction_weight=np.float32(0.5),
            conv_filters=np.int64(6),
        )
        folder = tmp_path / str(kind)
        folder.mkdir()
        scores = [one.predict(255 * images, verbose=0) for one in (model, keep(model, folder))]
        np.testing.assert_allclose(*scores, atol=1e-5)
