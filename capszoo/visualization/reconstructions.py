"""What a decoder makes of the capsules of one class or another."""

import keras
import numpy as np

from capszoo.visualization.figures import SMALL
from capszoo.visualization.figures import grid_of_axes
from capszoo.visualization.figures import name_of
from capszoo.visualization.figures import new_figure
from capszoo.visualization.figures import show_picture
from capszoo.visualization.pictures import check_pictures
from capszoo.visualization.pictures import prepared_pictures


def why_no_reconstructions(model) -> str | None:
    """Says why a model cannot reconstruct; `None` where it can.

    Args:
        model: A `capszoo.models.CapsuleModel`.

    Returns:
        The reason.

    Example:

    >>> model = capszoo.models.CapsNet((20, 20, 1), decoder=None)
    >>> capszoo.visualization.why_no_reconstructions(model)
    'it has no decoder'
    """
    if model.task != "classification" or len(model.example_shape) != 3:
        return "it does not classify pictures"
    return "it has no decoder" if model.decoder is None else None


def decode_classes(model, images, classes, batch_size: int = 32) -> np.ndarray:
    """Decodes the capsule of a chosen class of each picture, whatever its score.

    Args:
        model: A `capszoo.models.CapsuleClassifier` with a decoder.
        images: Pictures, as the model takes them, `n` of them.
        classes: Which class of each, integers `(n,)`.
        batch_size: How many pictures are computed at a time. Defaults to `32`.

    Returns:
        Array `(n, height, width, channels)`, pixel values between 0 and 1.

    Raises:
        ValueError: If the model has no decoder, or a class is unknown.

    Example:

    >>> model = capszoo.load("capsnet_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> capszoo.visualization.decode_classes(model, images[:2], [3, 8]).shape
    (2, 8, 8, 1)
    """
    reason = why_no_reconstructions(model)
    if reason:
        raise ValueError(f"Model '{model.name}' reconstructs nothing: {reason}.")
    check_pictures(model, images)
    classes = np.asarray(classes)
    if classes.shape != (len(images),) or not np.isin(classes, range(model.num_classes)).all():
        raise ValueError(
            f"Expected `classes` to be an integer from 0 to {model.num_classes - 1} for each of "
            f"the {len(images)} images. Received: {classes.tolist()}"
        )
    poses = model.encode(images, batch_size)
    return decode(model, one_class_each(poses, classes), batch_size)


def one_class_each(poses: np.ndarray, classes) -> np.ndarray:
    """Sets the poses of all classes to zero but one of each example.

    Args:
        poses: Array `(n, classes, pose_dim)`.
        classes: Which class stays of each, integers `(n,)`.

    Returns:
        Array of the same shape.

    Example:

    >>> poses = np.ones((1, 3, 1))
    >>> capszoo.visualization.reconstructions.one_class_each(poses, [2])[0, :, 0].tolist()
    [0.0, 0.0, 1.0]
    """
    kept = np.zeros_like(poses)
    rows = np.arange(len(poses))
    kept[rows, classes] = poses[rows, classes]
    return kept


def decode(model, poses: np.ndarray, batch_size: int = 32) -> np.ndarray:
    """Decodes poses of class capsules.

    Args:
        model: A `capszoo.models.CapsuleClassifier` with a decoder.
        poses: Array `(n, classes, pose_dim)`; those of classes that are not meant are zeros.
        batch_size: How many are computed at a time. Defaults to `32`.

    Returns:
        Array `(n, height, width, channels)`.
    """
    parts = [
        keras.ops.convert_to_numpy(model.decoder(poses[start : start + batch_size], training=False))
        for start in range(0, len(poses), batch_size)
    ]
    return np.concatenate(parts).astype("float32")


def draw_reconstructions(model, images, names=None):
    """Draws pictures beside what the decoder makes of their best and second best class.

    The capsule of a class that is not there decodes to what the network would have had to see.

    Args:
        model: A `capszoo.models.CapsuleClassifier` with a decoder.
        images: Pictures, as the model takes them; the first ten are drawn.
        names: Names of the classes. Defaults to `None`, numbers.

    Returns:
        A Matplotlib figure: a column for each picture.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If the model has no decoder.

    Example:

    >>> model = capszoo.load("capsnet_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> figure = capszoo.visualization.draw_reconstructions(model, images[:4])
    """
    images = images[:10]
    pictures = prepared_pictures(model, images)
    scores = model.predict(images, verbose=0)
    best = np.argsort(-scores, axis=-1)[:, : min(2, scores.shape[1])]
    figure = new_figure(1.6 + SMALL * max(len(images), 3), 0.7 + 1.35 * SMALL * 3)
    axes = grid_of_axes(figure, 1 + best.shape[1], len(images))
    for axis, picture in zip(axes[0], pictures, strict=True):
        show_picture(axis, picture)
    axes[0, 0].set_ylabel("picture")
    for rank, label in enumerate(("best class", "second best")[: best.shape[1]]):
        classes = best[:, rank]
        decoded = decode_classes(model, images, classes)
        axes[1 + rank, 0].set_ylabel(f"decoded from\n{label}")
        for axis, one, number, own in zip(axes[1 + rank], decoded, classes, scores, strict=True):
            show_picture(axis, one)
            axis.set_xlabel(f"{name_of(number, names)}\n{own[number]:.2f}")
    figure.suptitle("What the capsules of the two best classes decode to, with their scores")
    return figure
