"""Killed at any moment: a search, a worker, the chief. No finished trial is repeated or lost."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import keras
import pytest

import capszoo
from capszoo.tuning import workers as workers_module
from capszoo.tuning.folder import SearchFolder
from capszoo.tuning.oracles import make_oracle
from capszoo.tuning.workers import command_line
from tests.once import ONCE
from tests.sweeps.signals import session
from tests.tuning.tiny import TINY
from tests.tuning.tiny import search_tiny
from tests.zoo.tiny import toy_data

pytestmark = [
    ONCE,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
ROOT = str(pathlib.Path(capszoo.__file__).parents[1])
PATIENCE = 300


def wait_for(condition, process=None):
    for _ in range(PATIENCE * 10):
        if condition():
            return
        assert process is None or process.poll() is None, "it ended too early"
        time.sleep(0.1)
    raise AssertionError("it took too long")


def state_of(folder):
    try:
        return json.loads((folder / "trials" / "oracle.json").read_text())
    except FileNotFoundError:
        return {"end_order": [], "ongoing_trials": {}}


def tiny_settings(tmp_path):
    return {
        "target": "capsnet",
        "data": str(toy_data(tmp_path)),
        "tuner": "random",
        "trials": 3,
        "epochs": 5,
        "seed": 0,
        "max_parameters": None,
        "objective": ["accuracy"],
        "overrides": TINY,
    }


@pytest.fixture
def in_the_environment(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ROOT)
    monkeypatch.setenv("KERAS_BACKEND", keras.backend.backend())


@pytest.mark.usefixtures("in_the_environment")
def test_a_killed_search_goes_on(tmp_path):
    folder = SearchFolder(tmp_path / "search")
    process = subprocess.Popen(command_line(folder, tiny_settings(tmp_path)))
    try:
        began = folder.trials / "trial_1" / "trial.json"
        wait_for(began.is_file, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert state_of(folder.path)["end_order"] == ["0"]
    first = folder.trials / "trial_0" / "timing.json"
    before = first.stat().st_mtime_ns

    report = search_tiny(tmp_path, trials=3, epochs=5, resume=True)
    assert report["finished"] == 3
    assert first.stat().st_mtime_ns == before
    assert state_of(folder.path)["end_order"] == ["0", "1", "2"]


@pytest.mark.usefixtures("in_the_environment")
def test_a_search_that_is_told_to_end_leaves_no_process(tmp_path):
    folder = SearchFolder(tmp_path / "search")
    settings = {**tiny_settings(tmp_path), "epochs": 10_000}
    process = subprocess.Popen(
        [*command_line(folder, settings), "--workers", "2"],
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    try:
        wait_for(lambda: len(state_of(folder.path)["ongoing_trials"]) == 2, process)
        assert len(session(process.pid)) == 4
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 128 + signal.SIGTERM
        assert session(process.pid) == []
        assert process.stderr.read().endswith("Aborted.\n")
        # And the next search may begin at once.
        with folder.locked():
            pass
    finally:
        for one in session(process.pid):
            os.kill(one, signal.SIGKILL)
        process.stderr.close()


def test_a_trial_that_ended_unheard_of_is_not_repeated(tmp_path):
    search_tiny(tmp_path, trials=2)
    path = tmp_path / "search" / "trials" / "oracle.json"
    state = json.loads(path.read_text())
    # As after a kill between the trial's result and its end, or between writing the trial and
    # writing the oracle; and one that was written before the oracle knew of it.
    state.update(end_order=["0"], start_order=["0", "1"], ongoing_trials={"tuner0": "1"})
    path.write_text(json.dumps(state))
    stray = tmp_path / "search" / "trials" / "trial_2"
    stray.mkdir()
    text = (stray.parent / "trial_1" / "trial.json").read_text()
    stray.joinpath("trial.json").write_text(
        text.replace("COMPLETED", "RUNNING").replace('"trial_id": "1"', '"trial_id": "2"')
    )
    for status in ("COMPLETED", "RUNNING"):
        trial = stray.with_name("trial_1") / "trial.json"
        trial.write_text(text.replace("COMPLETED", status))
        oracle = make_oracle("random", [("val_accuracy", "max")], 2, 1, 0)
        oracle._set_project_dir(str(tmp_path / "search"), "trials")
        oracle.reload()
        assert sorted(oracle.trials) == ["0", "1"]
        assert oracle.end_order == ["0", "1"]
        assert oracle._retry_queue == []
        assert oracle.trials["1"].status == "COMPLETED"
        assert oracle.trials["1"].score is not None


def test_half_written_notes_lose_no_trial(tmp_path):
    search_tiny(tmp_path, trials=1)
    folder = SearchFolder(tmp_path / "search")
    (folder.trials / "trial_0" / "timing.json").write_text("")
    report = search_tiny(tmp_path, trials=2, resume=True)
    assert report["finished"] == 2
    first, second = folder.read_trials()
    assert (first["seconds"], first["score"]) == (None, pytest.approx(first["score"]))
    assert second["seconds"] > 0


def test_a_search_that_never_began_leaves_a_free_folder(tmp_path):
    folder = SearchFolder(tmp_path / "search")
    folder.trials.mkdir(parents=True)
    (folder.path / "search.json.partial").write_text("{")
    folder.begin({"target": "capsnet"}, resume=False)
    with pytest.raises(ValueError, match="holds the search"):
        folder.begin({"target": "capsnet"}, resume=False)
    refused = pytest.raises(ValueError, match="Another process is writing")
    with folder.locked(), refused, folder.locked():
        pass


def test_a_trial_ends_once(tmp_path):
    """The chief is killed before it can answer, and the worker tells the next one again."""

    def chief():
        oracle = make_oracle("random", [("val_accuracy", "max")], 2, 1, 0)
        oracle._set_project_dir(str(tmp_path), "trials")
        oracle.workers_go_on = True
        return oracle

    first = chief()
    first.hyperparameters.Float("rate", 0.0, 1.0)
    trial = first.create_trial("worker-1")
    first.update_trial(trial.trial_id, {"val_accuracy": 0.5})
    trial.status = "COMPLETED"
    first.end_trial(trial)
    assert first.end_order == [trial.trial_id]
    second = chief()
    second.reload()
    second.end_trial(trial)
    assert second.end_order == [trial.trial_id]
    assert second.create_trial("worker-1").trial_id != trial.trial_id


def test_a_worker_that_comes_too_late(tmp_path, monkeypatch):
    """The others did all the trials: the search is over."""
    monkeypatch.setenv("PYTHONPATH", ROOT)
    start = workers_module._start

    def late_start(name, names, command, *arguments):
        if name == "worker-2":
            command = [sys.executable, "-c", f"import time; time.sleep({PATIENCE * 10})"]
        return start(name, names, command, *arguments)

    monkeypatch.setattr(workers_module, "_start", late_start)
    began = time.monotonic()
    report = search_tiny(tmp_path, trials=1, workers=2)
    assert report["finished"] == 1
    assert time.monotonic() - began < PATIENCE


def test_workers_share_a_search_and_survive_being_killed(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ROOT)
    started = {}
    start = workers_module._start

    def recording_start(name, *arguments):
        process = start(name, *arguments)
        started.setdefault(name, []).append(process)
        return process

    monkeypatch.setattr(workers_module, "_start", recording_start)
    folder = tmp_path / "search"
    problems = []

    def kill():
        try:
            wait_for(lambda: len(state_of(folder)["ongoing_trials"]) == 2)
            victim = next(iter(state_of(folder)["ongoing_trials"]))
            os.kill(started[victim][-1].pid, signal.SIGKILL)
            wait_for(lambda: state_of(folder)["end_order"])
            os.kill(started["chief"][-1].pid, signal.SIGKILL)
        except BaseException as problem:
            problems.append(problem)

    killer = threading.Thread(target=kill)
    killer.start()
    report = search_tiny(tmp_path, trials=4, epochs=3, workers=2)
    killer.join()
    assert not problems
    assert report["finished"] == 4
    end_order = state_of(folder)["end_order"]
    assert sorted(end_order) == ["0", "1", "2", "3"]
    assert sorted(map(len, started.values()))[1:] == [2, 2]
    assert {one["status"] for one in report["trials"]} == {"COMPLETED"}
    for one in report["trials"]:
        state = json.loads((folder / "trials" / f"trial_{one['id']}" / "trial.json").read_text())
        (observation,) = state["metrics"]["metrics"]["val_accuracy"]["observations"]
        assert len(observation["value"]) == 1  # of each trial one result was counted


def test_a_process_that_always_dies_ends_the_search(tmp_path, monkeypatch):
    folder = SearchFolder(tmp_path / "search")
    folder.trials.mkdir(parents=True)
    monkeypatch.setattr(workers_module, "MOST_RESTARTS", 1)
    monkeypatch.setattr(
        workers_module, "command_line", lambda *_: ["python3", "-c", "print('oh'); exit(3)"]
    )
    with pytest.raises(RuntimeError, match=r"died too often.*\.log:\noh"):
        workers_module.run_workers(folder, {}, 1)
