"""From a preset to a model: verified weights, fresh heads, dtypes, families."""

import h5py
import keras
import numpy as np
import pytest
import yaml

import capszoo
from capszoo.models import CapsNet
from capszoo.models.registry import FAMILIES
from capszoo.zoo import weights as weights_files
from capszoo.zoo.schema import validate
from tests.zoo.tiny import ARGUMENTS
from tests.zoo.tiny import tiny_content
from tests.zoo.tiny import tiny_model
from tests.zoo.tiny import toy_data
from tests.zoo.tiny import write_tiny

# Keras itself, saving weights on JAX with NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (5, 8, 8, 1)).astype("uint8")


@pytest.fixture
def saved(tmp_path):
    model = tiny_model()
    model.save_to_preset(tmp_path / "saved")
    return model, tmp_path / "saved"


def variables(model, *layers):
    return [
        keras.ops.convert_to_numpy(variable.value)
        for layer in layers
        for variable in model.get_layer(layer).weights
    ]


def test_same_scores(saved, images):
    model, folder = saved
    loaded = capszoo.load(folder)
    assert type(loaded) is CapsNet
    assert loaded.compiled
    np.testing.assert_array_equal(
        model.predict(images, verbose=0), loaded.predict(images, verbose=0)
    )
    np.testing.assert_array_equal(model.reconstruct(images), loaded.reconstruct(images))
    assert loaded.fit(images, np.arange(5), verbose=0).history["loss"][0] > 0


