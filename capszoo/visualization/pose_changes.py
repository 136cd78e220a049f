"""What the numbers of a class capsule's pose mean: change one at a time and decode."""

import numpy as np

from capszoo.visualization.figures import SMALL
from capszoo.visualization.figures import grid_of_axes
from capszoo.visualization.figures import name_of
from capszoo.visualization.figures import new_figure
from capszoo.visualization.figures import show_picture
from capszoo.visualization.pictures import check_pictures
from capszoo.visualization.reconstructions import decode
from capszoo.visualization.reconstructions import one_class_each
from capszoo.visualization.reconstructions import why_no_reconstructions

CHANGES = tuple(np.linspace(-0.25, 0.25, 11).round(2).tolist())
# So many numbers of a pose are drawn, those that change the picture most.
_MOST_NUMBERS = 16


def change_pose(model, image, number_of_class=None, changes=CHANGES) -> np.ndarray:
    """Decodes a picture's class capsule with one number of its pose changed at a time.

    Args:
        model: A `capszoo.models.CapsuleClassifier` with a decoder.
        image: One picture, as the model takes it, without the batch axis.
        number_of_class: Which class. Defaults to `None`, the one with the highest score.
        changes: What is added to a number. Defaults to -0.25 to 0.25 by 0.05.

    Returns:
        Array `(pose_dim, len(changes), height, width, channels)`.

    Raises:
        ValueError: If the model has no decoder, or the class is unknown.

    Example:

    >>> model = capszoo.load("capsnet_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> capszoo.visualization.change_pose(model, images[0], changes=[-0.2, 0, 0.2]).shape
    (16, 3, 8, 8, 1)
    """
    reason = why_no_reconstructions(model)
    if reason:
        raise ValueError(f"Model '{model.name}' reconstructs nothing: {reason}.")
    images = np.asarray(image)[None]
    check_pictures(model, images)
    if number_of_class is None:
        number_of_class = int(model.predict(images, verbose=0)[0].argmax())
    if not 0 <= number_of_class < model.num_classes:
        raise ValueError(
            f"Expected `number_of_class` from 0 to {model.num_classes - 1}. "
            f"Received: {number_of_class}"
        )
    poses = one_class_each(model.encode(images), [number_of_class])
    pose_dim = poses.shape[-1]
    changed = np.tile(poses, (pose_dim, len(changes), 1, 1))
    for number in range(pose_dim):
        changed[number, :, number_of_class, number] += changes
    decoded = decode(model, changed.reshape(-1, *poses.shape[1:]))
    return decoded.reshape(pose_dim, len(changes), *decoded.shape[1:])


def draw_pose_changes(model, image, number_of_class=None, names=None, changes=CHANGES):
    """Draws what a picture's class capsule decodes to while its numbers change.

    Args:
        model: A `capszoo.models.CapsuleClassifier` with a decoder.
        image: One picture, as the model takes it, without the batch axis.
        number_of_class: Which class. Defaults to `None`, the one with the highest score.
        names: Names of the classes. Defaults to `None`, numbers.
        changes: What is added to a number. Defaults to -0.25 to 0.25 by 0.05.

    Returns:
        A Matplotlib figure: a row for each number of the pose, at most the 16 that change the
        picture most, and a column for each change.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If the model has no decoder, or the class is unknown.

    Example:

    >>> model = capszoo.load("capsnet_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> figure = capszoo.visualization.draw_pose_changes(model, images[0], changes=[-0.2, 0, 0.2])
    """
    if number_of_class is None:
        scores = model.predict(np.asarray(image)[None], verbose=0)[0]
        number_of_class = int(scores.argmax())
    decoded = change_pose(model, image, number_of_class, changes)
    spread = np.square(decoded - decoded.mean(axis=1, keepdims=True)).sum(axis=(1, 2, 3, 4))
    shown = np.sort(np.argsort(-spread)[:_MOST_NUMBERS])
    figure = new_figure(1.4 + 0.75 * SMALL * len(changes), 1.0 + 0.75 * SMALL * len(shown))
    axes = grid_of_axes(figure, len(shown), len(changes))
    for row, number in zip(axes, shown, strict=True):
        row[0].set_ylabel(f"pose[{number}]", rotation=0, ha="right", va="center")
        for axis, picture in zip(row, decoded[number], strict=True):
            show_picture(axis, picture)
    for axis, change in zip(axes[0], changes, strict=True):
        axis.set_title(f"{change:+.2f}" if change else "as it is", fontsize=9)
    name = name_of(number_of_class, names)
    figure.suptitle(f"The capsule of {name}: one number of its pose changed at a time, decoded")
    return figure
