"""Which part each pixel of several pictures is of, as a network tells it that learnt no labels."""

import numpy as np

from capszoo.visualization.figures import SMALL
from capszoo.visualization.figures import grid_of_axes
from capszoo.visualization.figures import new_figure
from capszoo.visualization.figures import show_picture
from capszoo.visualization.parts import why_no_parts


def draw_part_masks(model, images):
    """Draws pictures, what the network makes of them and in colour which part each pixel is of.

    Args:
        model: A `capszoo.models.CapsuleAutoencoder` whose parts share a picture out.
        images: Pictures as the model takes them, at least one.

    Returns:
        A Matplotlib figure: a column for each picture; where the family has subparts, they stand
        below the parts.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If the parts of the model have no masks, or there is no picture.

    Example:

    >>> model = capszoo.load("face_parts_capsnet_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> figure = capszoo.visualization.draw_part_masks(model, images[:5])
    """
    images = np.asarray(images)
    if not len(images):
        raise ValueError(f"Expected at least one picture. Received: shape {images.shape}")
    reason = why_no_parts(model)
    found = None if reason else model.parts(images)
    if found is None or found.masks is None:
        reason = reason or "its parts do not share a picture out"
        raise ValueError(f"Model '{model.name}' draws no masks of parts: {reason}.")
    rows = {"parts": found.masks}
    if hasattr(model, "subparts"):
        rows["subparts"] = model.subparts(images).masks
    targets = model.predict_output("targets", images)
    made = model.reconstruct(images)
    figure = new_figure(0.5 + SMALL * len(images), 0.2 + SMALL * (2 + len(rows)))
    axes = grid_of_axes(figure, 2 + len(rows), len(images))
    for axis, label in zip(axes[:, 0], ("picture", "made of it", *rows), strict=True):
        axis.set_ylabel(label, fontsize=8)
    for column, (target, one) in enumerate(zip(targets, made, strict=True)):
        show_picture(axes[0, column], target)
        show_picture(axes[1, column], one)
        grey = np.clip(target.mean(axis=-1), 0, 1)
        for axis, masks in zip(axes[2:, column], rows.values(), strict=True):
            labels = masks[column].argmax(axis=0)
            axis.imshow(_coloured(grey, labels))
    return figure


def _coloured(grey, labels):
    """Lays the colour of a part over each pixel; after twenty parts colours come again."""
    import matplotlib

    colours = np.array(matplotlib.colormaps["tab20"].colors)
    # Neighbours in number are neighbours on the picture: their colours are to be unlike.
    order = np.r_[0:20:2, 1:20:2]
    return 0.5 * grey[..., None] + 0.5 * colours[order][labels % len(order)]