@pytest.mark.parametrize("damage", ["truncated", "altered"])
def test_damaged_weights_are_not_read(damage, saved, monkeypatch):
    _, folder = saved
    file = folder / "model.weights.h5"
    content = bytearray(file.read_bytes())
    if damage == "truncated":
        content = content[:-100]
    else:
        content[len(content) // 2] ^= 1
    file.write_bytes(content)
    expected = yaml.safe_load((folder / "preset.yaml").read_text())["weights"]["sha256"]
    monkeypatch.setattr(CapsNet, "load_weights", lambda *_: pytest.fail("the file was read"))
    with pytest.raises(ValueError, match=r"model\.weights\.h5 is not the one") as caught:
        capszoo.load(folder)
    from hashlib import sha256

    assert f"Expected SHA-256 {expected}" in str(caught.value)
    assert f"Received: {sha256(content).hexdigest()} ({len(content)} bytes)" in str(caught.value)


def test_missing_weights(saved):
    _, folder = saved
    (folder / "model.weights.h5").unlink()
    with pytest.raises(ValueError, match=r"The weights file .*model\.weights\.h5 is missing"):
        capszoo.load(folder)
    assert capszoo.load(folder, load_weights=False).num_classes == 10


def test_untrained(tmp_path):
    path = write_tiny(tmp_path)
    with pytest.raises(ValueError, match=r"'tiny' has no trained weights yet\. Train .*capszoo tr"):
        capszoo.load(path)
    model = capszoo.load(path, load_weights=False)
    assert model.compiled
    assert model.name == "tiny"


def test_load_without_weights_is_fresh(saved):
    model, folder = saved
    fresh = capszoo.load(folder, load_weights=False)
    trained, other = variables(model, "conv")[0], variables(fresh, "conv")[0]
    assert np.abs(trained - other).max() > 0


def test_fresh_head(saved, images):
    trained, folder = saved
    for variable in trained.trainable_variables:
        variable.assign(variable + 0.01)
    trained.save_to_preset(folder.parent / "moved")
    model = capszoo.load(folder.parent / "moved", num_classes=3)
    assert model.num_classes == 3
    body = variables(model, "conv", "primary_capsules")
    assert len(body) == 4
    for mine, theirs in zip(body, variables(trained, "conv", "primary_capsules"), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    shapes = [value.shape for value in variables(model, "class_capsules")]
    assert shapes != [value.shape for value in variables(trained, "class_capsules")]
    scores = model.predict(images, verbose=0)
    assert scores.shape == (5, 3)
    assert np.isfinite(scores).all()
    model.fit(images, np.array([0, 1, 2, 0, 1]), verbose=0)
    with pytest.raises(ValueError, match="labels from 0 to 2"):
        model.fit(images, np.arange(5), verbose=0)


def test_the_same_number_of_classes_keeps_the_head(saved, images):
    model, folder = saved
    loaded = capszoo.load(folder, num_classes=10)
    np.testing.assert_array_equal(
        model.predict(images, verbose=0), loaded.predict(images, verbose=0)
    )


@keras.saving.register_keras_serializable(package="test")
class RandomDecoder(keras.layers.Layer):
    """A user's own decoder, with a layer in it that has random state."""

    def build(self, input_shape):
        self.dropout = keras.layers.Dropout(0.5)
        self.dense = keras.layers.Dense(64)
        self.dense.build((None, input_shape[1] * input_shape[2]))

    def call(self, poses):
        flat = keras.ops.reshape(poses, (-1, poses.shape[1] * poses.shape[2]))
        return keras.ops.reshape(self.dense(self.dropout(flat)), (-1, 8, 8, 1))


def test_fresh_head_beside_layers_with_random_state(tmp_path, images):
    tiny_model(decoder=RandomDecoder()).save_to_preset(tmp_path / "saved")
    model = capszoo.load(tmp_path / "saved", num_classes=3)
    assert model.predict(images, verbose=0).shape == (5, 3)


def test_dtype(saved, images):
    dtype = "mixed_bfloat16"
    model, folder = saved
    loaded = capszoo.load(folder, dtype=dtype)
    assert loaded.dtype_policy.name == dtype
    assert loaded.get_layer("conv").dtype_policy.name == dtype
    scores = loaded.predict(images, verbose=0)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, model.predict(images, verbose=0), atol=0.02)


def test_wrong_family(saved):
    _, folder = saved

    class Other(CapsNet):
        pass

    with pytest.raises(ValueError, match=r"of the family 'capsnet' \(CapsNet\), not a Other"):
        capszoo.load(folder, family=Other)
    with pytest.raises(ValueError, match="not a Other"):
        Other.from_preset(folder)
    assert type(CapsNet.from_preset(folder)) is CapsNet
    assert type(capszoo.models.CapsuleClassifier.from_preset(folder)) is CapsNet


def test_unknown_preset():
    with pytest.raises(ValueError, match="Did you mean 'capsnet_digits'"):
        CapsNet.from_preset("capsnet-digits")


def test_class_names():
    def names(**changes):
        return capszoo.zoo.class_names(validate(tiny_content(**changes), "here"))

    assert names() == list("0123456789")
    assert names(data={"name": "fashion_mnist"})[9] == "Ankle boot"
    pets = {"name": "./mine", "class_names": ["cat", "dog"]}
    assert names(data=pets, model={"num_classes": 2}) == ["cat", "dog"]
    with pytest.raises(ValueError, match="2 names for 3 classes"):
        names(data=pets, model={"num_classes": 3})
    assert names(data={"name": "./mine"}, model={"num_classes": 3}) == ["0", "1", "2"]
    arguments = dict(ARGUMENTS)
    del arguments["num_classes"]
    assert names(data={"name": "./mine"}, model=arguments)[-1] == "9"


@pytest.fixture
def own_family():
    @capszoo.register_family("wide_capsnet")
    @keras.saving.register_keras_serializable(package="test")
    class WideCapsNet(CapsNet):
        """A user's own family: CapsNet, and one argument of its own."""

        def __init__(self, *args, width=1, **kwargs):
            super().__init__(*args, **{**kwargs, "conv_filters": 4 * width})
            self.width = width

        def get_config(self):
            return {**super().get_config(), "width": self.width}

    yield WideCapsNet
    del FAMILIES.items["wide_capsnet"]


def test_own_family(own_family, tmp_path, images):
    assert capszoo.list_models() == sorted({*capszoo.list_models(), "wide_capsnet"})
    arguments = {key: value for key, value in tiny_content()["model"].items()}
    del arguments["conv_filters"]
    model = own_family(**arguments, width=2)
    model.save_to_preset(tmp_path / "saved")
    loaded = own_family.from_preset(tmp_path / "saved")
    assert type(loaded) is own_family
    assert loaded.get_layer("conv").filters == 8
    np.testing.assert_array_equal(
        model.predict(images, verbose=0), loaded.predict(images, verbose=0)
    )
    path = write_tiny(tmp_path, name="wide", family="wide_capsnet", model={**arguments, "width": 2})
    settings = {"data.name": str(toy_data(tmp_path)), "training.epochs": 1}
    report = capszoo.training.train(path, settings=settings, verbose=0, output=tmp_path / "run")
    assert report["parameters"] == model.count_params()
    assert type(capszoo.load(tmp_path / "run")) is own_family
    with pytest.raises(
        ValueError, match=r"model\.widht: Unknown argument 'widht'\. Did you mean 'width'"
    ):
        capszoo.load(write_tiny(tmp_path, family="wide_capsnet", model={"widht": 2}))


# What the trained preset of the zoo promises.


def test_capsnet_digits():
    model = capszoo.load("capsnet_digits")
    images, labels = capszoo.data.load("digits", "test")
    accuracy = (model.predict(images, verbose=0).argmax(-1) == labels).mean()
    recorded = capszoo.zoo.read_preset("capsnet_digits").results.test_accuracy
    assert accuracy == pytest.approx(recorded, abs=1.5 / 360)


def test_capsnet_digits_reconstructs():
    model = capszoo.load("capsnet_digits")
    images, _ = capszoo.data.load("digits", "test")
    error = np.square(model.reconstruct(images[:100]) - images[:100] / 255).mean()
    assert error < 0.5 * np.var(images / 255)


def test_named_anew():
    """Two of one preset inside another model: each under a name of its own."""
    left, right = (capszoo.load("capsnet_digits", name=name) for name in ("left", "right"))
    assert (left.name, right.name) == ("left", "right")
    images = keras.Input((8, 8, 1))
    both = keras.Model(images, [left(images)["scores"], right(images)["scores"]])
    found, same = both.predict(np.zeros((1, 8, 8, 1), "uint8"), verbose=0)
    np.testing.assert_array_equal(found, same)
    assert capszoo.load("capsnet_digits", num_classes=3, name="mine").name == "mine"


def described_anew(folder):
    """Lets the preset describe the weights file that lies there now."""
    file = folder / "model.weights.h5"
    content = yaml.safe_load((folder / "preset.yaml").read_text())
    content["weights"] = weights_files.describe(file).model_dump()
    (folder / "preset.yaml").write_text(yaml.safe_dump(content))


def test_weights_that_are_not_finite_are_named(saved):
    _, folder = saved
    with h5py.File(folder / "model.weights.h5", "r+") as file:
        file["layers/conv2d/vars/1"][0] = np.nan
    described_anew(folder)
    with pytest.warns(UserWarning, match=r"not all finite: conv/bias hold NaN"):
        capszoo.load(folder)


@pytest.mark.parametrize("kind", ["link", "storage"])
def test_numbers_in_other_files_are_not_read(kind, saved, tmp_path):
    _, folder = saved
    secret = tmp_path / "secret"
    np.arange(10_000, dtype="float32").tofile(secret)
    with h5py.File(folder / "model.weights.h5", "r+") as file:
        path = "layers/conv2d/vars/1"
        shape = file[path].shape
        del file[path]
        if kind == "link":
            file[path] = h5py.ExternalLink(str(secret), "/0")
        else:
            external = [(str(secret), 0, int(np.prod(shape)) * 4)]
            file.create_dataset(path, shape, "float32", external=external)
    described_anew(folder)
    with pytest.raises(ValueError, match="lies in another file"):
        capszoo.load(folder)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (np.complex64(1), "holds complex64, not weights"),
        (np.int64(1), "arrays hold integers in this model.*conv2d/vars/1"),
        (b"text", "holds .*, not weights"),
    ],
)
def test_numbers_of_another_sort_are_no_weights(number, message, saved):
    _, folder = saved
    with h5py.File(folder / "model.weights.h5", "r+") as file:
        shape = file["layers/conv2d/vars/1"].shape
        del file["layers/conv2d/vars/1"]
        file["layers/conv2d/vars/1"] = np.full(shape, number)
    described_anew(folder)
    with pytest.raises(ValueError, match=message):
        capszoo.load(folder)


