"""Refusals of what is written for models of two inputs and two outputs, and what to write instead.

The CapsNet scripts that people come from feed labels as a second input and pictures as a second
target, with a loss for each output. Here one answer has a loss, and the task adds the rest.
"""

OURS = (
    "Write model.compile() and model.fit(x, y): in training the capsules of the true classes are "
    "decoded, and the error of the reconstruction is added to the loss by itself, weighed by the "
    "model's argument `reconstruction_weight` (0.0005 for 28x28 pictures is 0.392 times the mean "
    "squared error)."
)


def check_data(x, y, answer: str) -> None:
    """Raises `ValueError` if examples or targets are several arrays.

    Args:
        x: Examples.
        y: Targets.
        answer: The output that targets are of.
    """
    if isinstance(x, (list, tuple)) and len(x) > 1 and all(hasattr(one, "shape") for one in x):
        raise ValueError(f"The model has one input, the examples. {OURS} Received: {len(x)} inputs")
    several = list(y.values()) if isinstance(y, dict) else y
    if isinstance(several, (list, tuple)) and any(hasattr(one, "shape") for one in several):
        raise ValueError(
            f"The model has one target, that of its output {answer!r}. {OURS} "
            f"Received: {len(several)} targets"
        )


def check_compile(answer: str, loss, metrics, loss_weights) -> None:
    """Raises `ValueError` if losses, weights or metrics are those of several outputs.

    Args:
        answer: The output that loss and metrics are of.
        loss: Argument of `compile`.
        metrics: Argument of `compile`.
        loss_weights: Argument of `compile`.
    """
    several = isinstance(loss, dict) or (isinstance(loss, (list, tuple)) and len(loss) > 1)
    for name, value, wrong in (
        ("loss", loss, several),
        ("loss_weights", loss_weights, loss_weights is not None),
        ("metrics", metrics, isinstance(metrics, dict)),
    ):
        if wrong:
            raise ValueError(
                f"Argument `{name}` is about one output, {answer!r}: one loss, no weights, a list "
                f"of metrics. {OURS} Received: {name}={value!r}"
            )
