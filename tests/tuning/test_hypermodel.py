"""The hypermodel: a real one of KerasTuner, whose defaults are the presets'."""

import builtins
import re
import socket

import keras
import keras_tuner
import numpy as np
import pytest

import capszoo
from capszoo.tuning import CapsuleHyperModel
from capszoo.tuning import hypermodel as hypermodel_module
from capszoo.tuning.size import count_parameters
from tests.models.tiny_graphs import graphs_of
from tests.once import ONCE
from tests.tuning.tiny import TINY

pytestmark = ONCE

# The members of an ensemble have search spaces, it has none.
FAMILIES = [name for name in capszoo.list_models() if name != "ensemble"]


def without_names(config):
    """A config without what Keras counts up: the names of layers."""
    return re.sub(r"'name': '[a-z_]+_\d+'|'name': '\w+'", "", repr(config))


@pytest.mark.parametrize("family", FAMILIES)
def test_defaults_are_those_of_the_preset(family):
    data = capszoo.models.get_family(family).input_end.default_data
    preset = capszoo.zoo.read_preset(f"{family}_{data}")
    # Trained without the family's own normalization or loss, on damaged examples or on parts of
    # them, which no choice stands for.
    apart = ("capsnet", "self_routing_capsnet", "ucaps3d_autoencoder", "vb_capsnet")
    apart += ("video_capsnet", "video_conv_net")
    base = preset if family in apart else None
    kinds = {
        "generated_ecg": "signals",
        "generated_histories": "histories",
        "generated_graphs": "graphs",
        "generated_questions": "texts",
        "generated_volumes": "masks",
        "digit_scenes": "masks",
        "moving_digits": "clips",
    }
    kind = kinds.get(data, "images")
    shape = tuple(preset.model[capszoo.models.get_family(family).input_end.shape_argument])
    hypermodel = CapsuleHyperModel(family, shape, preset.model.get("num_classes"), base=base)
    hp = keras_tuner.HyperParameters()
    model = hypermodel.build(hp)
    reference = capszoo.zoo.build(preset, prepared=True)
    configs = [model.get_config(), reference.get_config()]
    for config in configs:
        for learnt in getattr(model.input_end, "learnt", ()):  # of the data, in training
            del config[learnt]
    assert without_names(configs[0]) == without_names(configs[1])
    count = len(capszoo.data.load(data, "train", kind=kind)[0])
    found = hypermodel.preset(hp, data=data, epochs=preset.training.epochs, train_images=count)
    assert found.data == preset.data
    if family != "video_conv_net":  # which was stopped two epochs before its rate was zero
        assert found.training.optimizer == preset.training.optimizer
    assert found.training.batch_size == preset.training.batch_size
    loss = (
        capszoo.training.recipe_objects.make_loss(preset.training.loss) or reference.default_loss()
    )
    assert without_names(model.loss.get_config()) == without_names(loss.get_config())
    if preset.results is not None:
        assert count_parameters(family, preset.model) == preset.results.parameters


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (80, 8, 8, 1)).astype("uint8"), np.arange(80) % 10


