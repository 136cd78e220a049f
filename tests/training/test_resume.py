"""A run that is killed goes on as if it had not been."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import textwrap

import h5py
import numpy as np
import pytest

import capszoo
from capszoo.training import train
from capszoo.training import trainer
from capszoo.training.run_folder import RunFolder
from capszoo.zoo import read_preset
from tests.once import ONCE
from tests.zoo.tiny import write_tiny
from tests.zoo.tiny import write_toy

# Keras itself, saving weights on JAX with NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ROOT = pathlib.Path(capszoo.__file__).resolve().parents[1]

SHIFT = {"RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1}}
DECAY = {"CosineDecay": {"initial_learning_rate": 0.02, "decay_steps": 27}}
RECIPE = {
    "data": {"augmentation": [SHIFT]},
    "training": {"epochs": 3, "optimizer": {"Adam": {"learning_rate": DECAY}}},
}


def arrays(file):
    """Every array in a weights file, by its path: the model's and the optimizer's."""
    found = {}
    with h5py.File(file) as content:
        content.visititems(
            lambda name, item: found.update({name: item[()]}) if hasattr(item, "dtype") else None
        )
    return found


def history(run):
    rows = json.loads((run / "state.json").read_text())["history"]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def assert_same_run(run, other):
    assert [row["epoch"] for row in history(run)] == [1, 2, 3]
    for row, other_row in zip(history(run), history(other), strict=True):
        assert row == pytest.approx(other_row, abs=1e-6)
    for name in ("epoch-3.weights.h5", "model.weights.h5"):
        mine, theirs = arrays(run / name), arrays(other / name)
        assert set(mine) == set(theirs)
        assert name == "model.weights.h5" or any("optimizer" in key for key in mine)
        for key, value in mine.items():
            np.testing.assert_allclose(value, theirs[key], atol=1e-6, err_msg=key)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    path = write_toy(folder, **RECIPE)
    train(path, output=folder / "run", verbose=0)
    return path, folder / "run"


def test_killed_in_the_middle_of_an_epoch(uninterrupted, tmp_path):
    path, whole = uninterrupted
    run = tmp_path / "run"
    script = f"""
        import os, signal
        from capszoo.training import trainer

        class Killed(trainer.TrainingBatches):
            def __getitem__(self, index):
                done = os.path.exists({str(run / "state.json")!r})
                if done and index == 4:
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().__getitem__(index)

        trainer.TrainingBatches = Killed
        trainer.train({str(path)!r}, output={str(run)!r}, verbose=0)
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [row["epoch"] for row in history(run)] == [1]
    # As if it had also been killed while it was writing.
    for leftover in ("partial-epoch-2.weights.h5", "state.json.partial"):
        (run / leftover).write_bytes(b"half a file")
    (run / "epoch-2.weights.h5").write_bytes(b"not yet named by state.json")

    report = train(path, output=run, resume=True, verbose=0)
    assert_same_run(run, whole)
    assert report["epochs"] == 3
    assert not [name for name in os.listdir(run) if "partial" in name]


def test_stopped_after_an_epoch_and_extended(uninterrupted, tmp_path):
    """One epoch, then a run of all three in the same folder."""
    path, whole = uninterrupted
    run = tmp_path / "run"
    assert train(path, epochs=1, output=run, verbose=0)["epochs"] == 1
    report = train(path, output=run, resume=True, verbose=0)
    assert report["epochs"] == 3
    assert_same_run(run, whole)
    names = {name for name in os.listdir(run) if name.startswith("epoch-")}
    assert names == {"epoch-3.weights.h5", f"epoch-{report['best_epoch']}.weights.h5"}


def test_resuming_a_finished_run_measures_again(uninterrupted, tmp_path):
    path, whole = uninterrupted
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    report = json.loads((whole / "report.json").read_text())
    again = train(path, output=run, resume=True, verbose=0)
    assert again["test_accuracy"] == report["test_accuracy"]
    assert (again["epochs"], again["best_epoch"]) == (3, report["best_epoch"])
    assert_same_run(run, whole)


def test_killed_before_the_first_epoch_was_done(uninterrupted, tmp_path):
    path, _ = uninterrupted
    (tmp_path / "preset.yaml").write_text(path.read_text())
    folder = RunFolder(tmp_path)
    folder.check_resumable(read_preset(path))
    assert folder.history == []


def test_nothing_to_resume(tmp_path):
    path = write_tiny(tmp_path)
    with pytest.raises(ValueError, match=r"There is no run to resume in '.*nowhere'"):
        train(path, output=tmp_path / "nowhere", resume=True, verbose=0)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("section", "changes"),
    [
        ("training", {"seed": 5}),
        ("training", {"settings": {"training.batch_size": 64}}),
        ("model", {"settings": {"model.class_dim": 8}}),
        ("data", {"settings": {"data.augmentation": []}}),
    ],
)
def test_another_recipe(section, changes, uninterrupted, tmp_path):
    path, whole = uninterrupted
    before = {name: (whole / name).read_bytes() for name in os.listdir(whole)}
    with pytest.raises(ValueError, match=rf"has another `{section}` than .*only the number of ep"):
        train(path, output=whole, resume=True, verbose=0, **changes)
    assert {name: (whole / name).read_bytes() for name in os.listdir(whole)} == before


