"""What is timed: one way to do one thing to one batch."""

import dataclasses
from collections.abc import Callable

INFERENCE = "inference"
TRAINING = "training"

DEFAULT = "default"
NAIVE = "naive"
AT_ONCE = "all votes at once"
UCAPS3D = "3D-UCaps in PyTorch"


@dataclasses.dataclass(frozen=True)
class Step:
    """One way to do one thing to one batch.

    Attributes:
        subject: What is measured, as it was asked for.
        variant: Which way.
        kind: `"inference"` or `"training"`.
        batch: Number of samples.
        run: Function without arguments that does it and waits until it is done.
        operations: Floating point operations that are needed.
        memory: Bytes that have to be read or written.
    """

    subject: str
    variant: str
    kind: str
    batch: int
    run: Callable
    operations: int
    memory: int


def describe_setting(name, value):
    """Writes a setting as the name of a variant."""
    if isinstance(value, dict):
        inner, *others = value.items()
        value = ", ".join([str(inner[1]), *(f"{key}={own}" for key, own in others)])
    return f"{name}={value}"