@pytest.mark.parametrize("family", FAMILIES)
def test_a_random_point_trains(family, images):
    cls = capszoo.models.get_family(family)
    if family == "signal_capsnet":
        images = (images[0][..., 0], images[1])
    if cls.task in ("segmentation", "reconstruction"):
        # As class of a position how bright it is; in each layer of a volume the picture.
        pictures = images[0]
        if cls.input_end.unit == "volumes":
            pictures = np.stack([pictures] * 8, axis=1).astype("float32")
        images = (pictures, (pictures[..., 0] // 25.6).astype("uint8"))
    shape = images[0].shape[1:]
    if cls.input_end.unit == "clips":
        clips, labels = np.stack([images[0]] * 8, axis=1), images[1]
        if cls.task == "localization":
            labels = np.zeros(clips.shape[:-1], "uint8")
            labels[:, :, :5, :6] = images[1][:, None, None, None] + 1
        images, shape = (clips, labels), clips.shape[1:]
    if cls.input_end.unit == "graphs":
        images, shape = (graphs_of(images[0]), images[1]), (8, 16)
    if cls.input_end.unit == "texts":
        # As many words as pixels, and as many words of a language as shades.
        images, shape = (images[0].reshape(80, -1).astype("int64"), images[1]), (64, 256)
    if cls.input_end.unit == "histories":
        images, shape = (images[0].reshape(80, -1).astype("int64"), images[1]), (64, 256)
    hypermodel = CapsuleHyperModel(family, shape, 10)
    hp = keras_tuner.HyperParameters()
    hypermodel.declare_hyperparameters(hp)
    for number, one in enumerate(hp.space):
        hp.values[one.name] = one.random_sample(seed=100 + number)
        if isinstance(one, keras_tuner.engine.hyperparameters.Choice):
            # The smallest of the sizes: `python -m capszoo.tuning.sweep` tries the others.
            hp.values[one.name] = one.values[0] if one.ordered else hp.values[one.name]
    hp.values.update({"batch_size": 16, "schedule": "cosine", "depth": 3})
    hp.values["capsule_layers"] = 3 if family == "cluster_capsnet" else 1
    hp.ensure_active_values()
    model = hypermodel.build(hp)
    training = tuple(part[:32] for part in images)
    validation = None if cls.labeled else training
    history = hypermodel.fit(hp, model, *training, validation, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    assert history.history["parameters"] == [model.count_params()]
    assert model.optimizer.learning_rate < 1e-8  # a schedule of just these two steps


TUNERS = {
    "random": (keras_tuner.RandomSearch, {"max_trials": 1}),
    "bayesian": (keras_tuner.BayesianOptimization, {"max_trials": 1}),
    "grid": (keras_tuner.GridSearch, {"max_trials": 1}),
    "hyperband": (keras_tuner.Hyperband, {"max_epochs": 1}),
}


@pytest.mark.parametrize("tuner", TUNERS)
def test_works_in_the_tuners_of_keras_tuner(tuner, images, tmp_path):
    cls, arguments = TUNERS[tuner]
    fixed = {name: value for name, value in TINY.items() if not isinstance(value, dict)}
    hypermodel = CapsuleHyperModel("capsnet", (8, 8, 1), 10, overrides={**fixed, "batch_size": 40})
    search = cls(hypermodel, objective="val_accuracy", directory=tmp_path, seed=1, **arguments)
    search.search(*images, validation_data=images, epochs=1, verbose=0)
    (trial,) = search.oracle.get_best_trials(1)
    assert trial.status == "COMPLETED", trial.message
    assert trial.metrics.get_best_value("parameters") > 1000


def test_values_from_outside_are_taken():
    hp = keras_tuner.HyperParameters()
    hp.values.update({"routing": "self_attention", "conv_filters": 32, "decoder": False})
    hypermodel = CapsuleHyperModel("capsnet", (8, 8, 1), 10)
    model = hypermodel.build(hp)
    assert model.conv_filters == 32
    assert type(model.routing).__name__ == "SelfAttentionRouting"
    assert model.decoder is None
    assert not {"iterations", "leaky", "decoder_units"} & set(hypermodel.values(hp))


def test_build_touches_neither_network_nor_disk(monkeypatch):
    hypermodel = CapsuleHyperModel("capsnet", (8, 8, 1), 10, overrides=TINY, max_parameters=10**9)
    hypermodel.build(keras_tuner.HyperParameters())  # what Python imports later is imported now

    def refuse(*arguments, **_):
        raise AssertionError(arguments)

    monkeypatch.setattr(builtins, "open", refuse)
    monkeypatch.setattr(socket, "socket", refuse)
    hypermodel.build(keras_tuner.HyperParameters())


def test_too_large_a_model_is_declined_before_it_is_built(monkeypatch):
    hypermodel = CapsuleHyperModel("capsnet", (8, 8, 1), 10, max_parameters=472_416)
    assert hypermodel.build(keras_tuner.HyperParameters()).count_params() == 472_416
    hypermodel.max_parameters -= 1
    monkeypatch.setattr(hypermodel_module, "get_family", None)  # whatever builds would fail
    with pytest.raises(keras_tuner.errors.FailedTrialError, match="472,416 parameters, more than"):
        hypermodel.build(keras_tuner.HyperParameters())


def test_counting_gives_no_weight_memory():
    # 40,000 units on 40,000: 6.4 GB.
    huge = {"decoder": [40_000, 40_000]}
    assert count_parameters("capsnet", huge) > 1_600_000_000
    keras.layers.Dense(1).build((None, 1))  # nothing is left to be given a value


def test_an_impossible_combination_is_a_failed_trial_with_its_reason():
    hypermodel = CapsuleHyperModel("capsnet", (8, 8, 1), 10, overrides={"conv_kernel_size": 9})
    with pytest.raises(keras_tuner.errors.FailedTrialError, match="8x8 are too small"):
        hypermodel.build(keras_tuner.HyperParameters())


def test_a_loss_that_is_not_finite_is_a_failed_trial(images):
    hypermodel = CapsuleHyperModel("capsnet", (8, 8, 1), 10, overrides=TINY)
    hp = keras_tuner.HyperParameters()
    model = hypermodel.build(hp)
    for variable in model.get_layer("class_capsules").trainable_variables:
        variable.assign(np.nan * variable)
    with pytest.raises(keras_tuner.errors.FailedTrialError, match="loss is nan after epoch 1"):
        hypermodel.fit(hp, model, *images, verbose=0)


def test_a_preset_gives_what_is_not_searched():
    preset = capszoo.zoo.read_preset("capsnet_digits")
    model = {**preset.model, "normalization": "per_image", "class_dim": 12}
    preset = preset.model_copy(update={"model": model})
    hypermodel = CapsuleHyperModel("capsnet", (8, 8, 1), 10, overrides=TINY, base=preset)
    built = hypermodel.build(keras_tuner.HyperParameters())
    assert built.normalization == "per_image"
    assert built.class_dim == 4


def test_tensorboard_says_what_it_needs(monkeypatch, images):
    hypermodel = CapsuleHyperModel("capsnet", (8, 8, 1), 10, overrides=TINY)
    missing = ["tensorflow", "tensorboard"]
    monkeypatch.setattr(hypermodel_module, "missing_for_tensorboard", lambda: missing)
    board = keras.callbacks.TensorBoard("logs")
    with pytest.raises(ImportError, match="pip install tensorflow tensorboard") as caught:
        hypermodel.fit(keras_tuner.HyperParameters(), None, *images, callbacks=[board])
    assert isinstance(caught.value, keras_tuner.errors.FatalError)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"family": "capsnett"}, "Unknown family 'capsnett'. Did you mean 'capsnet'"),
        ({"image_shape": (8, 8)}, "height, width, channels"),
        ({"num_classes": 0}, "num_classes"),
        ({"max_parameters": 0}, "max_parameters"),
        ({"overrides": {"rooting": "em"}}, "'rooting'. Did you mean 'routing'"),
        ({"overrides": {"iterations": {"min_value": 9}}}, "upside down"),
        ({"family": "em_capsnet", "space": "zoo"}, "Unknown family 'zoo'"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        CapsuleHyperModel(
            **{"family": "capsnet", "image_shape": (8, 8, 1), "num_classes": 10, **arguments}
        )


def test_a_name_that_is_no_argument_is_refused(tmp_path):
    path = tmp_path / "space.yaml"
    entry = "{name: conv_filtres, type: Int, min_value: 1, max_value: 2, default: 1}"
    path.write_text(f"family: capsnet\nhyperparameters: [{entry}]\n")
    with pytest.raises(ValueError, match=r"'conv_filtres'. Did you mean 'conv_filters'"):
        CapsuleHyperModel("capsnet", (8, 8, 1), 10, space=path)
    with pytest.raises(ValueError, match="of the family 'capsnet', not of 'em_capsnet'"):
        CapsuleHyperModel("em_capsnet", (8, 8, 1), 10, space=path)
