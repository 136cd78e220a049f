"""From a model to a preset directory."""

import errno
import os

import h5py
import numpy as np
import pytest
import yaml

import capszoo
from capszoo.models import CapsNet
from capszoo.zoo import read_preset
from capszoo.zoo import saving
from tests.zoo.tiny import tiny_model

# Keras itself, saving weights on JAX with NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def trained(rng):
    model = tiny_model()
    model.compile()
    images = rng.integers(0, 256, (32, 8, 8, 1)).astype("uint8")
    model.fit(images, rng.integers(0, 10, 32), verbose=0)
    return model


def test_directory(trained, tmp_path):
    trained.save_to_preset(tmp_path / "deep" / "saved", name="mine", description="A test")
    folder = tmp_path / "deep" / "saved"
    assert sorted(os.listdir(folder)) == ["README.md", "model.weights.h5", "preset.yaml"]
    assert os.listdir(folder.parent) == ["saved"]
    preset = read_preset(folder)
    assert (preset.name, preset.description, preset.family) == ("mine", "A test", "capsnet")
    assert preset.weights.size == (folder / "model.weights.h5").stat().st_size
    assert not {"name", "dtype", "trainable"} & set(preset.model)
    content = yaml.safe_load((folder / "preset.yaml").read_text())
    assert not {"results", "training", "published"} & set(content)


def test_no_optimizer_state(trained, tmp_path):
    trained.save_to_preset(tmp_path / "saved")
    with h5py.File(tmp_path / "saved" / "model.weights.h5") as file:
        assert "layers" in file
        assert "optimizer" not in file
    # The same, told apart from a file that has it.
    trained.save_weights(tmp_path / "with.weights.h5")
    with h5py.File(tmp_path / "with.weights.h5") as file:
        assert "optimizer" in file


def test_the_model_stays_as_it_is(trained, tmp_path, rng):
    images = rng.integers(0, 256, (5, 8, 8, 1)).astype("uint8")
    steps = int(trained.optimizer.iterations)
    before = trained.predict(images, verbose=0)
    trained.save_to_preset(tmp_path / "saved")
    assert int(trained.optimizer.iterations) == steps == 1
    np.testing.assert_array_equal(before, trained.predict(images, verbose=0))
    np.testing.assert_array_equal(
        before, capszoo.load(tmp_path / "saved").predict(images, verbose=0)
    )


def test_no_decoder_stays_none(tmp_path):
    tiny_model(decoder=None).save_to_preset(tmp_path / "saved")
    assert capszoo.load(tmp_path / "saved").decoder is None


def test_other_sections(tmp_path):
    sections = {"data": {"name": "digits"}, "training": {"epochs": 1, "batch_size": 8}}
    tiny_model().save_to_preset(tmp_path / "saved", **sections)
    assert read_preset(tmp_path / "saved").training.batch_size == 8
    with pytest.raises(ValueError, match=r"preset to save in .*\n.*Unknown key 'licence'"):
        tiny_model().save_to_preset(tmp_path / "other", licence="MIT")
    with pytest.raises(ValueError, match=r"preset to save in .*\n  name: .*Received: 'My Net'"):
        tiny_model().save_to_preset(tmp_path / "other", name="My Net")
    assert os.listdir(tmp_path) == ["saved"]


@pytest.mark.parametrize("kind", ["directory", "file"])
def test_existing_target(kind, tmp_path):
    target = tmp_path / "there"
    if kind == "file":
        target.write_text("mine")
    else:
        target.mkdir()
        (target / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"there' exists already; choose another directory"):
        tiny_model().save_to_preset(target)
    assert (target if kind == "file" else target / "mine.txt").read_text() == "mine"
    assert os.listdir(tmp_path) == ["there"]


@pytest.mark.parametrize(
    "step", ["save_weights", "describe", "write_preset", "write_card", "rename"]
)
def test_a_failure_leaves_nothing_behind(step, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    owner = {
        "save_weights": CapsNet,
        "describe": saving.weights_files,
        "write_preset": saving,
        "write_card": saving,
        "rename": os,
    }[step]
    model = tiny_model()
    monkeypatch.setattr(owner, step, fail)
    with pytest.raises(OSError, match="No space left"):
        model.save_to_preset(tmp_path / "saved")
    assert os.listdir(tmp_path) == []


def test_unregistered_family(tmp_path):
    class Mine(CapsNet):
        pass

    model = Mine((8, 8, 1), 10, 4, 3, 2, 8, 3, 1, decoder=None)
    with pytest.raises(ValueError, match=r"Mine is of no registered family.*register_family"):
        model.save_to_preset(tmp_path / "saved")
    with pytest.raises(ValueError, match="is of no registered family"):
        saving.family_of(object())
    assert os.listdir(tmp_path) == []
