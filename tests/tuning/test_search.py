"""A whole search: report, resume, and what is refused before a trial begins."""

import importlib.util
import json
import subprocess
import sys

import pytest

import capszoo
from capszoo import tuning
from capszoo.tuning import folder as folder_module
from tests.once import ONCE
from tests.tuning.tiny import TINY
from tests.tuning.tiny import search_tiny
from tests.zoo.tiny import toy_data

# Keras itself, saving weights on JAX with NumPy 2.
pytestmark = [
    ONCE,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """The folder and report of a search of three trials, one of which is impossible."""
    folder = tmp_path_factory.mktemp("searched")
    lines = []
    report = search_tiny(
        folder,
        trials=3,
        seed=0,  # windows of 9 pixels once, which do not fit, and of 3 twice
        overrides={**TINY, "conv_kernel_size": {"values": [3, 9]}},
        objective=["accuracy", "parameters"],
        progress=lines.append,
    )
    return folder, report, lines


def test_every_trial_is_reported(searched):
    _, report, lines = searched
    assert (report["finished"], report["failed"]) == (2, 1)
    assert len(lines) == 3
    assert lines[0].startswith("Trial 1 of 3 (0): ")
    assert " left." in lines[0]
    assert lines[-1].startswith("Trial 3 of 3 (2): ")
    best = report["trials"][0]
    assert best["score"] == min(one["score"] for one in report["trials"][: report["finished"]])
    cost = best["metrics"]["parameters_cost"] - best["metrics"]["val_accuracy"]
    assert best["score"] == pytest.approx(cost)
    assert best["fit_seconds"] < best["seconds"]
    assert report["pareto"][0]["id"] in [one["id"] for one in report["trials"]]


def test_an_impossible_trial_has_its_reason(searched):
    _, report, lines = searched
    (failed,) = [one for one in report["trials"] if one["status"] == "FAILED"]
    assert "8x8 are too small for these kernel sizes" in failed["failure"]
    assert any("failed: This combination cannot be built" in line for line in lines)


def test_the_best_preset_trains_as_it_is(searched):
    folder, report, _ = searched
    trained = capszoo.training.train(report["best"], output=folder / "run", verbose=0)
    assert trained["parameters"] == report["trials"][0]["metrics"]["parameters"]


def test_plots_and_table_are_written(searched):
    folder, report, _ = searched
    objective, reason, parallel = report["plots"]
    assert reason.startswith("No importance.png: 2 different settings say nothing sure")
    for path, name in ((objective, "objective.png"), (parallel, "parallel.png")):
        assert path == str(folder / "search" / name)
        assert (folder / "search" / name).stat().st_size > 1000
    lines = (folder / "search" / "trials.csv").read_text().splitlines()
    assert len(lines) == 4


def test_resume_repeats_no_finished_trial(tmp_path):
    search_tiny(tmp_path, trials=1)
    times = tmp_path / "search" / "trials" / "trial_0" / "timing.json"
    before = times.stat().st_mtime_ns
    with pytest.raises(ValueError, match=r"holds the search of 'capsnet'.*'random'.*--resume"):
        search_tiny(tmp_path, trials=1)
    with pytest.raises(ValueError, match=r"another search.*epochs: there 1, asked for 2"):
        search_tiny(tmp_path, trials=1, epochs=2, resume=True)
    report = search_tiny(tmp_path, trials=2, resume=True)
    assert report["finished"] == 2
    assert times.stat().st_mtime_ns == before


def test_hyperband_goes_on_with_the_weights_of_a_trial(tmp_path, monkeypatch):
    began = []
    fit = tuning.CapsuleHyperModel.fit

    def recording_fit(self, hp, model, *arguments, **kwargs):
        began.append((kwargs["initial_epoch"], int(model.optimizer.iterations)))
        return fit(self, hp, model, *arguments, **kwargs)

    monkeypatch.setattr(tuning.CapsuleHyperModel, "fit", recording_fit)
    report = search_tiny(
        tmp_path,
        tuner="hyperband",
        trials=4,
        epochs=3,
        overrides={**TINY, "schedule": "cosine"},
    )
    assert report["finished"] == 4
    # Nine steps an epoch: the optimizer goes on where it was.
    assert began == [(0, 0), (0, 0), (0, 0), (1, 9)]
    assert [one["epochs"] for one in sorted(report["trials"], key=lambda one: one["id"])] == [
        1,
        1,
        1,
        3,
    ]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_bayesian_search_models_what_it_knows(tmp_path):
    assert search_tiny(tmp_path, tuner="bayesian", trials=3)["finished"] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": "capsnett"}, "Unknown family or preset 'capsnett'. Did you mean 'capsnet'"),
        ({"data": "digit"}, "Unknown data set 'digit'. Did you mean 'digits'"),
        ({"data": None}, "which data to search on"),
        ({"tuner": "hyperbnd"}, "'hyperbnd'. Did you mean 'hyperband'"),
        ({"objective": "acuracy"}, "Unknown objective 'acuracy'. Did you mean 'accuracy'"),
        ({"objective": []}, "one objective or several"),
        ({"overrides": {"batchsize": 2}}, "'batchsize'. Did you mean 'batch_size'"),
        ({"overrides": {"learning_rate": {"min_value": 1.0}}}, "upside down"),
        ({"trials": 0}, "trials=0"),
        ({"epochs": 0}, "epochs=0"),
        ({"workers": -1}, "workers=-1"),
    ],
)
def test_bad_input_is_refused_before_a_folder_is_made(arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        search_tiny(tmp_path, **arguments)
    assert not (tmp_path / "search").exists()


def test_a_space_file_with_an_unknown_key_is_refused(tmp_path):
    space = tmp_path / "mine.yaml"
    space.write_text("family: capsnet\nhyperparameter: []\n")
    with pytest.raises(ValueError, match=r"(?s)mine\.yaml.*Did you mean 'hyperparameters'"):
        search_tiny(tmp_path, space=space)


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "mine.txt").touch()
    for resume in (False, True):
        with pytest.raises(ValueError, match="is not empty"):
            search_tiny(tmp_path, resume=resume)


