"""How far a score can be taken for a probability, and what makes it one."""

import dataclasses

import numpy as np
from scipy import optimize
from scipy import special

BINS = 15
# Logarithms of the temperatures that are tried.
_RANGE = (-5.0, 5.0)
# Scores below this are taken for it: its logarithm is finite in float32.
_LEAST = 1e-12


@dataclasses.dataclass(frozen=True)
class Reliability:
    """How often answers are right, by how sure they are.

    Attributes:
        confidence: Mean confidence in each bin that is not empty.
        accuracy: Share of right answers there.
        counts: How many answers there.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    counts: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error: the mean distance of the two, over the answers."""
        distance = np.abs(self.confidence - self.accuracy)
        return float(np.sum(self.counts * distance) / np.sum(self.counts))


def reliability(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> Reliability:
    """Sorts answers into bins of equal width by their confidence.

    Args:
        confidence: How sure each answer is, `(n,)`, from 0 to 1.
        right: Whether it is right, `(n,)`.
        bins: How many bins. Defaults to `15`.

    Returns:
        A `Reliability`.

    Raises:
        ValueError: If a confidence is below 0 or above 1.

    Example:

    >>> found = capszoo.robustness.reliability(np.array([0.9, 0.7]), np.array([True, False]))
    >>> round(found.error, 3)
    0.4

    Reference:

    - [Guo, Pleiss, Sun, Weinberger, 2017](https://arxiv.org/abs/1706.04599)
    """
    confidence, right = (np.asarray(one, dtype="float64") for one in (confidence, right))
    if confidence.shape != right.shape or confidence.ndim != 1 or not len(confidence):
        raise ValueError(
            "Expected a confidence and whether it was right for each answer. "
            f"Received: shapes {confidence.shape} and {right.shape}"
        )
    if not (confidence.min() >= 0 and confidence.max() <= 1):
        raise ValueError(
            "Expected confidences from 0 to 1. "
            f"Received: {confidence.min():g} to {confidence.max():g}"
        )
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    counts = np.bincount(places, minlength=bins)
    there = counts > 0
    sums = (np.bincount(places, weights=one, minlength=bins)[there] for one in (confidence, right))
    confidence, accuracy = (one / counts[there] for one in sums)
    return Reliability(confidence, accuracy, counts[there])


def probabilities(scores: np.ndarray, temperature: float = 1.0, logits: bool = False) -> np.ndarray:
    """Makes probabilities of scores.

        p = s^(1 / T) / sum of the classes' s^(1 / T),  of logits  p = softmax(z / T)

    Of the softmax of a control this is the customary temperature; lengths of capsules, which do
    not sum to 1, come to sum to 1 too.

    Args:
        scores: Array `(n, classes)`: lengths, activations or probabilities.
        temperature: The lower, the surer. Defaults to `1.0`.
        logits: Whether the scores are logits. Defaults to `False`.

    Returns:
        Array `(n, classes)`; the order of the classes is that of the scores.

    Example:

    >>> capszoo.robustness.probabilities(np.array([[0.9, 0.1]]), temperature=0.5).round(3)
    array([[0.988, 0.012]])
    """
    scores = np.asarray(scores, dtype="float64")
    numbers = scores if logits else np.log(np.maximum(scores, _LEAST))
    return special.softmax(numbers / temperature, axis=-1)


def fit_temperature(scores: np.ndarray, labels: np.ndarray, logits: bool = False) -> float:
    """Finds the temperature at which the labels are likeliest, on pictures not tested on.

    Args:
        scores: Array `(n, classes)`.
        labels: Integers `(n,)`.
        logits: Whether the scores are logits. Defaults to `False`.

    Returns:
        The temperature.
    """
    rows, labels = np.arange(len(scores)), np.asarray(labels)

    def loss(logarithm):
        found = probabilities(scores, float(np.exp(logarithm)), logits)[rows, labels]
        return -np.mean(np.log(np.maximum(found, _LEAST)))

    return float(np.exp(optimize.minimize_scalar(loss, bounds=_RANGE, method="bounded").x))


def fit_isotonic(confidence: np.ndarray, right: np.ndarray):
    """Fits a rising step function from confidence to how often it is right.

    Args:
        confidence: The highest score of each picture, `(n,)`; of pictures not tested on.
        right: Whether it was right, `(n,)`.

    Returns:
        A `sklearn.isotonic.IsotonicRegression`: `predict(confidence)` gives probabilities.
    """
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    return model.fit(np.asarray(confidence), np.asarray(right, dtype="float64"))
