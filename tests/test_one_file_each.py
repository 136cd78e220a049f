"""What joins the zoo joins by one file: here a task, a family, a routing and a data set.

Nothing of layers, presets, training, search or the command line knows any of them, and each works
there by its name.
"""

import keras
import numpy as np
import pytest
import yaml

import capszoo
from capszoo.data.data_set import DATA_SETS
from capszoo.models.measure import Measure
from capszoo.models.registry import FAMILIES
from capszoo.models.registry import TASKS
from capszoo.routing.registry import ROUTINGS
from capszoo.zoo import golden
from tests.layer_checks import to_numpy
from tests.once import ONCE

pytestmark = ONCE

# The task: how bright is a picture? One number a picture, the less error the better.


class Brightness(capszoo.models.CapsuleModel):
    """Says how bright a picture is, and by which poses it says so."""

    primary_output = "brightness"
    measures = (Measure("error", "min", highest=None),)

    def __init__(self, dtype=None, **kwargs):
        self.check_argument_names(kwargs)
        input_end = self.open_input(kwargs, dtype)
        brightness, poses = self.body(input_end.features, dtype)
        super().__init__(input_end, {"brightness": brightness, "poses": poses}, dtype, **kwargs)

    def default_loss(self):
        return keras.losses.MeanSquaredError()

    def default_metrics(self):
        return [keras.metrics.MeanAbsoluteError(name="error")]

    def check_data(self, x, y=None):
        super().check_data(x, y)
        if y is not None and not (np.min(y) >= 0 and np.max(y) <= 1):
            raise ValueError("Expected brightness from 0 to 1.")


# The family: a few capsules over the whole picture.


@keras.saving.register_keras_serializable(package="capszoo_tests")
class Lamp(Brightness):
    """A layer of capsules and a linear read-out."""

    def __init__(self, image_shape=(8, 8, 1), lamps=3, routing="loudest", **kwargs):
        super().__init__(image_shape=image_shape, **kwargs)
        self.routing = self.get_layer("capsules").routing

    def body(self, features, dtype):
        rows = keras.layers.Reshape((8, 8), dtype=dtype, name="rows")(features)
        poses = capszoo.layers.DenseCapsules(
            self.lamps, 4, routing=self.routing, dtype=dtype, name="capsules"
        )(rows)
        flat = keras.layers.Flatten(dtype=dtype, name="flat")(poses)
        number = keras.layers.Dense(1, dtype=dtype, name="read_out")(flat)
        return keras.layers.Reshape((), dtype="float32", name="brightness")(number), poses


# The routing: the mean of the votes, as loud as the search likes it.


@keras.saving.register_keras_serializable(package="capszoo_tests")
class Loudest(capszoo.routing.Routing):
    """Adds up votes by one factor."""

    tunable_arguments = ("volume",)

    def __init__(self, volume=1.0, **kwargs):
        super().__init__(**kwargs)
        self.volume = volume

    def call(self, votes, activations=None, return_coupling=False):
        poses = self.volume * keras.ops.mean(votes, axis=-2)
        return (poses, keras.ops.ones_like(votes[..., 0])) if return_coupling else poses

    def get_config(self):
        return {**super().get_config(), "volume": self.volume}


def read_brightness(split, data_dir, scale="plain"):
    images, _ = capszoo.data.load("digits", split)
    images = images[:60]
    brightness = images.mean(axis=(1, 2, 3)) / 255
    return images, brightness if scale == "plain" else brightness / 2


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    for registry in (TASKS, FAMILIES, ROUTINGS, DATA_SETS):
        monkeypatch.setattr(registry, "items", dict(registry.items))
    capszoo.models.register_task("brightness")(Brightness)
    capszoo.register_family("lamp")(Lamp)
    capszoo.routing.register("loudest")(Loudest)
    brightness = capszoo.data.DataSet((8, 8, 1), (), read_brightness, {"scale": ("plain", "half")})
    capszoo.data.register("brightness", brightness)


