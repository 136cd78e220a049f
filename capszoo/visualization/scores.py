"""The scores of all classes."""

import numpy as np

from capszoo.visualization.figures import ACCENT
from capszoo.visualization.figures import INK
from capszoo.visualization.figures import name_of
from capszoo.visualization.figures import new_figure

_MOST_BARS = 20


def draw_scores(scores, names=None):
    """Draws the scores of one example.

    Args:
        scores: Array `(classes,)`.
        names: Names of the classes. Defaults to `None`, numbers.

    Returns:
        A Matplotlib figure: a bar for each class in their order; of more than 20 classes for
        those with the highest scores.

    Raises:
        ImportError: If Matplotlib is not installed.

    Example:

    >>> figure = capszoo.visualization.draw_scores(np.array([0.1, 0.9]), ["cat", "dog"])
    """
    scores = np.asarray(scores, dtype="float64")
    shown = np.arange(len(scores))
    if len(scores) > _MOST_BARS:
        shown = np.argsort(-scores)[:_MOST_BARS]
    figure = new_figure(8.0, 0.9 + 0.26 * len(shown))
    axis = figure.subplots()
    colours = [ACCENT if number == scores.argmax() else INK for number in shown]
    bars = axis.barh(range(len(shown)), scores[shown], color=colours)
    axis.bar_label(bars, fmt="%.3f", padding=3, fontsize=8)
    axis.set_yticks(range(len(shown)), [name_of(number, names) for number in shown])
    axis.invert_yaxis()
    axis.margins(x=0.12)
    axis.set_xlabel("score")
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    return figure
