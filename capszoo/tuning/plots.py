"""Plots of a search: objective over trials, importance of hyper-parameters, coordinates."""

import importlib.util

import numpy as np

from capszoo.tuning.importance import importance
from capszoo.tuning.parallel import draw_parallel
from capszoo.tuning.space import validate_space
from capszoo.visualization.figures import ADVICE
from capszoo.visualization.figures import GREY
from capszoo.visualization.figures import INK
from capszoo.visualization.figures import new_figure

_MOST_BARS = 12


def draw(folder, finished, settings, metrics):
    """Draws the plots of a search as PNG files.

    Args:
        folder: `pathlib.Path` of the search.
        finished: Its finished trials.
        settings: What it was asked for.
        metrics: Pairs of a metric and its direction: the objectives.

    Returns:
        List of paths, with a line that says why in the place of a plot that would mean nothing;
        without matplotlib the line that installs it.
    """
    if importlib.util.find_spec("matplotlib") is None:
        return [ADVICE]

    label = metrics[0][0] if len(metrics) == 1 else "sum of objectives"
    trials = sorted(finished, key=lambda one: one["id"])
    scores = np.array([one["score"] for one in trials])
    upwards = [direction for _, direction in metrics] == ["max"]
    entries = validate_space(settings["space"], "search.json").hyperparameters
    found = importance(trials, scores)
    reasons = {"importance": found.reason}
    if all(one["values"] == trials[0]["values"] for one in trials):
        reasons["parallel"] = "the finished trials differ in no hyper-parameter"
    drawings = {
        "objective": lambda figure: draw_objective(figure, scores, label, upwards),
        "importance": lambda figure: draw_importance(figure, found, label),
        "parallel": lambda figure: draw_parallel(
            figure, trials, scores, entries, label=label, upwards=upwards, first=list(found.shares)
        ),
    }
    lines = []
    for name, drawing in drawings.items():
        path = folder / f"{name}.png"
        if reasons.get(name):
            # A picture of an earlier version would contradict the line.
            path.unlink(missing_ok=True)
            lines.append(f"No {path.name}: {reasons[name]}.")
            continue
        figure = new_figure()
        drawing(figure)
        figure.savefig(path, dpi=120)
        lines.append(str(path))
    return lines


def draw_objective(figure, scores, label, upwards):
    """Draws the score of each trial, and the best so far.

    Args:
        figure: A matplotlib figure.
        scores: Scores of the trials in their order.
        label: What the score is.
        upwards: Whether a higher score is better.
    """
    axes = figure.add_subplot()
    best = np.maximum.accumulate(scores) if upwards else np.minimum.accumulate(scores)
    numbers = np.arange(1, len(scores) + 1)
    axes.plot(numbers, scores, "o", color=INK, alpha=0.7, label="trial")
    axes.plot(numbers, best, drawstyle="steps-post", color="#d95f02", label="best so far")
    axes.set(xlabel="finished trial", ylabel=label)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlim(0.5, len(scores) + 0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend()


def draw_importance(figure, found, label):
    """Draws a bar for each hyper-parameter; grey are those that may matter by chance alone.

    Args:
        figure: A matplotlib figure.
        found: An `Importance` without a reason against it.
        label: What the score is.
    """
    from matplotlib.patches import Patch

    shown = list(found.shares)[:_MOST_BARS]
    figure.set_size_inches(10, 2 + 0.3 * len(shown))
    axes = figure.add_subplot()
    names = [
        name if found.had[name] == found.trials else f"{name} ({found.had[name]} trials had it)"
        for name in shown
    ]
    shares = np.array([found.shares[name] for name in shown])
    colors = [INK if share > found.chance else GREY for share in shares]
    bars = axes.barh(names, shares.clip(min=0), color=colors)
    axes.bar_label(bars, [f"{max(share, 0):.0%}" for share in shares], padding=3)
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.set_xlim(0, 1.15 * max(*shares, 0.05))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.spines[["top", "right"]].set_visible(False)
    more = len(found.shares) - len(shown)
    others = f"\n{more} more have smaller shares" if more else ""
    axes.set_xlabel("share of the variance of the ranks, among the trials that had it" + others)
    rests = f"{found.trials} trials"
    if found.settings < found.trials:
        rests += f" of {found.settings} settings"
    figure.suptitle(
        f"What the rank by {label} depends on, from {rests}\n"
        f"A random forest explains {found.explained:.0%} of the ranks of trials left out"
    )
    patches = [Patch(color=INK, label="likely matters"), Patch(color=GREY, label="may be chance")]
    axes.legend(handles=patches, loc="lower right")