@pytest.fixture
def preset(tmp_path):
    content = {
        "name": "lamp_digits",
        "family": "lamp",
        "task": "brightness",
        "model": {"lamps": 4, "routing": {"name": "loudest", "volume": 2.0}},
        "data": {"name": "brightness", "scale": "half"},
        "training": {"epochs": 3, "batch_size": 20, "optimizer": {"Adam": {"learning_rate": 0.02}}},
    }
    path = tmp_path / "lamp_digits.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_trained_measured_and_loaded(preset, tmp_path, run):
    report = capszoo.training.train(preset, output=tmp_path / "run", verbose=0)
    images, brightness = capszoo.data.load("brightness", "test", scale="half")
    model = capszoo.load(tmp_path / "run")
    assert type(model) is Lamp
    assert model.get_layer("capsules").routing.volume == 2.0
    found = np.abs(model.predict(images, verbose=0) - brightness).mean()
    assert report["test_error"] == pytest.approx(found, abs=1e-5)
    assert report["test_images"] == 60
    # Of three epochs the one of least error on validation pictures, not the last.
    history = (tmp_path / "run" / "history.csv").read_text().splitlines()
    errors = [
        float(line.split(",")[history[0].split(",").index("val_error")]) for line in history[1:]
    ]
    assert report["best_epoch"] == 1 + int(np.argmin(errors))

    measured = capszoo.training.evaluate(tmp_path / "run", verbose=0)
    assert measured["error"] == pytest.approx(found, abs=1e-5)
    assert measured["agrees"]
    model.save(tmp_path / "lamp.keras")
    again = keras.saving.load_model(tmp_path / "lamp.keras", compile=False)
    np.testing.assert_allclose(
        again.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-5
    )
    record = golden.record(again)
    assert len(record) == 3
    code, out, _ = run("evaluate", tmp_path / "run")
    assert (code, "lamp_digits" in out, f"recorded: {report['test_error']:.4f}" in out) == (
        0,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"task": "classification"}, "is for the task 'brightness'"),
        ({"data": {"name": "brightness", "class_names": ["a"]}}, "Unknown key 'class_names'"),
        ({"data": {"name": "brightness", "scale": "double"}}, r"data\.scale: .*'double'"),
        ({"data": {"name": "mnist", "scale": "half"}}, "Unknown key 'scale'"),
        ({"results": {"test_accuracy": 1.0}}, "Unknown key 'test_accuracy'"),
    ],
)
def test_presets_of_the_task(preset, changes, match):
    content = {**yaml.safe_load(preset.read_text()), **changes}
    preset.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ValueError, match=match):
        capszoo.zoo.read_preset(preset)


def test_searched(preset, tmp_path):
    pytest.importorskip("keras_tuner")
    space = {
        "family": "lamp",
        "hyperparameters": [
            {"name": "lamps", "type": "Choice", "values": [2, 3], "default": 2},
            {"name": "routing", "type": "Choice", "values": ["loudest"], "default": "loudest"},
            {"name": "volume", "type": "Float", "min_value": 0.5, "max_value": 2.0, "default": 1.0},
            {"name": "translation", "type": "Fixed", "value": 0.1},
        ],
    }
    path = tmp_path / "space.yaml"
    path.write_text(yaml.safe_dump(space), encoding="utf-8")
    report = capszoo.tuning.search(
        preset, space=path, tuner="random", trials=2, epochs=1, output=tmp_path / "search"
    )
    assert report["finished"] == 2
    best, other = (trial["metrics"]["val_error"] for trial in report["trials"])
    assert best <= other
    found = capszoo.zoo.read_preset(report["best"])
    assert found.task == "brightness"
    assert found.model["routing"]["name"] == "loudest"
    assert found.model["routing"]["volume"] == report["trials"][0]["values"]["volume"]
    assert next(iter(found.data.augmentation[0])) == "RandomTranslation"


@pytest.mark.parametrize("layer", ["DenseCapsules", "ConvCapsules2D"])
def test_routing_in_layers(layer):
    poses = np.random.default_rng(0).normal(size=(2, 4, 4, 3, 5)).astype("float32")
    arguments = {"kernel_size": 3} if layer == "ConvCapsules2D" else {}
    cls = getattr(capszoo.layers, layer)
    loud, plain = (
        cls(2, 4, routing={"name": "loudest", "volume": 3.0}, **arguments),
        cls(2, 4, routing="loudest", **arguments),
    )
    loud.build(poses.shape)
    plain.build(poses.shape)
    plain.set_weights(loud.get_weights())
    np.testing.assert_allclose(to_numpy(loud(poses)), 3.0 * to_numpy(plain(poses)), atol=1e-5)
    model = capszoo.models.CapsNet(
        (8, 8, 1), 3, 4, 3, 2, 4, 3, routing={"name": "loudest", "volume": 0.5}, decoder=None
    )
    assert model.predict(np.zeros((2, 8, 8, 1), "uint8"), verbose=0).shape == (2, 3)
