"""Figures of one look that need no screen."""

import importlib.util

import numpy as np

ADVICE = 'Plots need matplotlib: pip install "capszoo[plots]"'
INK, ACCENT, GREY = "#3b528b", "#d95f02", "0.75"
# Of one picture in a row of small ones, in inches.
SMALL = 1.15


def check_matplotlib() -> None:
    """Raises `ImportError`, with the line that installs it, unless Matplotlib is there."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError(ADVICE)


def new_figure(width: float = 10.0, height: float = 5.0):
    """An empty Matplotlib figure that needs no screen.

    Args:
        width: In inches, of 120 pixels. Defaults to `10`, 1,200 pixels.
        height: In inches. Defaults to `5`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: If Matplotlib is not installed.

    Example:

    >>> capszoo.visualization.figures.new_figure(4, 2).get_size_inches().tolist()
    [4.0, 2.0]
    """
    check_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def grid_of_axes(figure, rows: int, columns: int):
    """Fills a figure with axes without frames.

    Args:
        figure: A Matplotlib figure.
        rows: How many rows.
        columns: How many columns.

    Returns:
        Array of axes, `(rows, columns)`.
    """
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
        for spine in axis.spines.values():
            spine.set_visible(False)
    return axes


def show_picture(axis, picture) -> None:
    """Draws a picture with the pixels that it has.

    Args:
        axis: A Matplotlib axis.
        picture: Array `(height, width, channels)`, numbers between 0 and 1, or 0 and 255 of
            integers. Of other than 1 or 3 channels the first is drawn.
    """
    picture = np.asarray(picture)
    if picture.dtype.kind in "iu":
        picture = picture / 255
    colours = picture.shape[-1] == 3
    picture = np.clip(picture if colours else picture[..., 0], 0, 1)
    height, width = picture.shape[:2]
    axis.imshow(
        picture,
        cmap=None if colours else "gray",
        vmin=0,
        vmax=1,
        extent=(0, width, height, 0),
        interpolation="nearest",
    )


def draw_outline(axis, picture) -> None:
    """Draws the line between the dark and the bright of a picture, on top of something else.

    Args:
        axis: A Matplotlib axis.
        picture: Array `(height, width, channels)`.
    """
    grey = np.asarray(picture, dtype="float64").mean(axis=-1)
    if grey.min() < grey.max() and min(grey.shape) > 1:
        rows, columns = (np.arange(size) + 0.5 for size in grey.shape)
        middle = (grey.min() + grey.max()) / 2
        axis.contour(columns, rows, grey, [middle], colors="white", linewidths=1.2)


def name_of(number: int, names=None) -> str:
    """The name of a class: its own, or `class` with its number.

    Args:
        number: Which class.
        names: Names of the classes. Defaults to `None`, there are none.

    Returns:
        A string.

    Raises:
        ValueError: If there are fewer names.

    Example:

    >>> capszoo.visualization.figures.name_of(1, ["cat", "dog"])
    'dog'
    """
    if names is None:
        return f"class {number}"
    if number >= len(names):
        raise ValueError(
            f"Expected a name for each class. Received: {len(names)} names, none for {number}"
        )
    return str(names[number])
