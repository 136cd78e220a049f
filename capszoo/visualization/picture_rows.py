"""Rows of pictures: what a model was wrong about, and what it holds to be alike."""

import pathlib

from capszoo.visualization.data_sets import nearest_examples
from capszoo.visualization.data_sets import surprises
from capszoo.visualization.figures import SMALL
from capszoo.visualization.figures import grid_of_axes
from capszoo.visualization.figures import name_of
from capszoo.visualization.figures import new_figure
from capszoo.visualization.figures import show_picture
from capszoo.visualization.pictures import prepared_pictures

_NEIGHBOURS = 5
_MOST_SURPRISES = 10


def draw_surprises(model, x, labels, names=None):
    """Draws the mistakes that a model was surest of.

    Args:
        model: A `capszoo.models.CapsuleClassifier` of pictures.
        x: Pictures, as the model takes them.
        labels: Their integer labels.
        names: Names of the classes. Defaults to `None`, numbers.

    Returns:
        A Matplotlib figure; `None` where there are no mistakes.

    Raises:
        ImportError: If Matplotlib is not installed.
    """
    found = surprises(model, x, labels)[:_MOST_SURPRISES]
    if not len(found):
        return None
    predicted = model.predict(x[found], verbose=0).argmax(axis=-1)
    lines = [
        f"{name_of(truth, names)},\ntaken for {name_of(taken, names)}"
        for truth, taken in zip(labels[found], predicted, strict=True)
    ]
    return draw_rows([prepared_pictures(model, x[found])], [lines], "Mistakes it was surest of")


def draw_neighbours(model, x, titles, others):
    """Draws pictures beside those whose capsule of the class is nearest.

    Args:
        model: A `capszoo.models.CapsuleClassifier` of pictures.
        x: Pictures, as the model takes them.
        titles: What each of them is called.
        others: Pictures among which the nearest are looked for.

    Returns:
        A Matplotlib figure.

    Raises:
        ImportError: If Matplotlib is not installed.
    """
    found = nearest_examples(model, x, others, _NEIGHBOURS)
    near = prepared_pictures(model, others[found.clip(0).ravel()])
    near = near.reshape(*found.shape, *near.shape[1:])
    rows = [
        [one, *(own[place] if there[place] >= 0 else None for place in range(_NEIGHBOURS))]
        for one, own, there in zip(prepared_pictures(model, x), near, found, strict=True)
    ]
    lines = [[pathlib.Path(str(title)).name, *[""] * _NEIGHBOURS] for title in titles]
    heading = "An example, and the training examples nearest to it in pose space"
    return draw_rows(rows, lines, heading)


def draw_rows(rows, titles, heading):
    """Draws rows of pictures, each with a line below.

    Args:
        rows: Rows of pictures, as `prepared_pictures` gives them, or `None` where there is none.
        titles: The lines below, in the same form.
        heading: What stands above.

    Returns:
        A Matplotlib figure.
    """
    columns = max(map(len, rows))
    figure = new_figure(1.0 + SMALL * 1.2 * columns, 0.8 + 1.55 * SMALL * len(rows))
    axes = grid_of_axes(figure, len(rows), columns)
    for row, pictures, lines in zip(axes, rows, titles, strict=True):
        for axis, picture, line in zip(row, pictures, lines, strict=False):
            if picture is not None:
                show_picture(axis, picture)
            axis.set_xlabel(line, fontsize=8)
    figure.suptitle(heading)
    return figure
