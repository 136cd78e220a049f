"""Training a preset, from its file to weights and a report."""

import csv
import datetime
import errno
import json
import os
import pathlib

import numpy as np
import pytest

import capszoo
from capszoo.training import evaluate
from capszoo.training import train
from capszoo.training import trainer
from capszoo.training.examples import load_examples
from capszoo.zoo import read_preset
from capszoo.zoo import weights as weights_files
from tests.zoo.tiny import tiny_content
from tests.zoo.tiny import tiny_model
from tests.zoo.tiny import write_tiny
from tests.zoo.tiny import write_toy

# Keras itself, saving weights on JAX with NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

FILES = {
    "preset.yaml",
    "history.csv",
    "state.json",
    "model.weights.h5",
    "report.json",
    "README.md",
}


def listing(folder):
    """Every file in a folder, with its content."""
    return {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}


@pytest.fixture
def tiny(tmp_path):
    return write_tiny(tmp_path)


@pytest.fixture
def loads(monkeypatch):
    """Records which splits are loaded, and how many epochs were recorded by then."""
    recorded = []
    load = capszoo.data.load

    def recording(name, split, **kwargs):
        recorded.append(split)
        return load(name, split, **kwargs)

    monkeypatch.setattr(capszoo.data, "load", recording)
    return recorded


def test_run(tiny, tmp_path, loads, monkeypatch):
    recorded = trainer.RunFolder.record

    def record(*args, **kwargs):
        loads.append("epoch")
        return recorded(*args, **kwargs)

    evaluated = capszoo.models.CapsNet.evaluate

    def measure(self, *args, **kwargs):
        # Keras measures the validation images in `fit` by another call of the same function.
        if not kwargs.get("_use_cached_eval_dataset"):
            loads.append("measured")
        return evaluated(self, *args, **kwargs)

    monkeypatch.setattr(trainer.RunFolder, "record", record)
    monkeypatch.setattr(capszoo.models.CapsNet, "evaluate", measure)
    run = tmp_path / "run"
    settings = {"training.optimizer": {"Adam": {"learning_rate": 0.02}}, "training.batch_size": 64}
    report = train(tiny, settings=settings, seed=3, epochs=2, output=run, verbose=0)

    # The test images are loaded before the training, and measured once, when it is done.
    assert loads == ["train", "validation", "test", "epoch", "epoch", "measured"]
    best = f"epoch-{report['best_epoch']}.weights.h5"
    assert set(listing(run)) == FILES | {"epoch-2.weights.h5", best}
    assert json.loads((run / "report.json").read_text()) == report

    with open(run / "history.csv") as file:
        history = list(csv.DictReader(file))
    assert [row["epoch"] for row in history] == ["1", "2"]
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "seconds"} <= set(history[0])
    assert float(history[1]["loss"]) < float(history[0]["loss"])
    best = max(history, key=lambda row: (float(row["val_accuracy"]), -float(row["val_loss"])))
    assert report["best_epoch"] == int(best["epoch"])
    assert report["validation_accuracy"] == pytest.approx(float(best["val_accuracy"]), abs=1e-6)
    assert report["epochs"] == 2
    assert report["seed"] == 3
    assert report["test_images"] == 360
    assert report["date"] == datetime.date.today().isoformat()
    assert {"capszoo", "keras", "numpy", "python"} < set(report["versions"])
    assert "0.02" in report["command"]

    preset = read_preset(run)
    assert preset.training.batch_size == 64
    assert preset.training.seed == 3
    assert preset.training.optimizer == settings["training.optimizer"]
    assert preset.results.model_dump().items() <= report.items()

    # What was written is what measures the same again.
    model = capszoo.load(run)
    assert model.count_params() == report["parameters"]
    for split, images in (("test", 360), ("validation", 288)):
        measured = evaluate(run, split=split, verbose=0)
        assert measured["images"] == images
        assert measured["recorded"] == report[f"{split}_accuracy"]
        assert measured["accuracy"] == pytest.approx(measured["recorded"], abs=1.5 / images)
        assert measured["agrees"] is True
    assert evaluate(run, split="train", verbose=0)["agrees"] is None

    text = (run / "preset.yaml").read_text()
    recorded = f"test_accuracy: {report['test_accuracy']}"
    assert recorded in text
    (run / "preset.yaml").write_text(text.replace(recorded, "test_accuracy: 0.999"))
    assert evaluate(run, verbose=0)["agrees"] is False


