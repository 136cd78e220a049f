"""The learning curve of a run, small enough to lie beside its preset."""

import csv
import io
import math
import os
import pathlib

from PIL import Image

from capszoo.models.measure import Measure
from capszoo.visualization.figures import ACCENT
from capszoo.visualization.figures import INK
from capszoo.visualization.figures import new_figure

# In inches, of 120 pixels: 480x300.
_WIDTH, _HEIGHT = 4.0, 2.5
# Of two lines on white with their smoothed edges; more of them would not be seen.
_COLOURS = 16


def learning_curve(history: str | os.PathLike, measure: Measure) -> bytes:
    """Draws a measure over the epochs of a run, of training and of validation examples.

    A ring marks the best epoch on validation examples, among equals that of the lowest loss.

    Args:
        history: The `history.csv` of a run folder.
        measure: What its task is judged by.

    Returns:
        The bytes of a PNG file of 480x300 pixels with 16 colours, less than 15 kB.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If the file has no epoch, or nothing of the measure on validation examples.

    Example:

    >>> _ = pathlib.Path("history.csv").write_text(
    ...     "epoch,accuracy,loss,val_accuracy,val_loss\\n1,0.5,0.4,0.6,0.3\\n2,0.7,0.2,0.9,0.1\\n"
    ... )
    >>> accuracy = capszoo.models.CapsNet.measures[0]
    >>> from capszoo.visualization.learning_curves import learning_curve
    >>> learning_curve("history.csv", accuracy)[:4]
    b'\\x89PNG'
    """
    rows, ours = _read(history), f"val_{measure.name}"
    if not rows or ours not in rows[0]:
        raise ValueError(f"Expected epochs with a column {ours!r} in {str(history)!r}.")
    sign = 1 if measure.direction == "max" else -1
    best = max(rows, key=lambda row: (sign * row[ours], -row.get("val_loss", 0.0)))
    # Shares of examples stand in percent, as everywhere.
    scale = 100 if measure.of_examples else 1
    figure = new_figure(_WIDTH, _HEIGHT)
    axes = figure.add_subplot()
    epochs = [row["epoch"] for row in rows]
    for name, key, colour in (("training", measure.name, ACCENT), ("validation", ours, INK)):
        if all(key in row for row in rows):
            axes.plot(epochs, [scale * row[key] for row in rows], ".-", color=colour, label=name)
    axes.plot(
        best["epoch"], scale * best[ours], "o", ms=9, mfc="none", color=INK, label="best epoch"
    )
    unit = " in %" if measure.of_examples else ""
    axes.set(xlabel="epoch", ylabel=f"{measure.name.replace('_', ' ')}{unit}")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return _small_png(figure)


def _read(path):
    with open(pathlib.Path(path), encoding="utf-8", newline="") as file:
        rows = [
            {key: float(value) for key, value in row.items() if key and value}
            for row in csv.DictReader(file)
        ]
    return [row for row in rows if all(map(math.isfinite, row.values()))]


def _small_png(figure):
    """A figure as a PNG file with a palette."""
    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png")
    with Image.open(drawn) as picture:
        picture.convert("RGB").quantize(_COLOURS).save(small, format="png", optimize=True)
    return small.getvalue()
