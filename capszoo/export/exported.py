"""What became of an export, and how far its numbers may be from the model's."""

import dataclasses

import numpy as np

# Of numbers up to 1, as scores are; of larger ones, of the largest.
TOLERANCE = 1e-4


@dataclasses.dataclass(frozen=True)
class Exported:
    """What was written, and how it was held against the model.

    Attributes:
        file: The file, or the folder of a SavedModel.
        form: `"onnx"`, `"savedmodel"`, `"litert"`, or `"arrays"` for weights alone.
        bytes: How large it is.
        inputs: Maps the name of an input to its dtype and shape in words.
        outputs: Maps the names of outputs likewise.
        examples: How many examples went through it; 0 where it was not run.
        runtime: What ran it, with its version; `None` where nothing did.
        largest_difference: Between its answers and the model's; `None` where it was not run.
        same_classes: Whether its largest scores are the model's; `None` where it was not run.
        missing: What to install so that it is run; `None` where it was, or holds arrays alone.
    """

    file: str
    form: str
    bytes: int
    inputs: dict[str, str]
    outputs: dict[str, str]
    examples: int = 0
    runtime: str | None = None
    largest_difference: float | None = None
    same_classes: bool | None = None
    missing: str | None = None


def compare(
    found: dict[str, np.ndarray], expected: dict[str, np.ndarray], primary: str
) -> tuple[float, bool]:
    """Holds the answers of a runtime against those of the model.

    Args:
        found: Maps the names of outputs to arrays.
        expected: The same, of the model.
        primary: The output whose largest numbers are the classes.

    Returns:
        The largest difference, and whether the classes are the same.

    Raises:
        RuntimeError: If an answer has another shape or differs by more than `TOLERANCE`.

    Example:

    >>> ours = {"scores": np.array([[0.1, 0.9]], "float32")}
    >>> theirs = {"scores": np.array([[0.1, 0.875]], "float32")}
    >>> capszoo.export.exported.compare(theirs, ours, "scores")
    Traceback (most recent call last):
      ...
    RuntimeError: the output 'scores' differs from the model's by 2.5e-02, more than 1.0e-04
    """
    largest = 0.0
    for name, ours in expected.items():
        theirs = found.get(name)
        if theirs is None or theirs.shape != ours.shape:
            shape = None if theirs is None else theirs.shape
            raise RuntimeError(f"the output {name!r} has the shape {shape}, not {ours.shape}")
        difference = float(np.abs(theirs.astype("float64") - ours).max(initial=0.0))
        allowed = TOLERANCE * max(1.0, float(np.abs(ours).max(initial=0.0)))
        # What is no number is not at most anything.
        if not difference <= allowed:
            raise RuntimeError(
                f"the output {name!r} differs from the model's by {difference:.1e}, more than "
                f"{allowed:.1e}"
            )
        largest = max(largest, difference)
    same = found[primary].argmax(-1) == expected[primary].argmax(-1)
    return largest, bool(same.all())
