"""What a model makes of a whole data set: confusions, surprises, the space of its poses."""

import numpy as np
import sklearn.decomposition
import sklearn.metrics
import sklearn.neighbors

from capszoo.visualization.figures import name_of
from capszoo.visualization.figures import new_figure

_MOST_NAMES_ON_AXIS = 40


def confusion(model, x, labels, batch_size: int = 32) -> np.ndarray:
    """Counts which classes are taken for which.

    Args:
        model: A `capszoo.models.CapsuleClassifier` of two classes or more.
        x: Examples, as the model takes them.
        labels: Their integer labels.
        batch_size: How many are computed at a time. Defaults to `32`.

    Returns:
        Integer array `(classes, classes)`: rows are the truth, columns what was predicted.

    Raises:
        ValueError: If labels are not one integer for each example.

    Example:

    >>> model = capszoo.load("capsnet_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> counts = capszoo.visualization.confusion(model, images, labels)
    >>> counts.shape, int(counts.sum())
    ((10, 10), 360)
    """
    labels = _integer_labels(x, labels)
    predicted = model.predict(x, batch_size=batch_size, verbose=0).argmax(axis=-1)
    return sklearn.metrics.confusion_matrix(labels, predicted, labels=range(model.num_classes))


def draw_confusion(counts, names=None):
    """Draws a matrix of confusions, mistakes alone in colour.

    Args:
        counts: What `confusion` gives.
        names: Names of the classes. Defaults to `None`, numbers.

    Returns:
        A Matplotlib figure.

    Raises:
        ImportError: If Matplotlib is not installed.

    Example:

    >>> figure = capszoo.visualization.draw_confusion(np.array([[9, 1], [0, 10]]))
    """
    classes = len(counts)
    mistakes = counts * (1 - np.eye(classes, dtype=counts.dtype))
    side = min(max(5.0, 1.5 + 0.5 * classes), 12.0)
    figure = new_figure(side, side)
    axis = figure.subplots()
    # A few mistakes are to look like a few, and their numbers are to be read.
    axis.imshow(mistakes, cmap="Oranges", vmin=0, vmax=2 * max(int(mistakes.max()), 5))
    if classes <= _MOST_NAMES_ON_AXIS:
        shown = [name_of(number, names) for number in range(classes)]
        axis.set_xticks(range(classes), shown, rotation=45, ha="right", rotation_mode="anchor")
        axis.set_yticks(range(classes), shown)
        for (row, column), count in np.ndenumerate(counts):
            if count:
                weight = "bold" if row == column else None
                axis.text(column, row, count, ha="center", va="center", fontsize=8, weight=weight)
    axis.set_xlabel("predicted")
    axis.set_ylabel("truth")
    right, total = int(np.trace(counts)), int(counts.sum())
    axis.set_title(f"{right} of {total} right ({100 * right / max(total, 1):.2f} %)")
    return figure


