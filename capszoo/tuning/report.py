"""What a search found: the best trials, the best for each size, `best.yaml`, `trials.csv`."""

import csv
import io
import pathlib
import re

import keras_tuner

from capszoo.files import write_text
from capszoo.models import get_family
from capszoo.tuning import plots
from capszoo.tuning.objectives import metrics_of
from capszoo.zoo.presets import write_preset


def write_report(folder, hypermodel, settings, train_images):
    """Writes `best.yaml`, `trials.csv` and the plots of a search.

    Args:
        folder: The `SearchFolder`.
        hypermodel: The `CapsuleHyperModel` that was searched.
        settings: What the search was asked for.
        train_images: How many training images there are.

    Returns:
        A dictionary: `folder`, `trials` (as `SearchFolder.read_trials` gives them, the finished
        ones first, the best at the top), `finished`, `failed`, `measure` (the name of the
        task's first), `pareto` (the trials no other one beats in both that and parameters),
        `best` (path of the preset, or `None`) and `plots` (see `capszoo.tuning.plots.draw`).
    """
    trials = folder.read_trials()
    measures = get_family(hypermodel.family).measures
    objectives = metrics_of(settings["objective"], measures)
    finished = rank([one for one in trials if one["status"] == "COMPLETED"], objectives)
    failed = [one for one in trials if one["status"] == "FAILED"]
    report = {
        "folder": str(folder.path),
        "trials": finished + [one for one in trials if one not in finished],
        "finished": len(finished),
        "failed": len(failed),
        "measure": measures[0].name,
        "pareto": pareto(finished, measures[0]),
        "best": None,
        "plots": [],
    }
    if finished:
        hp = keras_tuner.HyperParameters()
        hp.values = dict(finished[0]["values"])
        words = [pathlib.Path(settings[key]).stem for key in ("target", "data")]
        name = re.sub(r"[^a-z0-9]+", "_", "_".join(words).lower())
        preset = hypermodel.preset(
            hp,
            name=f"{name.strip('_')}_tuned",
            data=settings["data"],
            epochs=settings["epochs"],
            train_images=train_images,
        )
        description = f"Best of {len(finished)} trials ({settings['tuner']})"
        path = folder.path / "best.yaml"
        write_preset(preset.model_copy(update={"description": description}), path)
        report["best"] = str(path)
        _write_csv(report["trials"], folder.path / "trials.csv")
        report["plots"] = plots.draw(folder.path, finished, settings, objectives)
    return report


def rank(finished, objectives):
    """Sorts finished trials, the best first.

    Args:
        finished: Trials with a score.
        objectives: Pairs of a metric and its direction; of several, the sum is minimized.

    Returns:
        List of trials.
    """
    upwards = [direction for _, direction in objectives] == ["max"]
    return sorted(finished, key=lambda one: -one["score"] if upwards else one["score"])


def pareto(finished, measure):
    """The trials that no other one beats in both a measure of validation and parameters.

    Args:
        finished: Trials with metrics.
        measure: The `Measure`.

    Returns:
        List of trials, the smallest model first.

    Example:

    >>> accuracy = capszoo.models.CapsNet.measures[0]
    >>> trials = [
    ...     {"id": number, "metrics": {"val_accuracy": accuracy, "parameters": parameters}}
    ...     for number, accuracy, parameters in [(0, 0.9, 50), (1, 0.8, 60), (2, 0.95, 90)]
    ... ]
    >>> [trial["id"] for trial in capszoo.tuning.report.pareto(trials, accuracy)]
    [0, 2]
    """
    key, sign = f"val_{measure.name}", 1 if measure.direction == "max" else -1
    front = []
    by_size = sorted(
        finished, key=lambda one: (one["metrics"]["parameters"], -sign * one["metrics"][key])
    )
    for trial in by_size:
        if not front or measure.better(trial["metrics"][key], front[-1]["metrics"][key]):
            front.append(trial)
    return front


def _write_csv(trials, path):
    names = sorted({name for one in trials for name in one["values"]})
    metrics = sorted({name for one in trials for name in one["metrics"]})
    plain = ["id", "status", "score", "epochs", "seconds", "fit_seconds"]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*plain, *metrics, *names, "failure"])
    writer.writeheader()
    for one in trials:
        row = {key: one[key] for key in plain}
        reason = one["failure"].partition("\n")[0]
        writer.writerow({**row, **one["metrics"], **one["values"], "failure": reason})
    write_text(path, text.getvalue())
