"""How much memory a model may take: counted from shapes, before anything gets it.

A model is refused that would take more than half of the machine's memory for its parameters and
the largest of its activations, votes among them, for a single example. Another limit, in GB, is set
by `with capszoo.memory.limited(8):` or, for a whole process, by `CAPSZOO_MEMORY_LIMIT=8`.
"""

import contextlib
import contextvars
import math
import os
import threading
from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple

import keras

from capszoo.device import machine_memory

# The environment variable that sets the limit, in GB.
VARIABLE = "CAPSZOO_MEMORY_LIMIT"
_SHARE_OF_MACHINE = 0.5
_GIGABYTE = 10**9


class Limit(NamedTuple):
    """What a model may take.

    Attributes:
        gigabytes: Of memory; `None` stands for the environment variable, or else for half of the
            machine's.
        numbers: How many numbers its variables may hold, `None` for any number.
        reason: Why no more of them, for the error.
    """

    gigabytes: float | None = None
    numbers: float | None = None
    reason: str = ""


class _Count:
    """Adds up what a model takes while it is made."""

    def __init__(self, limit: Limit):
        self.limit = limit
        self.bytes_allowed = _bytes_allowed(limit.gigabytes)
        self.numbers = self.bytes_of_weights = 0

    def add_weight(self, name: str, shape: Sequence[int], dtype: str) -> None:
        numbers = math.prod(shape)
        self.numbers += numbers
        self.bytes_of_weights += numbers * _bytes_per_number(dtype)
        if self.limit.numbers is not None and self.numbers > self.limit.numbers:
            raise ValueError(
                f"The model would have at least {self.numbers:,} parameters, with those of {name} "
                f"{tuple(shape)}. {self.limit.reason}"
            )
        self.check(f"the parameters of {name} {tuple(shape)}", 0)

    def check(self, part: str, bytes_of_activation: int) -> None:
        total = self.bytes_of_weights + bytes_of_activation
        if total > self.bytes_allowed:
            beside = f" and {_gigabytes(bytes_of_activation)} beside" if bytes_of_activation else ""
            raise ValueError(
                f"The model would take at least {_gigabytes(total)} of memory, with {part}: "
                f"{self.numbers:,} parameters{beside}. Expected at most "
                f"{_gigabytes(self.bytes_allowed)} ({VARIABLE}, memory_limit or else half of this "
                "machine's memory)."
            )


_NO_LIMIT = Limit()
_limit: contextvars.ContextVar[Limit] = contextvars.ContextVar("limit", default=_NO_LIMIT)
_count: contextvars.ContextVar[_Count | None] = contextvars.ContextVar("count", default=None)


@contextlib.contextmanager
def limited(
    gigabytes: float | None = None, numbers: float | None = None, reason: str = ""
) -> Iterator[None]:
    """Sets what the models may take that are made within.

    Args:
        gigabytes: Of memory, for parameters and the largest activation of one example.
            Defaults to `None`, what holds outside.
        numbers: How many numbers the variables of the model may hold. Defaults to `None`, what
            holds outside.
        reason: Why no more of them, a sentence for the error. Defaults to `""`.

    Raises:
        ValueError: If the limit is not a number greater than 0.

    Example:

    >>> with capszoo.memory.limited(gigabytes=16):
    ...     model = capszoo.models.CapsNet()
    """
    if gigabytes is not None:
        _check_gigabytes("memory_limit", gigabytes)
    changes: dict = {} if gigabytes is None else {"gigabytes": gigabytes}
    if numbers is not None:
        changes |= {"numbers": numbers, "reason": reason}
    token = _limit.set(_limit.get()._replace(**changes))
    try:
        yield
    finally:
        _limit.reset(token)


@contextlib.contextmanager
def counted() -> Iterator[None]:
    """Counts the weights of all layers made within, and refuses what is more than allowed.

    What is made within another that is counted already counts there.

    Raises:
        ValueError: If it is more; it gives the sum.
    """
    if _count.get() is not None:
        yield
        return
    token = _count.set(_Count(_limit.get()))
    _interception.enter()
    try:
        yield
    finally:
        _interception.leave()
        _count.reset(token)


def count_activation(part: str, shape: Sequence[int | None]) -> None:
    """Counts a tensor of activations of one example, where a model is being counted.

    Args:
        part: What the tensor is, for the error.
        shape: Its shape, the batch first.

    Raises:
        ValueError: If it is more, with the weights so far, than allowed.
    """
    count = _count.get()
    if count is not None:
        numbers = math.prod(size or 1 for size in shape[1:])
        count.check(f"{part} {tuple(shape[1:])}", numbers * _bytes_per_number("float32"))


def count_graph(model: keras.Model) -> None:
    """Counts what each layer of a functional model gives, as `count_activation` does."""
    for layer in model.layers:
        # Of a layer that is used several times, what it gives first.
        for tensor in keras.tree.flatten(getattr(layer, "output", None)):
            count_activation(f"the output of {layer.name}", getattr(tensor, "shape", ()))


class _Interception:
    """Has Keras' layers count their weights before they get memory, while anything is counted.

    Keras has no hook between a weight's shape and its memory.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.depth = 0

    def enter(self):
        with self.lock:
            self.depth += 1
            if self.depth == 1:
                self.original = keras.layers.Layer.add_weight
                keras.layers.Layer.add_weight = _counting(self.original)

    def leave(self):
        with self.lock:
            self.depth -= 1
            if self.depth == 0:
                keras.layers.Layer.add_weight = self.original


def _counting(original):
    def add_weight(self, *args, **kwargs):
        count = _count.get()
        if count is not None:
            shape = kwargs.get("shape", args[0] if args else None)
            dtype = kwargs.get("dtype") or (args[2] if len(args) > 2 else self.variable_dtype)
            sizes = (shape,) if isinstance(shape, int) else tuple(shape or ())
            count.add_weight(f"{self.name}/{kwargs.get('name')}", sizes, str(dtype))
        return original(self, *args, **kwargs)

    return add_weight


_interception = _Interception()


def _bytes_allowed(gigabytes):
    if gigabytes is None and os.environ.get(VARIABLE):
        try:
            gigabytes = float(os.environ[VARIABLE])
        except ValueError:
            gigabytes = os.environ[VARIABLE]
        _check_gigabytes(VARIABLE, gigabytes)
    if gigabytes is None:
        memory = machine_memory()
        return math.inf if memory is None else memory * _SHARE_OF_MACHINE
    return gigabytes * _GIGABYTE


def _check_gigabytes(name, gigabytes):
    if isinstance(gigabytes, bool) or not isinstance(gigabytes, (int, float)) or not gigabytes > 0:
        raise ValueError(
            f"Expected {name} to be a number of GB greater than 0. Received: {gigabytes!r}"
        )


def _bytes_per_number(dtype):
    digits = "".join(one for one in dtype if one.isdigit())
    return max(1, int(digits) // 8) if digits in ("4", "8", "16", "64", "128") else 4


def _gigabytes(size):
    return f"{size / _GIGABYTE:,.3g} GB" if size < 1e15 else f"{size // _GIGABYTE:.3g} GB"