def test_an_array_that_is_none_of_the_models_is_not_read(saved):
    _, folder = saved
    with h5py.File(folder / "model.weights.h5", "r+") as file:
        # A terabyte of zeros that takes no room in the file.
        file.create_dataset("layers/conv2d/vars/2", (10**6, 10**6), "uint8", chunks=(1024, 1024))
        del file["layers/conv2d/vars/1"]
        file["layers/conv2d/vars/1"] = file["layers/conv2d/vars/2"]
    described_anew(folder)
    with pytest.raises(ValueError, match=r"larger than any of the model's weights|not weights"):
        capszoo.load(folder)


def test_a_model_larger_than_its_weights_is_not_made(saved):
    _, folder = saved
    content = yaml.safe_load((folder / "preset.yaml").read_text())
    content["model"]["decoder"] = [10_000_000]
    (folder / "preset.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match=r"preset\.yaml: .*parameters.*hidden_0.*cannot hold"):
        capszoo.load(folder, memory_limit=1000)


def test_what_fits_no_model_names_the_file(tmp_path):
    for model in ({"conv_kernel_size": 100}, {"num_objects": 11}):
        path = write_tiny(tmp_path, model={**ARGUMENTS, **model})
        with pytest.raises(ValueError, match=r"tiny\.yaml: .*Received"):
            capszoo.zoo.build(capszoo.zoo.read_preset(path))


def test_the_policy_of_a_preset_counts(tmp_path):
    preset = capszoo.zoo.read_preset(write_tiny(tmp_path, model={**ARGUMENTS, "dtype": "float16"}))
    assert capszoo.zoo.build(preset).compute_dtype == "float16"
    assert capszoo.zoo.build(preset, dtype="float32").compute_dtype == "float32"
