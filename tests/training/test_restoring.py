"""Training without labels: damaged examples go in, their originals are what is learnt."""

import numpy as np
import pytest
import yaml

import capszoo
from capszoo.data.augmentation import RandomAffine
from capszoo.data.corruption import RandomCutout
from capszoo.data.corruption import corrupt
from capszoo.models.registry import FAMILIES
from capszoo.training import TrainingBatches
from capszoo.zoo import read_preset
from tests.models import tiny_autoencoder

DAMAGE = [RandomCutout(0.5, count=2)]


def test_batches_hold_what_is_damaged_and_its_original():
    pictures = tiny_autoencoder.data(2, 10)
    batches = TrainingBatches(pictures, None, 4, corruptions=DAMAGE, seed=3)
    damaged, originals = batches[0]
    chosen = batches.order[:4]
    np.testing.assert_array_equal(originals, pictures[chosen])
    assert (damaged != originals).any(axis=(1, 2, 3)).all()
    for one, again in zip(batches[0], (damaged, originals), strict=True):
        np.testing.assert_array_equal(one, again)
    assert (batches[1][0][:2] != damaged[:2]).any()
    other = TrainingBatches(pictures, None, 4, corruptions=DAMAGE, seed=3, epoch=1)
    assert (other[0][0] != damaged).any()
    alone, same = TrainingBatches(pictures, None, 4)[0]
    np.testing.assert_array_equal(alone, same)


def test_what_is_cut_and_turned_is_the_original():
    pictures = tiny_autoencoder.data(2, 6)
    damaged, originals = TrainingBatches(pictures, None, 6, crop=(4, 3), corruptions=DAMAGE)[0]
    assert damaged.shape == originals.shape == (6, 4, 3, 1)
    assert (damaged == originals).any()
    volumes = tiny_autoencoder.data(3, 4)
    turns = [RandomAffine([0, 1, 2])]
    damaged, originals = TrainingBatches(volumes, None, 4, turns, (4, 4, 4), corruptions=DAMAGE)[0]
    assert damaged.shape == originals.shape == (4, 4, 4, 4, 2)
    assert (damaged != originals).any()
    values = [set(np.unique(volumes))] * 4
    assert all(set(np.unique(one)) <= own for one, own in zip(originals, values, strict=True))


@pytest.fixture
def preset(tmp_path, monkeypatch):
    """A preset of the smallest autoencoder of pictures, on the embedded digits."""
    monkeypatch.setattr(FAMILIES, "items", dict(FAMILIES.items))
    monkeypatch.delattr(tiny_autoencoder.PictureAutoencoder, "family", raising=False)
    capszoo.register_family("tiny_autoencoder")(tiny_autoencoder.PictureAutoencoder)
    content = {
        "name": "tiny_pretext",
        "family": "tiny_autoencoder",
        "task": "reconstruction",
        "model": {"image_shape": [8, 8, 1]},
        "data": {"name": "digits", "corruption": [{"RandomCutout": {"size": 0.5, "count": 2}}]},
        "training": {
            "epochs": 2,
            "batch_size": 100,
            "optimizer": {"Adam": {"learning_rate": 0.01}},
        },
    }
    path = tmp_path / "tiny_pretext.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_trained_by_a_preset_and_measured_on_the_same_damage(preset, tmp_path, run):
    report = capszoo.training.train(preset, output=tmp_path / "run", verbose=0)
    images, _ = capszoo.data.load("digits", "test")
    model = capszoo.load(tmp_path / "run")
    damaged = corrupt(images, DAMAGE, np.random.default_rng(0))
    error = np.mean((model.reconstruct(damaged) - images / 255) ** 2)
    assert report["test_reconstruction_error"] == pytest.approx(error, rel=1e-4)
    assert report["test_images"] == 360
    measured = capszoo.training.evaluate(tmp_path / "run", verbose=0)
    assert measured["agrees"]
    assert measured["golden_difference"] < capszoo.zoo.golden.TOLERANCE
    code, out, _ = run("evaluate", tmp_path / "run", "--split", "validation")
    assert (code, "tiny_pretext: reconstruction_error 0." in out) == (0, True)
    code, out, _ = run("show", tmp_path / "run")
    assert (code, "test_reconstruction_error" in out) == (0, True)
    code, out, err = run("predict", tmp_path / "run", tmp_path / "picture.png")
    assert (code, out) == (2, "")
    assert "reconstruct(examples)" in "".join(err.split("\n"))
    with pytest.raises(ValueError, match="task 'reconstruction', which has no classes"):
        capszoo.load(tmp_path / "run", num_classes=3)
    # A share needs no labels either, and what a preset is told it keeps.
    capszoo.training.train(
        preset, settings={"data.share": 0.1}, epochs=1, output=tmp_path / "share", verbose=0
    )
    trained = read_preset(tmp_path / "share")
    assert trained.data.corruption == [{"RandomCutout": {"size": 0.5, "count": 2}}]


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [
        ("data.corruption", [{"RandomHole": {}}], r"corruption 'RandomHole'|Unknown data\.corr"),
        ("data.corruption", [{"RandomCutout": {"size": 2}}], "corruption RandomCutout: .*`size`"),
        ("data.corruption", {"RandomCutout": {}}, r"data\.corruption"),
        ("data.class_names", ["zero"], r"Unknown key 'class_names'"),
        ("task", "classification", "for the task 'reconstruction'"),
    ],
)
def test_what_a_preset_may_say(preset, key, value, match, tmp_path):
    with pytest.raises(ValueError, match=match):
        capszoo.training.train(preset, settings={key: value}, output=tmp_path / "run", verbose=0)


def test_other_tasks_have_no_corruption(tmp_path):
    settings = {"data.corruption": [{"RandomBlur": {}}]}
    with pytest.raises(ValueError, match="Unknown key 'corruption'"):
        capszoo.training.train("capsnet_digits", settings=settings, output=tmp_path / "run")