def winning_poses(model, x, batch_size: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Computes the pose of each example's best class.

    Args:
        model: A `capszoo.models.CapsuleClassifier`.
        x: Examples, as the model takes them.
        batch_size: How many are computed at a time. Defaults to `32`.

    Returns:
        Poses `(n, pose_dim)` and the classes `(n,)`.

    Example:

    >>> model = capszoo.load("capsnet_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> poses, classes = capszoo.visualization.winning_poses(model, images[:5])
    >>> poses.shape, classes.tolist() == labels[:5].tolist()
    ((5, 16), True)
    """
    classes = model.predict(x, batch_size=batch_size, verbose=0).argmax(axis=-1)
    poses = model.encode(x, batch_size)
    return poses[np.arange(len(classes)), classes], classes


def draw_pose_map(model, x, labels, names=None, batch_size: int = 32):
    """Draws the poses of the class capsules of a data set in the plane in which they vary most.

    Args:
        model: A `capszoo.models.CapsuleClassifier`.
        x: Examples, as the model takes them.
        labels: Their integer labels.
        names: Names of the classes. Defaults to `None`, numbers.
        batch_size: How many are computed at a time. Defaults to `32`.

    Returns:
        A Matplotlib figure: a point for each example in the colour of its class, and a cross on
        those that are taken for another.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If there are fewer than three examples, or labels do not fit.

    Example:

    >>> model = capszoo.load("capsnet_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> figure = capszoo.visualization.draw_pose_map(model, images, labels)
    """
    labels = _integer_labels(x, labels)
    if len(labels) < 3:
        raise ValueError(f"A map of poses needs three examples or more. Received: {len(labels)}")
    poses = model.encode(x, batch_size)
    predicted = model.predict(x, batch_size=batch_size, verbose=0).argmax(axis=-1)
    # All capsules of an example beside each other: the absent ones are short, near the middle.
    reduction = sklearn.decomposition.PCA(2, random_state=0)
    plane = reduction.fit_transform(poses.reshape(len(poses), -1))
    figure = new_figure(9.0, 6.5)
    axis = figure.subplots()
    colours = _colours(model.num_classes)
    for number in range(model.num_classes):
        own = labels == number
        name = name_of(number, names)
        axis.scatter(*plane[own].T, s=9, color=colours[number], label=name)
    wrong = predicted != labels
    if wrong.any():
        axis.scatter(*plane[wrong].T, s=40, marker="x", color="black", label="mistaken", lw=1)
    if model.num_classes <= _MOST_NAMES_ON_AXIS:
        figure.legend(loc="outside right upper", fontsize=8, markerscale=2)
    shares = 100 * reduction.explained_variance_ratio_
    axis.set_xlabel(f"first principal component ({shares[0]:.0f} % of the variance)")
    axis.set_ylabel(f"second ({shares[1]:.0f} %)")
    axis.set_title("Poses of the class capsules, an example each")
    return figure


def nearest_examples(model, x, others, number: int = 5, batch_size: int = 32) -> np.ndarray:
    """Finds the examples whose winning poses are nearest, among those of the same class.

    Args:
        model: A `capszoo.models.CapsuleClassifier`.
        x: Examples, as the model takes them.
        others: Examples to look among, as of training.
        number: How many of them. Defaults to `5`.
        batch_size: How many are computed at a time. Defaults to `32`.

    Returns:
        Integer array `(n, number)` of places in `others`, the nearest first; -1 where there are
        no more that are taken for the class.

    Example:

    >>> model = capszoo.load("capsnet_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> found = capszoo.visualization.nearest_examples(model, images[:2], images, number=3)
    >>> found[:, 0].tolist()  # itself
    [0, 1]
    """
    poses, classes = winning_poses(model, x, batch_size)
    known, of_known = winning_poses(model, others, batch_size)
    found = np.full((len(poses), number), -1)
    for one in np.unique(classes):
        (rows,) = np.nonzero(classes == one)
        (there,) = np.nonzero(of_known == one)
        if len(there):
            count = min(number, len(there))
            search = sklearn.neighbors.NearestNeighbors(n_neighbors=count).fit(known[there])
            found[rows, :count] = there[search.kneighbors(poses[rows], return_distance=False)]
    return found


def surprises(model, x, labels, batch_size: int = 32) -> np.ndarray:
    """Finds the mistakes, those first that the model was surest of.

    Args:
        model: A `capszoo.models.CapsuleClassifier` of two classes or more.
        x: Examples, as the model takes them.
        labels: Their integer labels.
        batch_size: How many are computed at a time. Defaults to `32`.

    Returns:
        Integers: places of the mistakes, by how far the score of the predicted class is above
        that of the true one.

    Example:

    >>> model = capszoo.load("capsnet_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> found = capszoo.visualization.surprises(model, images, labels)
    >>> len(found) < 10
    True
    """
    labels = _integer_labels(x, labels)
    scores = model.predict(x, batch_size=batch_size, verbose=0)
    margin = scores.max(axis=-1) - scores[np.arange(len(labels)), labels]
    order = np.argsort(-margin, kind="stable")
    return order[scores.argmax(axis=-1)[order] != labels[order]]


def _colours(number):
    """Colours that can be told apart, as many as there are classes."""
    import matplotlib

    if number <= 10:
        return [matplotlib.colormaps["tab10"](one) for one in range(number)]
    return [matplotlib.colormaps["turbo"](one / max(number - 1, 1)) for one in range(number)]


def _integer_labels(x, labels):
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or len(labels) != len(x):
        raise ValueError(
            f"Expected `labels` to be one integer for each of {len(x)} examples. Received: "
            f"an array of shape {labels.shape} and {labels.dtype}"
        )
    return labels
