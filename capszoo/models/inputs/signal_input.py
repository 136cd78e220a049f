"""The input end for signals: sequences of samples in one channel or several."""

from typing import Any
from typing import ClassVar

import keras
import numpy as np

from capszoo import data as data_sets
from capszoo.kinds import SignalShape
from capszoo.kinds import checked
from capszoo.layers import SignalStandardization
from capszoo.models.arrays import to_numpy
from capszoo.models.inputs.normalization import normalize
from capszoo.models.kinds import Policy
from capszoo.models.kinds import SignalNormalization
from capszoo.validation import check_signal_shape


class SignalInput:
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
        self.inputs = self.prepared = keras.Input(self.signal_shape, name="signals")
        self.features = normalize(
            self.inputs, normalization, SignalStandardization(name="normalization"), dtype
        )

    @staticmethod
    def of_data(arguments: dict, data: dict, shape=None) -> dict:
        """Gives the arguments that the data of a preset ask for: none."""
        return {}

    @staticmethod
    def fit(data: dict, limit=None) -> tuple[list[int], dict]:
        """Finds the shape of signals that a preset's data name, and adds nothing to the data."""
        shape = data_sets.example_shape(data["name"], kind="signals")
        return list(check_signal_shape(shape)), {}

    @staticmethod
    def check_shape(shape: Any) -> tuple[int, int]:
        """Returns a shape as `(length, channels)`, or raises `ValueError`."""
        return check_signal_shape(shape)

    @staticmethod
    def search_data(values: dict, data: dict) -> dict:
        """Makes the data of a preset of what a search chose, which is nothing of signals."""
        return data

    @staticmethod
    def load(
        data: dict, split: str, data_dir=None, shape=None, prepared: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Loads signals and labels that the data of a preset name.

        Args:
            data: The `data:` of the preset, a dictionary.
            split: `"train"`, `"validation"` or `"test"`.
            data_dir: Folder of the data sets; see `capszoo.data.load`. Defaults to `None`.
            shape: What the body of a model sees; signals come as they are and are compared with
                it by `check`. Defaults to `None`.
            prepared: Taken as the other input ends take it. Defaults to `False`.

        Returns:
            float32 array of shape `(n, length, channels)` and labels.

        Raises:
            ValueError: If the data ask for what is done to pictures alone.
        """
        for key in ("resize", "crop", "value_range"):
            if data.get(key):
                raise ValueError(f"`data.{key}` is for pictures; signals come as they are.")
        return data_sets.load(
            data["name"],
            split,
            data_dir=data_dir,
            kind="signals",
            **{key: data.get(key) for key in data_sets.options(data["name"])},
        )

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
        numbers = to_numpy(x)
        if numbers.dtype.kind in "OSU":
            raise ValueError(f"Expected signals of numbers. Received: dtype {numbers.dtype}")
        finite = np.isfinite(numbers.astype("float32")).all(axis=(1, 2))
        if not finite.all():
            raise ValueError(
                "Expected signals of numbers, none of them NaN or infinite. Received: "
                f"{np.count_nonzero(~finite)} of {len(finite)} signals with such, the first at "
                f"row {np.flatnonzero(~finite)[0]}"
            )

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
