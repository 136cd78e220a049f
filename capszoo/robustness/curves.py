"""Measured accuracies as curves over the strength, and reliability diagrams."""

import math
import textwrap
from collections.abc import Sequence

import numpy as np

from capszoo.robustness.adversarial import UNIT as ATTACK_UNIT
from capszoo.robustness.calibration import Reliability
from capszoo.robustness.distortions import DISTORTIONS
from capszoo.robustness.measured import Measured
from capszoo.visualization.figures import new_figure

_COLUMNS = 4
# One look for each network, in their order; told apart without colours too.
_LOOKS = (
    ("#3b528b", "-", "o"),
    ("#d95f02", "--", "s"),
    ("#1b9e77", "-.", "^"),
    ("#7570b3", ":", "D"),
    ("#666666", "-", "v"),
    ("#e7298a", "--", "P"),
)


def draw_curves(rows: Sequence[Measured]):
    """Draws the accuracy over the strength of each distortion, with one standard error.

    Args:
        rows: What `measure_distortions` or `measure_attacks` gave.

    Returns:
        A Matplotlib figure.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If there is nothing to draw.
    """
    checks = list(dict.fromkeys(row.check for row in rows if row.strength))
    if not checks:
        raise ValueError("Expected figures of distortions of some strength. Received: none")
    networks = list(dict.fromkeys(row.network for row in rows))
    count = math.ceil(len(checks) / _COLUMNS)
    figure = new_figure(10.0, 0.7 + 2.3 * count)
    axes = figure.subplots(count, min(_COLUMNS, len(checks)), squeeze=False, sharey=True)
    for axis, check in zip(axes.flat, checks, strict=False):
        for number, network in enumerate(networks):
            own = [row for row in rows if row.network == network and row.check in (check, "none")]
            own.sort(key=lambda row: row.strength)
            strength = [row.strength for row in own]
            value, error = (
                100 * np.array([getattr(row, key) for row in own])
                for key in ("value", "standard_error")
            )
            colour, line, marker = _LOOKS[number % len(_LOOKS)]
            axis.plot(strength, value, color=colour, ls=line, marker=marker, ms=3, label=network)
            axis.fill_between(strength, value - error, value + error, color=colour, alpha=0.2, lw=0)
        axis.set_title(check, fontsize=10)
        axis.set_xticks(range(6))
        amounts = {row.strength: row.amount for row in rows if row.check == check}
        axis.set_xticklabels(["0", *(amounts.get(one, "") for one in range(1, 6))], fontsize=7)
        unit = DISTORTIONS[check].unit if check in DISTORTIONS else ATTACK_UNIT
        axis.set_xlabel(textwrap.fill(unit, 36), fontsize=7)
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(checks) :]:
        axis.set_axis_off()
    for axis in axes[:, 0]:
        axis.set_ylabel("accuracy, %", fontsize=8)
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def draw_reliability(diagrams: dict[str, dict[str, Reliability]]):
    """Draws how often answers are right over how sure the networks are of them.

    Args:
        diagrams: For each network its `Reliability`, by the way of calibration.

    Returns:
        A Matplotlib figure: a row for each network, a column for each way.

    Raises:
        ImportError: If Matplotlib is not installed.
    """
    ways = list(next(iter(diagrams.values())))
    figure = new_figure(3.0 * len(ways), 3.0 * len(diagrams))
    axes = figure.subplots(len(diagrams), len(ways), squeeze=False, sharex=True, sharey=True)
    for row, (network, found) in zip(axes, diagrams.items(), strict=True):
        for axis, (way, one) in zip(row, found.items(), strict=True):
            axis.plot([0, 1], [0, 1], color="0.6", lw=1)
            sizes = 8 + 120 * one.counts / one.counts.sum()
            axis.scatter(one.confidence, one.accuracy, s=sizes, color=_LOOKS[0][0])
            axis.set_title(f"{network}\n{way}: ECE {one.error:.3f}", fontsize=8)
            axis.grid(alpha=0.3)
        row[0].set_ylabel("share that is right", fontsize=8)
    for axis in axes[-1]:
        axis.set_xlabel("confidence (area: how many)", fontsize=8)
    return figure
