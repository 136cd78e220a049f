"""Plots of a search: objective over trials, importance of hyper-parameters, coordinates."""

import importlib.util

import numpy as np

ADVICE = 'Plots need matplotlib: pip install "capszoo[plots]"'


def draw(folder, finished, settings, metrics):
    """Draws the plots of a search as PNG files.

    Args:
        folder: `pathlib.Path` of the search.
        finished: Its finished trials.
        settings: What it was asked for.
        metrics: Pairs of a metric and its direction: the objectives.

    Returns:
        List of paths; without matplotlib the line that installs it.
    """
    if importlib.util.find_spec("matplotlib") is None:
        return [ADVICE]
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    label = metrics[0][0] if len(metrics) == 1 else "sum of objectives"
    trials = sorted(finished, key=lambda one: one["id"])
    scores = np.array([one["score"] for one in trials])
    upwards = [direction for _, direction in metrics] == ["max"]
    drawings = {
        "objective": lambda axes: _objective(axes, scores, label, upwards),
        "importance": lambda axes: _importance(axes, trials, scores),
        "parallel": lambda axes: _parallel(axes, trials, scores, label),
    }
    paths = []
    for name, drawing in drawings.items():
        figure = Figure(figsize=(12 if name == "parallel" else 7, 5), layout="constrained")
        FigureCanvasAgg(figure)
        drawing(figure.add_subplot())
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=120)
        paths.append(str(path))
    return paths


def importance(trials, scores):
    """The share of the variance of the scores that each hyper-parameter explains alone.

    Trials are put into groups of one value (of a number with many values, into four of equal
    size); the share is the variance between the groups over the whole, the correlation ratio.
    With few trials it is a hint at best.

    Args:
        trials: Finished trials.
        scores: Their scores.

    Returns:
        Maps the name of each hyper-parameter that varied to a number from 0 to 1, the largest
        first.

    Example:

    >>> trials = [{"values": {"width": width}} for width in (1, 1, 2, 2)]
    >>> capszoo.tuning.plots.importance(trials, np.array([0.0, 0.0, 1.0, 1.0]))
    {'width': 1.0}
    """
    found = {}
    for name in sorted({name for one in trials for name in one["values"]}):
        groups = _groups([one["values"].get(name) for one in trials])
        if len(set(groups)) > 1 and scores.var() > 0:
            parts = [scores[groups == group] for group in set(groups)]
            between = sum(len(part) * (part.mean() - scores.mean()) ** 2 for part in parts)
            found[name] = float(between / (len(scores) * scores.var()))
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _groups(values):
    """A group for each value; `None` is where a hyper-parameter did not count."""
    numbers = [one for one in values if isinstance(one, float)]
    if len(set(numbers)) > 4:
        edges = np.quantile(numbers, [0.25, 0.5, 0.75])
        values = [None if one is None else int(np.searchsorted(edges, one)) for one in values]
    return np.array([str(one) for one in values])


def _objective(axes, scores, label, upwards):
    best = np.maximum.accumulate(scores) if upwards else np.minimum.accumulate(scores)
    axes.plot(np.arange(1, len(scores) + 1), scores, "o", label="trial")
    axes.plot(np.arange(1, len(scores) + 1), best, drawstyle="steps-post", label="best so far")
    axes.set(xlabel="finished trial", ylabel=label)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()


def _importance(axes, trials, scores):
    found = importance(trials, scores)
    axes.barh(list(found)[::-1], list(found.values())[::-1])
    axes.set(xlim=(0, 1), xlabel="share of the objective's variance, by itself")


def _parallel(axes, trials, scores, label):
    names = list(importance(trials, scores))[:10]
    span = np.ptp(scores) or 1.0
    for trial, score in zip(trials, scores, strict=True):
        heights = [_height(name, trial, trials) for name in names]
        color = _color((score - scores.min()) / span)
        axes.plot(range(len(names) + 1), [*heights, (score - scores.min()) / span], color=color)
    axes.set_xticks(range(len(names) + 1), [*names, label], rotation=30, ha="right")
    axes.set_yticks([0, 1], ["lowest", "highest"])


def _height(name, trial, trials):
    """Where a value stands among those of its hyper-parameter, from 0 to 1; below: none."""
    values = sorted({one["values"][name] for one in trials if name in one["values"]})
    value = trial["values"].get(name)
    if value is None:
        return -0.1
    return values.index(value) / max(len(values) - 1, 1)


def _color(share):
    """From grey for the lowest score to blue for the highest."""
    return (0.8 - 0.7 * share, 0.8 - 0.45 * share, 0.8)