def test_best_epoch_is_what_is_stored(tmp_path, monkeypatch):
    """The first of two epochs is made the better one by validation: it is kept."""
    after = []

    class Record(trainer.RecordEpochs):
        def on_epoch_end(self, epoch, logs=None):
            after.append(self.model.get_weights())
            super().on_epoch_end(epoch, {**logs, "val_accuracy": [0.75, 0.5][epoch]})

    monkeypatch.setattr(trainer, "RecordEpochs", Record)
    run = tmp_path / "run"
    report = train(write_toy(tmp_path), output=run, verbose=0)
    assert report["best_epoch"] == 1
    assert report["validation_accuracy"] == 0.75
    stored = capszoo.load(run).get_weights()
    for first, second, value in zip(*after, stored, strict=True):
        np.testing.assert_array_equal(value, first)
        assert np.abs(value - second).max() > 0


@pytest.mark.parametrize(
    ("val", "best"),
    [
        ([(0.5, 1.0), (0.75, 1.0), (0.5, 0.1)], 2),
        ([(0.5, 1.0), (0.5, 0.9), (0.5, 0.95)], 2),
        ([(0.5, 1.0), (0.5, 1.0)], 1),
    ],
)
def test_best_epoch(val, best):
    rows = [
        {"epoch": number + 1, "val_accuracy": accuracy, "val_loss": loss}
        for number, (accuracy, loss) in enumerate(val)
    ]
    measure = capszoo.models.CapsNet.measures[0]
    assert trainer.best_epoch(rows, measure)["epoch"] == best


