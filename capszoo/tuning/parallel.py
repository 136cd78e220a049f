"""The parallel coordinates of a search: every trial a line through the values it had."""

import textwrap

import numpy as np

from capszoo.tuning.scales import names_scale
from capszoo.tuning.scales import number_scale
from capszoo.tuning.scales import scale_of
from capszoo.tuning.schema import Fixed

# Where trials stand that did not have a hyper-parameter: left of its axis, from 0 to 1.
NOT_USED = -0.12


def draw_parallel(figure, trials, scores, entries, *, label, upwards, first=()):
    """Draws trials as lines from the top to the bottom, an axis in each row, the score the last.

    Each axis has ticks of its own. A trial that a hyper-parameter did not count for goes left of
    its axis, past "not used". The best trials lie on top.

    Args:
        figure: A matplotlib figure; its height is set.
        trials: Finished trials.
        scores: Their scores.
        entries: Entries of the search space.
        label: What the score is.
        upwards: Whether a higher score is better.
        first: Names of the hyper-parameters that stand at the top. Defaults to `()`, the order
            of the search space.
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap
    from matplotlib.colors import Normalize

    rows = _rows(trials, entries, first)
    rows.append((label, number_scale(scores.min(), scores.max()), list(scores)))
    figure.set_size_inches(10, 1.5 + 0.62 * len(rows))
    axes = figure.add_subplot()
    axes.set(xlim=(NOT_USED - 0.06, 1.04), ylim=(len(rows) - 0.4, -0.4), xticks=[])
    axes.set_yticks(range(len(rows)), [name for name, *_ in rows])
    axes.tick_params(left=False)
    axes.spines[:].set_visible(False)
    for row, (_, scale, values) in enumerate(rows):
        _draw_axis(axes, row, scale, None in values)

    # The worst quarter shares a color: one trial that learnt nothing would else take them all.
    clip = np.quantile(scores, 0.25 if upwards else 0.75)
    ends = (clip, scores.max()) if upwards else (scores.min(), clip)
    # The better, the darker; the palest tenth cannot be seen on white.
    shades = colormaps["viridis"](np.linspace(0, 0.9, 256))
    shades = ListedColormap(shades[::-1] if upwards else shades)
    colors = ScalarMappable(Normalize(*ends), shades)
    order = np.argsort(scores if upwards else -scores, kind="stable")
    best = order[-1]
    for rank, index in enumerate(order):
        places = [
            NOT_USED if values[index] is None else scale.position(values[index])
            for _, scale, values in rows
        ]
        is_best = index == best
        axes.plot(
            places,
            range(len(rows)),
            color=colors.to_rgba(scores[index]),
            linewidth=3 if is_best else 1.2,
            alpha=1 if is_best else 0.75,
            marker="o",
            markersize=7 if is_best else 3,
            zorder=2 + rank / len(order),
            label=f"best: trial {trials[index]['id']}, {label} {scores[index]:.4g}"
            if is_best
            else None,
        )
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), frameon=False)
    axes.set_title(f"{len(trials)} finished trials", loc="left")
    figure.colorbar(
        colors, ax=axes, label=label, extend="min" if upwards else "max", aspect=40, pad=0.01
    )


def _rows(trials, entries, first):
    """Name, axis and values of what varied; `None` where a trial had no value."""
    rows = {}
    for entry in entries:
        values = [one["values"].get(entry.name) for one in trials]
        if not isinstance(entry, Fixed) and len(set(values)) > 1:
            rows[entry.name] = (_title(entry), scale_of(entry), values)
    epochs = [one.get("epochs") for one in trials]
    if len(set(epochs)) > 1:
        rows["epochs"] = ("epochs", names_scale(sorted(set(epochs) - {None})), epochs)
    order = [name for name in first if name in rows]
    return [rows[name] for name in [*order, *(name for name in rows if name not in order)]]


def _title(entry):
    """The name of a hyper-parameter, and below it when it counts."""
    words = {True: "yes", False: "no"}
    conditions = [
        f"{parent} {' or '.join(words[one] if isinstance(one, bool) else str(one) for one in of)}"
        for parent, of in entry.when.items()
    ]
    if not conditions:
        return entry.name
    return "\n".join([entry.name, *textwrap.wrap(f"if {' and '.join(conditions)}", 28)])


def _draw_axis(axes, row, scale, is_missing):
    """Draws the axis of one row with its ticks."""
    axes.plot([0, 1], [row, row], color="0.6", linewidth=1, zorder=1)
    ticks = {scale.position(value): text for value, text in scale.ticks.items()}
    if is_missing:
        ticks[NOT_USED] = "not used"
    for place, text in ticks.items():
        axes.plot([place, place], [row, row + 0.12], color="0.4", linewidth=1, zorder=1)
        axes.text(
            place,
            row + 0.16,
            text,
            ha="center",
            va="top",
            fontsize=9,
            color="0.45" if place == NOT_USED else "0.1",
            style="italic" if place == NOT_USED else "normal",
            zorder=4,
            bbox={"boxstyle": "square,pad=0.1", "color": "white", "alpha": 0.8, "linewidth": 0},
        )
