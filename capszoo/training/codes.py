"""What codes that were learnt without labels say of classes: a linear probe, and clusters."""

import os

import numpy as np

from capszoo.models import CapsuleModel
from capszoo.zoo import Preset

# More change a figure by less than its standard error, and take minutes.
MOST_CODES = 10_000


def probe_accuracy(train, test) -> float:
    """Measures how well a linear classifier tells the classes of codes.

    Logistic regression is fitted to the training codes, each number brought to mean 0 and
    deviation 1, and asked for the classes of the others.

    Args:
        train: Pair of codes `(n, size)` and labels `(n,)`.
        test: Pair of codes and labels that the classifier does not see before.

    Returns:
        The share of the test codes whose class it tells.

    Example:

    >>> images, labels = capszoo.data.load("digits")
    >>> codes = images.reshape(len(images), -1) / 255
    >>> accuracy = capszoo.training.codes.probe_accuracy(
    ...     (codes[:800], labels[:800]), (codes[800:], labels[800:])
    ... )
    >>> accuracy > 0.9
    True
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return float(probe.fit(*train).score(*test))


def clustering_accuracy(codes, labels, seed: int = 0) -> float:
    """Measures how well clusters of codes, found without labels, are the classes.

    k-means finds as many clusters as there are classes; each is then called by a class of its
    own, in the way that calls most codes right (the assignment problem).

    Args:
        codes: Array `(n, size)`.
        labels: Array `(n,)` of integers.
        seed: Seed of the ten starts of k-means. Defaults to `0`.

    Returns:
        The share of codes that are called by their class.

    Example:

    >>> codes = np.array([[0.0], [0.1], [5.0], [5.1], [5.2]])
    >>> capszoo.training.codes.clustering_accuracy(codes, np.array([7, 7, 3, 3, 7]))
    0.8
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.cluster import KMeans

    classes, labels = np.unique(labels, return_inverse=True)
    number = min(len(classes), len(np.unique(codes, axis=0)))
    found = KMeans(number, n_init=10, random_state=seed).fit_predict(codes)
    counts = np.zeros((number, len(classes)), int)
    np.add.at(counts, (found, labels), 1)
    matched = linear_sum_assignment(counts, maximize=True)
    return float(counts[matched].sum() / len(labels))


def measure_codes(
    preset: Preset, model: CapsuleModel, data_dir: str | os.PathLike | None = None
) -> dict[str, float]:
    """Measures what a model's codes of test examples say of their classes.

    The model has seen no labels; the linear probe sees those of training examples.

    Args:
        preset: A `Preset` of a task without labels, with a `data` section.
        model: Its trained model, which takes examples as its body sees them.
        data_dir: Folder of the data sets; see `capszoo.data.load`. Defaults to `None`.

    Returns:
        Dictionary of `probe_accuracy` and `clustering_accuracy`, from at most 10,000 examples of
        each split; empty where examples have no classes, or all of a split the same. Without the
        probe where no class of the test is one of training, as where they are persons.
    """
    content, splits = preset.data.model_dump(), {}
    if content.get("crop"):
        return {}
    for split in ("train", "test"):
        x, y = model.input_end.load(content, split, data_dir, model.example_shape, True)
        if y.ndim != 1 or len(np.unique(y)) < 2:
            return {}
        x, y = x[:MOST_CODES], y[:MOST_CODES]
        splits[split] = model.codes(x), y
    found = {}
    if np.isin(splits["test"][1], splits["train"][1]).any():
        found["probe_accuracy"] = probe_accuracy(splits["train"], splits["test"])
    return {**found, "clustering_accuracy": clustering_accuracy(*splits["test"])}