def test_default_output(tmp_path, monkeypatch):
    """An augmented recipe with another loss, in `runs/<preset>`, where an empty folder is."""
    monkeypatch.chdir(tmp_path)
    shift = {"RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1}}
    path = write_toy(
        tmp_path,
        data={"augmentation": [shift]},
        training={"loss": {"SpreadLoss": {"margin": 0.5}}, "epochs": 1},
    )
    (tmp_path / "runs" / "tiny").mkdir(parents=True)
    report = train(path, verbose=0)
    assert report["folder"] == os.path.join("runs", "tiny")
    assert (tmp_path / "runs" / "tiny" / "report.json").is_file()
    assert report["test_images"] == 40


def test_images_are_resized_and_cropped():
    content = tiny_content(data={"name": "digits", "resize": [12, 10], "crop": [8, 8]})
    preset = capszoo.zoo.schema.validate(content, "here")
    model = tiny_model()
    images, _ = load_examples(preset, model, "train", prepared=True)
    assert images.shape == (1149, 12, 10, 1)
    images, _ = load_examples(preset, model, "test", prepared=True)
    originals, _ = capszoo.data.load("digits", "test")
    larger = capszoo.data.images.resize_images(originals, 12, 10)
    np.testing.assert_array_equal(images, larger[:, 2:10, 1:9])


# Refused before any work.


@pytest.fixture
def no_work(monkeypatch):
    monkeypatch.setattr(
        capszoo.models.CapsNet, "fit", lambda *_, **__: pytest.fail("training has begun")
    )


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"training.batchsize": 8}, r"training\.batchsize: .*Did you mean 'batch_size'"),
        ({"training.batch_size": "64"}, r"training\.batch_size: .*valid integer.*Received: '64'"),
        ({"training.epochs": 0}, r"training\.epochs: .*greater than or equal to 1"),
        ({"trainings.epochs": 1}, r"trainings: .*Did you mean 'training'"),
        ({"name.first": "x"}, r"Cannot set 'name\.first': 'name' is no section"),
        ({"model.filters": 3}, r"model.filters: Unknown argument 'filters'"),
        ({"model.conv_filters": -3}, r"`conv_filters`, expected a positive integer"),
        ({"model.routing": "dynamik"}, r"routing 'dynamik'.*Did you mean 'dynamic'"),
        ({"training.optimizer": {"Adm": {}}}, r"optimizer 'Adm'\. Did you mean 'Adam'"),
        ({"training.loss": {"MarginLos": {}}}, r"loss 'MarginLos'\. Did you mean 'MarginLoss'"),
        (
            {"data.augmentation": [{"RandomShift": {}}]},
            r"Unknown data.augmentation layer 'RandomShift'",
        ),
        ({"data.name": "digit"}, r"data set 'digit'\. Did you mean 'digits'"),
        ({"model.num_classes": 9}, r"'tiny' do not fit: .*from 0 to 8 for 9 classes.*from 0 to 9"),
        ({"model.image_shape": [9, 9, 1]}, r"shape \(8, 8, 1\).*image_shape=\(9, 9, 1\)"),
        ({"data.crop": [6, 6]}, r"crops images to \[6, 6\], but its model takes \[8, 8\]"),
        ({"data.resize": [6, 6]}, r"resizes images to \[6, 6\], but its model takes \[8, 8\]"),
        (
            {"data.resize": [7, 9], "data.crop": [8, 8]},
            r"images of 'digits' are 7x9, too small for the crop \[8, 8\]",
        ),
    ],
)
def test_wrong_request(settings, message, tiny, tmp_path):
    with pytest.raises(ValueError, match=message):
        train(tiny, settings=settings, output=tmp_path / "run", verbose=0)
    # Nothing is in the way of the corrected request.
    assert not (tmp_path / "run").exists() or listing(tmp_path / "run") == {}


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("section", ["data", "training"])
def test_preset_without_a_recipe(section, tmp_path):
    content = tiny_content()
    del content[section]
    preset = capszoo.zoo.schema.validate(content, "here")
    with pytest.raises(ValueError, match=f"cannot be trained or measured: it has no `{section}`"):
        train(preset, output=tmp_path / "run", verbose=0)


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("resume", [True, False])
def test_output_that_holds_something(resume, tiny, tmp_path, loads):
    run = tmp_path / "run"
    run.mkdir()
    (run / "mine.txt").write_text("mine")
    message = "There is no run to resume in" if resume else "is not empty. Go on with .*--resume"
    with pytest.raises(ValueError, match=message):
        train(tiny, output=run, resume=resume, verbose=0)
    assert listing(run) == {"mine.txt": b"mine"}
    assert loads == []


@pytest.mark.usefixtures("no_work")
def test_output_that_is_a_file(tiny, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="is not empty"):
        train(tiny, output=tmp_path / "file", verbose=0)
    with pytest.raises(OSError, match=r"file"):
        train(tiny, output=tmp_path / "file" / "run", verbose=0)
    assert (tmp_path / "file").read_text() == "mine"


def test_full_disk(tmp_path, monkeypatch):
    """The disk is full in the second epoch: the first one stays, and the run can go on."""
    path = write_toy(tmp_path)
    run = tmp_path / "run"
    write = weights_files.write

    def failing(model, path):
        if path.name == "epoch-2.weights.h5":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(model, path)

    monkeypatch.setattr(weights_files, "write", failing)
    with pytest.raises(OSError, match=r"No space left on device: .*epoch-2\.weights\.h5"):
        train(path, output=run, verbose=0)
    history = json.loads((run / "state.json").read_text())["history"]
    assert [row["epoch"] for row in history] == [1]
    assert "epoch-1.weights.h5" in listing(run)
    monkeypatch.undo()
    assert train(path, output=run, resume=True, verbose=0)["epochs"] == 2


def test_evaluate_refuses(tmp_path, tiny):
    with pytest.raises(ValueError, match="'tiny' has no trained weights yet"):
        evaluate(tiny, verbose=0)
    content = tiny_content()
    del content["data"]
    (tmp_path / "no_data.yaml").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="names no data to measure it on"):
        evaluate(tmp_path / "no_data.yaml", verbose=0)


def test_capsnet_digits_keeps_its_promise():
    measured = evaluate("capsnet_digits", verbose=0)
    assert measured["agrees"] is True
    assert measured["accuracy"] > 0.95
