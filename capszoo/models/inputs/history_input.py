"""The input end for histories: which items somebody took, one after the other."""

from typing import Any
from typing import ClassVar

import keras
import numpy as np

from capszoo.data.generated_histories import PADDING
from capszoo.kinds import HistoryShape
from capszoo.kinds import checked
from capszoo.models.arrays import is_array
from capszoo.models.arrays import to_numpy
from capszoo.models.inputs.input_end import InputEnd
from capszoo.models.kinds import Policy
from capszoo.validation import check_history_shape


class HistoryInput(InputEnd):
    """Histories of items as a model's input.

    A history is a sequence of numbers of items, the oldest first. Its last `length` items count;
    behind a shorter one stands -1.

    Args:
        history_shape: `(length, items)`: how many items of a history count, and how many items
            there are, whose numbers begin with 0.
        dtype: Taken as the other input ends take it. Defaults to `None`.

    Attributes:
        inputs: The symbolic numbers, `(batch, length)`.
        prepared: The same.
        features: The same: the body has an embedding for them.

    Raises:
        ValueError: If the shape is none.

    Example:

    >>> histories = capszoo.models.inputs.HistoryInput((4, 100))
    >>> histories.to_arrays([[7, 3], [1, 2, 3, 4, 5]]).tolist()
    [[7, 3, -1, -1], [2, 3, 4, 5]]
    """

    # See `InputEnd`. Histories come as lists of any length or as padded arrays.
    unit: ClassVar[str] = "histories"
    shape_argument: ClassVar[str] = "history_shape"
    default_data: ClassVar[str] = "generated_histories"
    default_limit: ClassVar[tuple[int, ...] | None] = None
    unprepared: ClassVar[dict[str, Any]] = {}
    decodable: ClassVar[bool] = False
    loads_arrays: ClassVar[bool] = False

    @checked
    def __init__(self, history_shape: HistoryShape, dtype: Policy | None = None):
        self.history_shape = check_history_shape(history_shape)
        length, _ = self.history_shape
        self.inputs = self.prepared = self.features = keras.Input(
            (length,), dtype="int32", name="items"
        )

    def to_arrays(self, x: Any, training: bool = False) -> Any:
        """Makes an array of histories that differ in length; what is one becomes as long.

        Args:
            x: A list of sequences of numbers, or an array of integers (n, any length). What is
                neither, such as a pipeline, is given back.
            training: Taken as the other input ends take it. Defaults to `False`.

        Returns:
            int32 array of shape `(n, length)`.

        Raises:
            ValueError: If something is no history of numbers.
        """
        if is_array(x) and to_numpy(x).dtype.kind != "O":
            numbers = to_numpy(x)
            length, _ = self.history_shape
            if numbers.ndim != 2 or numbers.dtype.kind not in "iu" or numbers.shape[1] == length:
                return x
            x = [row[row != PADDING] for row in numbers]
        elif not isinstance(x, (list, tuple)) and not is_array(x):
            return x
        rows = [self._row(row, one) for row, one in enumerate(x)]
        return np.array(rows, "int32").reshape(-1, self.history_shape[0])

    def _row(self, row, history):
        length, items = self.history_shape
        try:
            numbers = np.asarray(history)
            fits = numbers.ndim == 1 and (numbers.dtype.kind in "iu" or not len(numbers))
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(
                "Expected histories, sequences of numbers of items. "
                f"Received: {type(history).__name__} {str(history)[:40]} at row {row}"
            )
        # Before they become int32: what is beyond would become something else.
        if len(numbers) and (numbers.min() < PADDING or numbers.max() >= items):
            raise ValueError(_out_of_range(items, numbers.min(), numbers.max()))
        kept = numbers[-length:]
        return np.concatenate([kept, np.full(length - len(kept), PADDING)]).astype("int32")

    def check(self, x) -> None:
        """Raises `ValueError` unless an array holds histories that the model takes."""
        numbers = to_numpy(x)
        length, items = self.history_shape
        if numbers.ndim != 2 or numbers.shape[1] != length or numbers.dtype.kind not in "iu":
            raise ValueError(
                f"Expected histories, integers of shape (batch, length) = (batch, {length}). "
                f"Received: {numbers.dtype} of shape {numbers.shape}."
            )
        if not len(numbers):
            raise ValueError("Expected at least one history. Received: none.")
        if numbers.min() < PADDING or numbers.max() >= items:
            raise ValueError(_out_of_range(items, numbers.min(), numbers.max()))
        empty = np.flatnonzero((numbers == PADDING).all(axis=1))
        if len(empty):
            raise ValueError(
                "Expected histories of at least one item. Received: none in "
                f"{len(empty)} of {len(numbers)}, the first at row {empty[0]}"
            )

    @staticmethod
    def check_shape(shape: Any) -> tuple[int, int]:
        """Returns a shape as `(length, items)`, or raises `ValueError`."""
        return check_history_shape(shape)

    def synthetic(self, count: int = 3) -> np.ndarray:
        """Makes histories of numbers in a row, each shorter than the one before: alike everywhere.

        Args:
            count: How many histories. Defaults to `3`.

        Returns:
            int32 array `(count, length)`.
        """
        length, items = self.history_shape
        index, place = np.indices((count, length))
        ends = np.maximum(1, length - index * max(1, length // count))
        numbers = (place * (index + 3) + 5 * index) % items
        return np.where(place < ends, numbers, PADDING).astype("int32")


def _out_of_range(items, smallest, largest):
    return (
        f"Expected numbers of items from 0 to {items - 1}, and -1 where a history has ended. "
        f"Received: from {smallest} to {largest}"
    )
