"""What a network that learns without labels makes of an example: anew, as a code and in parts."""

import math

import numpy as np

from capszoo.visualization.figures import SMALL
from capszoo.visualization.figures import grid_of_axes
from capszoo.visualization.figures import new_figure
from capszoo.visualization.figures import show_picture

_COLUMNS = 8
_CORNERS = np.array([[-1, 1, 1, -1, -1], [-1, -1, 1, 1, -1], [1, 1, 1, 1, 1]])
# A part that is less present is drawn without its frame on the picture.
_PRESENT = 0.1


def why_no_parts(model) -> str | None:
    """Says why a model draws no parts; `None` where it does.

    Args:
        model: A `capszoo.models.CapsuleModel`.

    Returns:
        The reason.

    Example:

    >>> capszoo.visualization.why_no_parts(capszoo.models.CapsNet((20, 20, 1)))
    'it does not reconstruct pictures'
    """
    if model.task != "reconstruction" or len(model.example_shape) != 3:
        return "it does not reconstruct pictures"
    return None if model.draws_parts else "it has no capsules that each draw a part"


def draw_reconstruction(model, example):
    """Draws an example beside what the network makes of it.

    Args:
        model: A `capszoo.models.CapsuleAutoencoder`.
        example: One picture or volume, as the model takes it, without the batch axis.

    Returns:
        A Matplotlib figure: the example and what was made of it, of a volume a column for the
        slice in the middle of each axis.

    Raises:
        ImportError: If Matplotlib is not installed.

    Example:

    >>> model = capszoo.load("sparse_capsnet_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> figure = capszoo.visualization.draw_reconstruction(model, images[0])
    """
    examples = np.asarray(example)[None]
    target = model.predict_output("targets", examples)[0].astype("float32")
    made = model.reconstruct(examples)[0]
    rows, titles = [[target], [made]], [""]
    if target.ndim == 4:
        rows = [
            [np.take(one, size // 2, axis) for axis, size in enumerate(target.shape[:3])]
            for one in (target, made)
        ]
        titles = [
            f"slice {size // 2} across\naxis {axis + 1}"
            for axis, size in enumerate(target.shape[:3])
        ]
        # Volumes have no scale of their own: grey runs over what most voxels hold.
        low, high = np.percentile(target, (0.5, 99.5))
        rows = [[(one - low) / max(high - low, 1e-12) for one in row] for row in rows]
    figure = new_figure(1.6 + 2.2 * len(titles), 5.2)
    axes = grid_of_axes(figure, 2, len(titles))
    for of_row, row, label in zip(axes, rows, ("example", "made of it"), strict=True):
        of_row[0].set_ylabel(label)
        for axis, one in zip(of_row, row, strict=True):
            show_picture(axis, one)
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=9)
    figure.suptitle(f"Mean squared error {np.mean((target - made) ** 2):.4f}", fontsize=10)
    return figure


def draw_code(model, example):
    """Draws what the capsules hold of an example.

    Args:
        model: A `capszoo.models.CapsuleAutoencoder`.
        example: One example, as the model takes it, without the batch axis.

    Returns:
        A Matplotlib figure: a row for each capsule, a column for each number of its pose; of
        capsules on a map, that of the position in the middle.

    Raises:
        ImportError: If Matplotlib is not installed.

    Example:

    >>> model = capszoo.load("sparse_capsnet_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> figure = capszoo.visualization.draw_code(model, images[0])
    """
    poses = model.encode(np.asarray(example)[None])[0]
    where = ""
    while poses.ndim > 2:
        poses, where = poses[len(poses) // 2], " in the middle"
    size = max(float(np.abs(poses).max()), 1e-12)
    figure = new_figure(2.2 + 0.3 * poses.shape[1], 1.4 + 0.24 * len(poses))
    axis = figure.subplots()
    drawn = axis.imshow(poses, cmap="RdBu_r", vmin=-size, vmax=size, aspect="auto")
    axis.set_ylabel(f"capsule{where}")
    axis.set_xlabel("number of its pose")
    figure.colorbar(drawn, ax=axis)
    return figure


def draw_parts(model, image):
    """Draws a picture, what the network makes of it and what each part capsule drew.

    Where parts have places, the frames of their templates are drawn on the picture.

    Args:
        model: A `capszoo.models.CapsuleAutoencoder` whose capsules draw parts.
        image: One picture, as the model takes it, without the batch axis.

    Returns:
        A Matplotlib figure: the two pictures, then the parts that are present in the order of
        their presence, with the number of the capsule and how present it is.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If the model draws no parts.

    Example:

    >>> model = capszoo.load("sparse_capsnet_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> figure = capszoo.visualization.draw_parts(model, images[0])
    """
    reason = why_no_parts(model)
    if reason:
        raise ValueError(f"Model '{model.name}' draws no parts: {reason}.")
    images = np.asarray(image)[None]
    target = model.predict_output("targets", images)[0]
    pictures, presence, places = (
        None if one is None else one[0] for one in model.parts(images)[:3]
    )
    order = np.argsort(-presence, kind="stable")
    order = order[presence[order] > 0]
    rows = math.ceil((2 + len(order)) / _COLUMNS)
    figure = new_figure(0.4 + SMALL * _COLUMNS, 0.6 + 1.35 * SMALL * rows)
    axes = grid_of_axes(figure, rows, _COLUMNS).ravel()
    show_picture(axes[0], target)
    axes[0].set_xlabel("picture", fontsize=8)
    show_picture(axes[1], model.reconstruct(images)[0])
    axes[1].set_xlabel("made of it", fontsize=8)
    for axis, number in zip(axes[2:], order, strict=False):
        show_picture(axis, pictures[number])
        axis.set_xlabel(f"capsule {number}\n{presence[number]:.2f}", fontsize=8)
        if places is not None and presence[number] > _PRESENT:
            _draw_frame(axes[0], places[number], target.shape)
    return figure


def drawings_of(model, example) -> list[tuple]:
    """Lists what a page shows of an example and a model that reconstructs.

    Args:
        model: A `capszoo.models.CapsuleAutoencoder`.
        example: One example, as the model takes it, without the batch axis.

    Returns:
        For each drawing a name, a title, what to see in it, a function that draws it, and why
        there is none, or `None`.
    """
    return [
        (
            "reconstruction",
            "Reconstruction",
            "The example, and below it what the network makes of its code; of a volume slices in "
            "the middle.",
            lambda: draw_reconstruction(model, example),
            None,
        ),
        (
            "code",
            "Code",
            "What the capsules hold of the example: each row is one capsule.",
            lambda: draw_code(model, example),
            None,
        ),
        (
            "parts",
            "Parts",
            "What each capsule that is present drew, the most present first.",
            lambda: draw_parts(model, example),
            why_no_parts(model),
        ),
    ]


def _draw_frame(axis, place, shape):
    """Draws where the square of a template lies on a picture, which reaches from -1 to 1."""
    from matplotlib.lines import Line2D

    x, y = place @ _CORNERS
    height, width = shape[:2]
    # What reaches out of the picture is cut off there.
    axis.add_line(
        Line2D((x + 1) / 2 * width, (y + 1) / 2 * height, linewidth=0.8, color="tab:orange")
    )
