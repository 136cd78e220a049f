"""How much networks get right of distorted pictures."""

from collections.abc import Sequence

import numpy as np

from capszoo.robustness.answers import are_right
from capszoo.robustness.answers import check_classifier
from capszoo.robustness.answers import share_found
from capszoo.robustness.distortion import LEVELS
from capszoo.robustness.distortions import DISTORTIONS
from capszoo.robustness.distortions import distort
from capszoo.robustness.measured import Measured
from capszoo.robustness.subjects import Subject
from capszoo.validation import check_choice


def measure_distortions(
    subjects: Sequence[Subject],
    images: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str] | None = None,
    seed: int = 0,
    batch_size: int = 100,
) -> list[Measured]:
    """Measures the accuracy of networks on pictures distorted by each of five strengths.

    All networks see the same pictures.

    Args:
        subjects: The networks.
        images: uint8 array `(n, height, width, channels)`.
        labels: Their labels, `(n,)` or `(n, classes)`.
        names: Which of `DISTORTIONS`. Defaults to `None`, all.
        seed: Seed of the distortions. Defaults to `0`.
        batch_size: How many pictures are computed at a time. Defaults to `100`.

    Returns:
        List of `Measured`s: the pictures as they are, strength 0, then each distortion.

    Raises:
        ValueError: If a name is unknown, or a model does not take the pictures.

    Example:

    >>> images, labels = capszoo.data.load("digits", "test")
    >>> digits = capszoo.robustness.Subject("mine", "digits", [capszoo.load("conv_net_digits")])
    >>> rows = capszoo.robustness.measure_distortions([digits], images, labels, ["rotation"])
    >>> [row.strength for row in rows]
    [0, 1, 2, 3, 4, 5]
    """
    names = list(DISTORTIONS) if names is None else list(names)
    for name in names:
        check_choice("names", name, list(DISTORTIONS))
    for subject in subjects:
        for model in subject.models:
            check_classifier(model, images, labels)

    def measure(check, strength, amount, changed):
        for subject in subjects:
            shares = [
                are_right(model, model.predict(changed, batch_size, verbose=0), labels).mean()
                for model in subject.models
            ]
            yield subject.measured(check, strength, amount, shares, len(labels))

    rows = list(measure("none", 0, "", images))
    for name in names:
        for strength in range(1, LEVELS + 1):
            amount = f"{DISTORTIONS[name].amounts[strength - 1]:g}"
            rows += measure(name, strength, amount, distort(images, name, strength, seed))
    return rows


def measure_objects(
    subjects: Sequence[Subject], images: np.ndarray, labels: np.ndarray, batch_size: int = 100
) -> list[Measured]:
    """Measures how many of the objects of a picture networks find in the mean.

    Of two overlapping digits this is the mean per digit, which others report; the accuracy, for
    which both must be found, is less.

    Args:
        subjects: The networks; of several runs the first is looked at.
        images: Pictures that hold several objects.
        labels: Array `(n, classes)`, 1 for each class that is there.
        batch_size: How many pictures are computed at a time. Defaults to `100`.

    Returns:
        List of a `Measured` for each network.
    """
    rows = []
    for subject in subjects:
        scores = subject.models[0].predict(images, batch_size, verbose=0)
        found = share_found(scores, labels)
        error = float(found.std() / np.sqrt(len(found)))
        row = ("objects", 0, "", "found", float(found.mean()), error, len(found))
        rows.append(subject.of_first(*row))
    return rows
