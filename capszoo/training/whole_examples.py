"""Validation during training, of whole examples too, of which the model in training sees parts."""

from collections.abc import Callable
from typing import NamedTuple

import keras


class MeasureWhole(keras.callbacks.Callback):
    """Adds what `CapsuleModel.measure` finds on validation examples to the logs of each epoch.

    For examples that are larger than the model, so that `fit` cannot measure them itself. Callbacks
    that come after see the figures as if it had.

    Args:
        x: Validation examples.
        y: Their labels.
        batch_size: How many parts of them are computed at a time.
    """

    def __init__(self, x, y, batch_size):
        super().__init__()
        self.x = x
        self.y = y
        self.batch_size = batch_size

    def on_epoch_end(self, epoch, logs=None):
        measured = self.model.measure(self.x, self.y, batch_size=self.batch_size)
        logs.update({f"val_{name}": value for name, value in measured.items()})


class Validation(NamedTuple):
    """How `fit` is to measure validation examples.

    Attributes:
        arguments: Arguments of `fit`.
        callbacks: Callbacks that come before all others.
    """

    arguments: dict
    callbacks: list


def validate_with(model, examples, batch_size: int, feed: Callable, distribution) -> Validation:
    """Says how validation examples are measured after each epoch.

    Args:
        model: The model.
        examples: Pair of validation examples and labels.
        batch_size: How many are computed at a time.
        feed: Function of examples and labels that gives batches of them, for all devices.
        distribution: The devices that share a batch.

    Returns:
        A `Validation`.

    Raises:
        ValueError: If several devices would have to share what is measured example by example.
    """
    if not model.measured_apart(examples[0]):
        batches = feed(*examples)
        arguments = {"validation_data": (batches.data,), "validation_steps": batches.steps}
        return Validation(arguments, [])
    if distribution.devices > 1:
        raise ValueError(
            "Examples that are larger than the model are measured one by one, which several "
            "devices cannot share. Train without `distribute`."
        )
    x, y = examples
    return Validation({}, [MeasureWhole(x, y, batch_size)])
