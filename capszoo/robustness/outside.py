"""Whether a network notices pictures that are of no class it knows."""

from collections.abc import Sequence

import numpy as np

from capszoo.robustness.answers import check_classifier
from capszoo.robustness.measured import Measured
from capszoo.robustness.standard_errors import bootstrap_error
from capszoo.robustness.subjects import Subject
from capszoo.visualization.pictures import check_pictures
from capszoo.visualization.pictures import prepared_pictures


def reconstruction_errors(model, images: np.ndarray, batch_size: int = 100) -> np.ndarray:
    """Computes how far what a decoder makes of each picture is from the picture.

    Args:
        model: A `capszoo.models.CapsuleClassifier` with a decoder.
        images: Pictures, as the model takes them.
        batch_size: How many pictures are computed at a time. Defaults to `100`.

    Returns:
        Array `(n,)`: the mean squared error of the pixels, from 0 to 1.

    Raises:
        ValueError: If the model has no decoder, or does not take the pictures.

    Example:

    >>> images, _ = capszoo.data.load("digits", "test")
    >>> model = capszoo.load("capsnet_digits")
    >>> capszoo.robustness.reconstruction_errors(model, images).shape
    (360,)
    """
    made = model.reconstruct(images, batch_size)  # refuses where there is no decoder
    return np.mean(np.square(made - prepared_pictures(model, images)), axis=(1, 2, 3))


def auroc(inside: np.ndarray, outside: np.ndarray) -> float:
    """Computes how well a number tells two sets of pictures apart: the area under the ROC curve.

    Args:
        inside: The number for each picture of the classes that are known.
        outside: The number for each of the others, which should be the higher.

    Returns:
        How often one of the others has the higher number than one that is known: 0.5 is chance.

    Example:

    >>> capszoo.robustness.auroc(np.array([1.0, 2.0]), np.array([3.0, 1.5]))
    0.75
    """
    from sklearn.metrics import roc_auc_score

    truth = np.repeat([0, 1], [len(inside), len(outside)])
    return float(roc_auc_score(truth, np.concatenate([inside, outside])))


def measure_outside(
    subjects: Sequence[Subject], images: np.ndarray, others: np.ndarray, batch_size: int = 100
) -> list[Measured]:
    """Measures how well networks tell pictures of other classes from those of theirs.

    By the highest score, which should be low, and, where there is a decoder, by the error of the
    reconstruction, which should be high.

    Args:
        subjects: The networks; of several runs the first is looked at.
        images: Pictures of the classes that the networks know.
        others: Pictures of none of them, of the same shape.
        batch_size: How many pictures are computed at a time. Defaults to `100`.

    Returns:
        List of `Measured`s: areas under the ROC curve, whose standard error is that of a
        bootstrap.

    Raises:
        ValueError: If a model does not take the pictures.
    """
    rows = []
    for subject in subjects:
        model = subject.models[0]
        check_classifier(model, images, None)
        check_pictures(model, others)
        ways = {"highest score": lambda x, model=model: -_highest(model, x, batch_size)}
        if model.decoder is not None:
            ways["reconstruction"] = lambda x, model=model: reconstruction_errors(
                model, x, batch_size
            )
        for way, numbers_of in ways.items():
            numbers = numbers_of(images), numbers_of(others)
            value, error = auroc(*numbers), bootstrap_error(auroc, *numbers)
            count = len(images) + len(others)
            rows.append(subject.of_first("other classes", 0, way, "auroc", value, error, count))
    return rows


def _highest(model, images, batch_size):
    return model.predict(images, batch_size, verbose=0).max(axis=-1)
