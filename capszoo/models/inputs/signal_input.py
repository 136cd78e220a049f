"""The input end for signals: sequences of samples in one channel or several."""

from typing import Any
from typing import ClassVar

import keras
import numpy as np

from capszoo.kinds import SignalShape
from capszoo.kinds import checked
from capszoo.layers import SignalStandardization
from capszoo.models.arrays import check_finite
from capszoo.models.inputs.input_end import InputEnd
from capszoo.models.inputs.normalization import normalize
from capszoo.models.kinds import Policy
from capszoo.models.kinds import SignalNormalization
from capszoo.validation import check_signal_shape


class SignalInput(InputEnd):
    """Signals as a model's input.

        signals - normalization - features

    Args:
        signal_shape: `(length, channels)` of the signals: how many samples, and of how many
            leads, axes or sensors.
        normalization: `"per_signal"` for mean 0 and deviation 1 of each signal, so that its
            scale does not count; a dictionary of the channels' `mean` and `variance`, so that
            it does; or `None`. Defaults to `"per_signal"`.
        dtype: Dtype or policy of the model. Defaults to `None`, Keras' global policy.

    Attributes:
        inputs: The symbolic signals, as they come.
        prepared: The same.
        features: The symbolic signals, normalized: what the body sees.
        target: The signals as they come: what reconstructions are compared with.

    Raises:
        ValueError: If a shape or an option is not as said above.

    Example:

    >>> signals = capszoo.models.inputs.SignalInput((500, 2))
    >>> signals.inputs.shape, signals.features.shape
    ((None, 500, 2), (None, 500, 2))
    """

    # See `InputEnd`. Signals come as the body takes them.
    unit: ClassVar[str] = "signals"
    shape_argument: ClassVar[str] = "signal_shape"
    default_data: ClassVar[str] = "generated_ecg"
    default_limit: ClassVar[tuple[int, ...] | None] = None
    unprepared: ClassVar[dict[str, Any]] = {}
    of_pictures: ClassVar[tuple[str, ...]] = ("resize", "crop", "value_range")
    # A decoder makes the numbers that come.
    rescaling: ClassVar[float] = 1.0

    @checked
    def __init__(
        self,
        signal_shape: SignalShape,
        normalization: SignalNormalization | None = "per_signal",
        dtype: Policy | None = None,
    ):
        self.signal_shape = check_signal_shape(signal_shape)
        self.inputs = self.prepared = self.target = keras.Input(self.signal_shape, name="signals")
        self.features = normalize(
            self.inputs, normalization, SignalStandardization(name="normalization"), dtype
        )

    @staticmethod
    def check_shape(shape: Any) -> tuple[int, int]:
        """Returns a shape as `(length, channels)`, or raises `ValueError`."""
        return check_signal_shape(shape)

    def check(self, x) -> None:
        """Raises `ValueError` unless an array holds signals that the model takes."""
        shape, expected = tuple(x.shape), self.signal_shape
        if len(shape) != 3 or shape[1:] != expected:
            raise ValueError(
                "Expected signals of shape (batch, length, channels) = "
                f"(batch, {expected[0]}, {expected[1]}). Received: signals of shape {shape}."
                f"{_hint(shape, expected)}"
            )
        if 0 in shape:
            raise ValueError("Expected at least one signal. Received: none (an empty array).")
        check_finite(x, "signals")

    def synthetic(self, count: int = 3) -> np.ndarray:
        """Makes signals of triangular waves, in whole numbers: alike everywhere.

        Args:
            count: How many signals. Defaults to `3`.

        Returns:
            float32 array `(count, length, channels)`.
        """
        index, sample, channel = np.indices((count, *self.signal_shape))
        period = 40 + 24 * index + 8 * channel
        phase = (sample + 5 * channel) % period
        return np.minimum(phase, period - phase).astype("float32")


def _hint(shape, expected):
    """What the shape of refused signals may want for."""
    if len(shape) == 2 and expected[1] == 1 and shape[1] == expected[0]:
        return " Add the channel axis: signals[..., None]."
    if shape == expected:
        return " Add the batch axis: signals[None]."
    if len(shape) == 3 and shape[:0:-1] == expected:
        return " Move the channels last: numpy.moveaxis(signals, 1, -1)."
    if len(shape) == 3 and shape[2] == expected[1]:
        return " Cut the signals, or build the model with their length."
    return ""