def test_a_saved_preset_is_no_run(tmp_path):
    path = write_tiny(tmp_path)
    capszoo.load(path, load_weights=False).save_to_preset(tmp_path / "saved")
    with pytest.raises(ValueError, match=r"has another `model`|has another `data`"):
        train(path, output=tmp_path / "saved", resume=True, verbose=0)


def test_a_resume_that_cannot_begin_leaves_the_results(uninterrupted, monkeypatch):
    path, whole = uninterrupted
    before = (whole / "preset.yaml").read_bytes()
    assert b"results:" in before

    def fail(*_, **__):
        raise FileNotFoundError("There is no data.")

    monkeypatch.setattr(capszoo.data, "load", fail)
    with pytest.raises(FileNotFoundError):
        train(path, epochs=4, output=whole, resume=True, verbose=0)
    assert (whole / "preset.yaml").read_bytes() == before


@pytest.mark.parametrize("name", ["history.csv", "state.json"])
def test_a_record_is_written_whole_or_not_at_all(name, tmp_path):
    folder = RunFolder(tmp_path)
    (tmp_path / name).write_text("before")

    def fail(file):
        file.write("half")
        raise OSError("killed")

    with pytest.raises(OSError, match="killed"):
        folder._write(name, fail)
    assert (tmp_path / name).read_text() == "before"


def test_what_a_killed_beginning_left_counts_as_empty(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.check_new()
    for name in (".lock", "preset.yaml.partial"):
        (folder.path / name).write_text("")
    folder.check_new()
    (folder.path / "notes.txt").write_text("somebody's")
    with pytest.raises(ValueError, match="is not empty"):
        folder.check_new()


def test_two_trainings_do_not_share_a_folder(uninterrupted, tmp_path):
    path, whole = uninterrupted
    run = shutil.copytree(whole, tmp_path / "run")
    before = sorted(os.listdir(run))
    script = HOLDER.format(lock=str(run / ".lock"))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"kept\n"
        with pytest.raises(ValueError, match=r"Another process is writing into '.*run'"):
            train(path, output=run, resume=True, verbose=0)
        holder.kill()
    # The lock of a process that was killed locks nobody out, and stays nowhere.
    train(path, output=run, resume=True, verbose=0)
    assert sorted(os.listdir(run)) == before


def test_a_folder_is_kept_until_the_last_file_is_written(tmp_path, monkeypatch):
    path = write_toy(tmp_path)
    write_into, kept = trainer.write_into, []

    def look(model, preset, folder):
        kept.append((folder / ".lock").exists())
        return write_into(model, preset, folder)

    monkeypatch.setattr(trainer, "write_into", look)
    train(path, epochs=1, output=tmp_path / "run", verbose=0)
    assert kept == [True]
    assert not (tmp_path / "run" / ".lock").exists()


HOLDER = """
import time, filelock
lock = filelock.FileLock({lock!r})
lock.acquire()
print("kept", flush=True)
time.sleep(60)
"""


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")  # the number is meant to be
def test_a_diverged_run_is_no_finished_one(tmp_path):
    path = write_toy(
        tmp_path, training={"epochs": 2, "loss": {"MarginLoss": {"negative_weight": 1e39}}}
    )
    with pytest.raises(RuntimeError, match=r"has diverged: .*loss.* of epoch 1 is not finite"):
        train(path, output=tmp_path / "run", verbose=0)
    # Nothing of it is worth going on from: the folder is free for another.
    assert not (tmp_path / "run" / "preset.yaml").exists()
    assert not (tmp_path / "run" / "report.json").exists()


FULL = """
import resource, sys
import capszoo
from tests.zoo.tiny import tiny_model
model = tiny_model()
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for save in (
    lambda: model.save_to_preset(sys.argv[1] + "/saved"),
    lambda: capszoo.training.train(sys.argv[2], output=sys.argv[1] + "/run", verbose=0),
):
    try:
        save()
    except OSError as error:
        print(error)
print(model.count_params())
"""


@ONCE
def test_a_full_disk_ends_in_an_error_and_the_model_stays(tmp_path):
    path = write_toy(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path), str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    first, second, parameters = done.stdout.splitlines()
    assert "Cannot write" in first
    assert "partial-model.weights.h5" in first
    assert "partial-epoch-1.weights.h5" in second
    assert int(parameters) > 0
    assert not (tmp_path / "saved").exists()
    assert not list((tmp_path / "run").glob("*.h5"))
