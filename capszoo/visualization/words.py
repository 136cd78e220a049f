"""Which words of a text voted for its class."""

import numpy as np

from capszoo.visualization.figures import INK
from capszoo.visualization.figures import new_figure


def draw_words(texts, words, classes):
    """Draws, for each text, how much each of its words gave the class.

    Args:
        texts: The texts.
        words: For each the pairs of a word and its share, as `TextCapsNet.words` gives them.
        classes: For each the name of its class.

    Returns:
        A Matplotlib figure: a row for each text, a bar for each word.

    Raises:
        ImportError: If Matplotlib is not installed.

    Example:

    >>> shares = [("who", 0.7), ("wrote", 0.2), ("hamlet", 0.1)]
    >>> figure = capszoo.visualization.draw_words(["Who wrote Hamlet?"], [shares], ["human"])
    """
    figure = new_figure(10.0, 0.6 + 1.9 * len(texts))
    axes = figure.subplots(len(texts), 1, squeeze=False)[:, 0]
    for axis, text, own, name in zip(axes, texts, words, classes, strict=True):
        shares = np.array([share for _, share in own])
        axis.bar(range(len(own)), shares, color=INK)
        axis.set_xticks(range(len(own)), [word for word, _ in own], rotation=30, ha="right")
        axis.set_ylabel("share of\nthe votes")
        axis.set_title(f"{name}: {text if len(text) < 90 else text[:87] + '...'}", loc="left")
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    return figure
