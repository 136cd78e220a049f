"""From a run folder to a preset of the zoo."""

import h5py
import numpy as np
import pytest
from PIL import Image

import capszoo
from capszoo.training.publishing import publish
from capszoo.visualization.learning_curves import learning_curve
from capszoo.zoo import golden
from capszoo.zoo import page
from capszoo.zoo import weights as weights_files
from tests.once import ONCE
from tests.zoo.tiny import toy_data
from tests.zoo.tiny import write_tiny

pytestmark = ONCE

PAPER = "paper: {title: None, url: https://example.org}"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A finished run of a preset whose file holds a comment and results of long ago."""
    (tmp_path / "mine").mkdir()
    toys = str(toy_data(tmp_path))
    path = write_tiny(tmp_path / "mine", data={"name": toys, "class_names": list("0123456789")})
    path.write_text(f"# A comment.\n{path.read_text()}")
    monkeypatch.setenv("CAPSZOO_PRESETS", str(path.parent))
    capszoo.training.train("tiny", epochs=None, verbose=0, output=tmp_path / "run")
    return path, tmp_path / "run"


def test_publish(run):
    path, folder = run
    before = path.read_text()
    preset = publish(folder)
    assert path.read_text().startswith(before.rstrip())
    assert preset.results == capszoo.zoo.read_preset(folder).results
    model, same = capszoo.load("tiny"), capszoo.load(folder)
    for mine, theirs in zip(model.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert golden.difference(model, preset.golden) <= golden.TOLERANCE
    # Once more: what was measured is replaced.
    assert publish(folder) == preset
    assert path.read_text().count("results:") == 1
    # What stands behind is kept, too.
    path.write_text(f"{path.read_text()}# Another comment.\nlicense: MIT\n")
    assert publish(folder).license == "MIT"
    assert "# Another comment.\n" in path.read_text()


def test_float16(run):
    path, folder = run
    preset = publish(folder, float16=True)
    whole, halved = folder / "model.weights.h5", path.with_name(preset.weights.file)
    assert halved.stat().st_size < whole.stat().st_size
    assert preset.weights.dtype == "float16"
    assert preset.results.float32_test_accuracy is not None
    model, exact = capszoo.load("tiny"), capszoo.load(folder)
    for mine, theirs in zip(model.get_weights(), exact.get_weights(), strict=True):
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs.astype("float16").astype(theirs.dtype))
    measured = capszoo.training.evaluate("tiny", verbose=0)
    assert measured["accuracy"] == preset.results.test_accuracy
    assert measured["golden_difference"] <= golden.TOLERANCE


def test_results_only(run):
    path, folder = run
    preset = publish(folder, results_only=True)
    assert preset.results is not None
    assert (preset.weights, preset.golden) == (None, None)
    assert set(path.parent.iterdir()) == {path, path.with_name("tiny.curve.png")}


def test_curve(run, monkeypatch):
    """A small picture of the run's epochs, and none that would be of another run."""
    path, folder = run
    picture = path.with_name("tiny.curve.png")
    publish(folder, results_only=True)
    assert picture.stat().st_size <= 15_000
    with Image.open(picture) as image:
        assert (image.size, image.mode) == ((480, 300), "P")
    monkeypatch.setattr(page, "configs_folder", lambda: path.parent.parent)
    monkeypatch.setattr(page, "list_presets", lambda: ["tiny"])
    described = path.read_text().replace("name: tiny", f"name: tiny\n{PAPER}", 1)
    path.write_text(described)
    assert "\n\n![Learning curve of tiny](mine/tiny.curve.png)\n" in page.page()
    (folder / "history.csv").unlink()
    publish(folder, results_only=True)
    assert not picture.exists()
    assert "Learning curve" not in page.page()


def test_curve_needs_the_measure(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,loss,val_loss\n1,0.5,0.4\n")
    with pytest.raises(ValueError, match="with a column 'val_accuracy' in"):
        learning_curve(tmp_path / "history.csv", capszoo.models.CapsNet.measures[0])


def test_seeds(run, tmp_path):
    """The figures of runs that differ in seed stand beside those of the first."""
    _, folder = run
    capszoo.training.train("tiny", seed=7, verbose=0, output=tmp_path / "other")
    preset = publish(folder, results_only=True, others=[tmp_path / "other"])
    values = [
        capszoo.zoo.read_preset(one).results.test_accuracy for one in (folder, tmp_path / "other")
    ]
    assert preset.results.seeds_test_accuracy == values
    mean, deviation = np.mean(values), np.std(values, ddof=1)
    expected = f"2 seeds | mean {mean:.2%}, standard deviation {deviation:.2%} |".replace("%", " %")
    assert expected in capszoo.zoo.model_card.card(preset)
    with pytest.raises(ValueError, match=r"with another seed than \[0\]. Received: 'tiny' with"):
        publish(folder, others=[folder])


def test_weights_that_training_started_from_stand_in_the_command(run):
    _, first = run
    second = first.with_name("second")
    capszoo.training.train("tiny", verbose=0, init_from=first, output=second)
    preset = publish(second)
    assert preset.training.init_from is None
    assert str(first) in preset.results.command


def test_another_recipe_is_refused(run):
    path, folder = run
    changed = path.read_text().replace("epochs: 2", "epochs: 3")
    path.write_text(changed)
    with pytest.raises(ValueError, match="their `training` differs"):
        publish(folder)
    assert path.read_text() == changed


def test_numbers_too_large_for_float16(tmp_path):
    with h5py.File(tmp_path / "large.h5", "w") as file:
        file["layers/vars/0"] = np.array([1.0, 7e4], "float32")
    with pytest.raises(ValueError, match="/layers/vars/0 holds numbers beyond"):
        weights_files.write_halved(tmp_path / "large.h5", tmp_path / "halved.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["large.h5"]