def test_a_worker_without_a_chief_gives_up(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_module, "SECONDS_TO_WAIT", 1)
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker-1")
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "1")
    with pytest.raises(RuntimeError, match="No chief has begun"):
        search_tiny(tmp_path)


def test_without_matplotlib_the_pip_line_stands_in_for_the_plots(monkeypatch, tmp_path):
    find = tuning.plots.importlib.util.find_spec
    monkeypatch.setattr(
        tuning.plots.importlib.util,
        "find_spec",
        lambda name: None if name == "matplotlib" else find(name),
    )
    settings = {"objective": ["accuracy"]}
    assert tuning.plots.draw(tmp_path, [], settings, []) == [tuning.plots.ADVICE]
    assert "pip install" in tuning.plots.ADVICE


def test_without_keras_tuner_the_pip_line_is_said(monkeypatch):
    find = importlib.util.find_spec
    for missing in ("keras_tuner", "six"):
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name, missing=missing: None if name == missing else find(name),
        )
        with pytest.raises(ImportError, match=rf'{missing}: pip install "capszoo\[tuner\]"'):
            _ = tuning.CapsuleHyperModel


def test_the_package_does_not_import_keras_tuner():
    code = "import sys, capszoo, capszoo.cli; print(json.dumps('keras_tuner' in sys.modules))"
    run = [sys.executable, "-c", f"import json; {code}"]
    assert json.loads(subprocess.run(run, capture_output=True, check=True).stdout) is False


def test_search_of_a_preset(tmp_path):
    toy_data(tmp_path)
    report = search_tiny(tmp_path, target="capsnet_digits", trials=1)
    best = capszoo.zoo.read_preset(report["best"])
    assert best.name == "capsnet_digits_toy_tuned"
    assert best.model["class_dim"] == 4
