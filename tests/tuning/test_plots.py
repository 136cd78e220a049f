"""Plots of a search: what matters is found among trials that can tell, axes have their values."""

import numpy as np
import pytest
from scipy.stats import rankdata

from capszoo.tuning import plots
from capszoo.tuning import space as spaces
from capszoo.tuning.importance import MIN_SETTINGS
from capszoo.tuning.importance import importance
from capszoo.tuning.parallel import NOT_USED
from capszoo.tuning.parallel import draw_parallel
from capszoo.tuning.scales import number_scale
from tests.once import ONCE

pytestmark = ONCE

SPACE = {
    "family": "capsnet",
    "hyperparameters": [
        {"name": "conv_filters", "type": "Choice", "values": [32, 256, 64], "default": 64},
        {"name": "routing", "type": "Choice", "values": ["uniform", "em"], "default": "em"},
        {
            "name": "iterations",
            "type": "Int",
            "min_value": 1,
            "max_value": 4,
            "default": 3,
            "when": {"routing": ["em"]},
        },
        {"name": "decoder", "type": "Boolean", "default": True},
        {
            "name": "learning_rate",
            "type": "Float",
            "min_value": 3e-5,
            "max_value": 1e-2,
            "sampling": "log",
            "default": 1e-3,
        },
        {"name": "momentum", "type": "Float", "min_value": 0, "max_value": 0.9, "default": 0.9},
        {"name": "class_dim", "type": "Fixed", "value": 8},
    ],
}
SETTINGS = {"objective": ["accuracy"], "space": SPACE}


def known_trials(count, **fixed):
    """Trials whose score hangs on the learning rate most, then, with EM, on its iterations."""
    generator = np.random.default_rng(4)
    trials = []
    for number in range(count):
        values = {
            "conv_filters": int(generator.choice([32, 256, 64])),
            "routing": str(generator.choice(["uniform", "em"])),
            "decoder": bool(generator.integers(2)),
            "learning_rate": float(10 ** generator.uniform(-4.5, -2)),
            "momentum": float(generator.uniform(0, 0.9)),
            "class_dim": 8,
        }
        if values["routing"] == "em":
            values["iterations"] = int(generator.integers(1, 5))
        values.update(fixed)
        score = -((np.log10(values["learning_rate"]) + 3) ** 2)
        score += 0.2 * values.get("iterations", 2.5) + 0.05 * generator.normal()
        trials.append({"id": f"{number:03d}", "values": values, "score": score, "epochs": None})
    return trials


def scores_of(trials):
    return np.array([one["score"] for one in trials])


def test_importance_recovers_the_order_of_a_known_surface():
    trials = known_trials(80)
    found = importance(trials, scores_of(trials))
    assert found.reason == ""
    assert list(found.shares)[:2] == ["learning_rate", "iterations"]
    # Noise is a hundredth of the variance: what matters is above chance, nothing else is much.
    assert found.explained > 0.7
    assert all(found.shares[name] > 2 * found.chance for name in ("learning_rate", "iterations"))
    others = [share for name, share in found.shares.items() if name not in list(found.shares)[:2]]
    assert max(others) < 0.1
    assert "class_dim" not in found.shares


def test_a_condition_counts_among_the_trials_that_had_it():
    trials = known_trials(80)
    found = importance(trials, scores_of(trials))
    with_em = sum("iterations" in one["values"] for one in trials)
    assert found.had["iterations"] == with_em < len(trials) == found.had["routing"]
    # Too few trials had it for a share of its own.
    for one in trials[14:]:
        one["values"].pop("iterations", None)
    assert "iterations" not in importance(trials, scores_of(trials)).shares


def test_the_share_of_a_condition_is_one_of_the_trials_that_had_it():
    trials = known_trials(100, learning_rate=1e-3)
    scores = scores_of(trials)
    ranks = rankdata(scores)
    with_em = np.array(["iterations" in one["values"] for one in trials])
    share = importance(trials, scores).shares["iterations"]
    assert share == pytest.approx(ranks[with_em].var() / ranks.var(), rel=0.2)


def test_epochs_that_a_tuner_gave_take_the_credit_that_is_theirs():
    trials = known_trials(60, learning_rate=1e-3)
    for number, one in enumerate(trials):
        one["epochs"] = 3 ** (number % 3)
    found = importance(trials, np.array([float(one["epochs"]) for one in trials]))
    assert next(iter(found.shares)) == "epochs"
    assert found.shares["epochs"] == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    ("count", "repeats", "noise", "reason"),
    [
        (MIN_SETTINGS - 1, 1, 0, f"{MIN_SETTINGS - 1} different settings say nothing sure"),
        # Going on with a trial teaches nothing about other settings.
        (MIN_SETTINGS - 1, 3, 0, f"{MIN_SETTINGS - 1} different settings say nothing sure"),
        (MIN_SETTINGS, 1, 0, ""),
        (MIN_SETTINGS, 3, 1000, "explains 0% of the ranks of trials left out"),
        (MIN_SETTINGS, 1, 1000, "explains 0% of the ranks of trials left out"),
    ],
)
def test_no_importance_where_trials_cannot_tell(count, repeats, noise, reason):
    trials = known_trials(count) * repeats
    # The same in each repetition: a forest that saw one would know the others by heart.
    noises = np.tile(np.random.default_rng(0).normal(size=count), repeats)
    scores = scores_of(trials) + noise * noises
    found = importance(trials, scores)
    assert reason in found.reason
    assert bool(found.reason) == bool(reason)
    assert bool(found.shares) != bool(reason)


