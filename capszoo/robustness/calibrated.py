"""Expected calibration errors of networks: of scores as they are, and calibrated two ways."""

from collections.abc import Sequence

import numpy as np

from capszoo.robustness.answers import are_right
from capszoo.robustness.answers import check_classifier
from capszoo.robustness.calibration import Reliability
from capszoo.robustness.calibration import fit_isotonic
from capszoo.robustness.calibration import fit_temperature
from capszoo.robustness.calibration import probabilities
from capszoo.robustness.calibration import reliability
from capszoo.robustness.measured import Measured
from capszoo.robustness.standard_errors import bootstrap_error
from capszoo.robustness.subjects import Subject
from capszoo.validation import invalid_value_error


def calibrate(model, validation, test, batch_size: int = 100) -> dict[str, tuple]:
    """Computes how sure a network is of its answers, as it is and calibrated.

    Args:
        model: A classifier of pictures.
        validation: Pair of pictures and integer labels that the calibration is fitted to.
        test: Pair of pictures and integer labels.
        batch_size: How many pictures are computed at a time. Defaults to `100`.

    Returns:
        Maps `"as it is"`, `"temperature"` and `"isotonic"` to a pair: the confidence in each
        test picture and whether the answer is right.

    Raises:
        ValueError: If labels are no integers, or there is but one class.
    """
    for images, labels in (validation, test):
        check_classifier(model, images, labels)
        if np.ndim(labels) != 1:
            raise invalid_value_error("labels", "one integer a picture", np.shape(labels))
    if model.num_classes == 1:
        raise invalid_value_error("model", "a model of several classes", "one of a single class")
    logits = model.score_threshold == 0
    known, scores = (model.predict(x, batch_size, verbose=0) for x, _ in (validation, test))
    right = are_right(model, scores, test[1])
    temperature = fit_temperature(known, validation[1], logits)

    def as_it_is(scores):
        # Logits are of any size: their softmax is what a network of them says.
        return probabilities(scores, logits=True).max(-1) if logits else scores.max(-1).clip(0, 1)

    isotonic = fit_isotonic(as_it_is(known), are_right(model, known, validation[1]))
    return {
        "as it is": (as_it_is(scores), right),
        "temperature": (probabilities(scores, temperature, logits).max(axis=-1), right),
        "isotonic": (isotonic.predict(as_it_is(scores)), right),
    }


def measure_calibration(
    subjects: Sequence[Subject], validation, test, batch_size: int = 100
) -> tuple[list[Measured], dict[str, dict[str, Reliability]]]:
    """Measures the expected calibration error of networks.

    Args:
        subjects: The networks; of several runs the first is looked at.
        validation: Pair of pictures and integer labels that the calibration is fitted to.
        test: Pair of pictures and integer labels.
        batch_size: How many pictures are computed at a time. Defaults to `100`.

    Returns:
        List of `Measured`s, whose standard error is that of a bootstrap; and for each network
        what a reliability diagram shows, by the way of calibration.
    """
    rows: list[Measured] = []
    diagrams: dict[str, dict[str, Reliability]] = {}
    for subject in subjects:
        ways = calibrate(subject.models[0], validation, test, batch_size)
        diagrams[subject.name] = {}
        for way, (confidence, right) in ways.items():
            found = reliability(confidence, right)
            diagrams[subject.name][way] = found
            answers = np.stack([confidence, right], axis=-1)
            error = bootstrap_error(lambda drawn: reliability(*drawn.T).error, answers)
            rows.append(
                subject.of_first("calibration", 0, way, "ece", found.error, error, len(right))
            )
    return rows, diagrams
