"""What a network answers to pictures, and whether that is right."""

import numpy as np

from capszoo.visualization.pictures import check_pictures


def check_classifier(model, images, labels) -> None:
    """Raises `ValueError` unless a model classifies and takes the pictures and their labels."""
    if getattr(model, "task", None) != "classification":
        raise ValueError(
            "Expected a model that classifies pictures. Received: model "
            f"{getattr(model, 'name', model)!r} for the task {getattr(model, 'task', None)!r}"
        )
    check_pictures(model, images)
    model.check_data(model.to_arrays(images), labels)


def are_right(model, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Says of each picture whether the classes with the highest scores are those of the label.

    Args:
        model: What gave the scores; of a single class its `score_threshold` counts.
        scores: Array `(n, classes)`.
        labels: Integers `(n,)`, or `(n, classes)` with 1 for each class that is there: all of
            them must be found.

    Returns:
        Boolean array `(n,)`.
    """
    labels = np.asarray(labels)
    if scores.shape[1] == 1:
        return (scores[:, 0] > model.score_threshold) == labels.reshape(-1).astype(bool)
    if labels.ndim == 1:
        return scores.argmax(axis=-1) == labels
    return share_found(scores, labels) == 1


def share_found(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Computes which share of a picture's objects is among as many highest scores.

    Args:
        scores: Array `(n, classes)`.
        labels: Array `(n, classes)`, 1 for each class that is there.

    Returns:
        Array `(n,)`: of two digits 0, 0.5 or 1. Its mean is what some report as accuracy; that
        both are found, the stricter, is where it is 1.

    Example:

    >>> scores, labels = np.array([[0.9, 0.1, 0.8]]), np.array([[1, 1, 0]])
    >>> capszoo.robustness.share_found(scores, labels).tolist()
    [0.5]
    """
    ranks = np.argsort(np.argsort(-scores, axis=-1, kind="stable"), axis=-1)
    there = np.asarray(labels) > 0
    count = there.sum(axis=-1, keepdims=True)
    return ((ranks < count) & there).sum(axis=-1) / np.maximum(count[:, 0], 1)