def test_a_score_that_never_changes_hangs_on_nothing():
    assert "explains 0%" in importance(known_trials(40), np.ones(40)).reason


def test_a_picture_that_would_mean_nothing_is_not_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "importance.png").touch()  # of an earlier version
    lines = plots.draw(tmp_path, known_trials(5), SETTINGS, [("val_accuracy", "max")])
    assert lines[1].startswith("No importance.png: 5 different settings say nothing sure")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["objective.png", "parallel.png"]
    lines = plots.draw(tmp_path, known_trials(1), SETTINGS, [("val_accuracy", "max")])
    assert lines[2] == "No parallel.png: the finished trials differ in no hyper-parameter."
    lines = plots.draw(tmp_path, known_trials(60), SETTINGS, [("val_accuracy", "max")])
    names = ["objective.png", "importance.png", "parallel.png"]
    assert lines == [str(tmp_path / name) for name in names]
    assert all((tmp_path / name).stat().st_size > 1000 for name in names)


def test_the_plot_of_importance_says_how_many_trials_it_rests_on():
    pytest.importorskip("matplotlib")
    trials = known_trials(60)
    found = importance(trials, scores_of(trials))
    figure = plots.new_figure()
    plots.draw_importance(figure, found, "val_accuracy")
    assert "from 60 trials\n" in figure.get_suptitle()
    assert f"explains {found.explained:.0%}" in figure.get_suptitle()
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels[0] == "learning_rate"
    assert labels[1] == f"iterations ({found.had['iterations']} trials had it)"


def parallel_axes(trials, upwards=True):
    figure = plots.new_figure()
    entries = spaces.validate_space(SPACE, "test").hyperparameters
    draw_parallel(figure, trials, scores_of(trials), entries, label="val_accuracy", upwards=upwards)
    return figure, figure.axes[0]


def test_each_axis_of_the_parallel_plot_has_ticks_of_its_own():
    pytest.importorskip("matplotlib")
    _, axes = parallel_axes(known_trials(12))
    ticks = {}
    for text in axes.texts:
        place, height = text.get_position()
        ticks.setdefault(int(height), {})[text.get_text()] = round(place, 3)
    rows = {text.get_text(): ticks[row] for row, text in enumerate(axes.get_yticklabels())}
    score = rows.pop("val_accuracy")
    assert list(score.values()) == [0, 0.5, 1]
    power = np.log10(1e-4 / 3e-5) / np.log10(1e-2 / 3e-5)
    assert rows == {
        "conv_filters": {"32": 0, "256": 0.5, "64": 1},
        "routing": {"uniform": 0, "em": 1},
        "iterations\nif routing em": {
            "not used": NOT_USED,
            "1": 0,
            "2": round(1 / 3, 3),
            "3": round(2 / 3, 3),
            "4": 1,
        },
        "decoder": {"no": 0, "yes": 1},
        "learning_rate": {
            "3e-5": 0,
            "0.0001": round(power, 3),
            "0.001": round(power + (1 - power) / 2, 3),
            "0.01": 1,
        },
        "momentum": {"0": 0, "0.45": 0.5, "0.9": 1},
    }


@pytest.mark.parametrize("upwards", [True, False])
def test_lines_go_where_the_values_are_and_the_best_lies_on_top(upwards):
    pytest.importorskip("matplotlib")
    trials = known_trials(12)
    figure, axes = parallel_axes(trials, upwards)
    lines = [line for line in axes.lines if len(line.get_ydata()) > 2]
    top = max(lines, key=lambda line: line.get_zorder())
    best = (max if upwards else min)(trials, key=lambda one: one["score"])
    assert len(lines) == 12
    assert f"trial {best['id']}" in top.get_label()
    places = top.get_xdata()
    assert places[0] == [32, 256, 64].index(best["values"]["conv_filters"]) / 2
    iterations = best["values"].get("iterations")
    assert places[2] == pytest.approx(NOT_USED if iterations is None else (iterations - 1) / 3)
    assert places[-1] == (1 if upwards else 0)
    colorbar = figure.axes[1]
    assert colorbar.get_ylabel() == "val_accuracy"


def test_a_tick_keeps_its_distance_from_the_ends():
    scale = number_scale(9e-4, 0.11, log=True)
    assert list(scale.ticks.values()) == ["0.0009", "0.01", "0.11"]
