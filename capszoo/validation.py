"""Checks of arguments, and the wording of the errors they raise."""

import difflib
import math
import numbers
import reprlib
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

# What the axes of a map are called, by their number.
SPATIAL_AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
# What shapes are counted in by the backends.
LARGEST_COUNT = 2**31 - 1

_shortened = reprlib.Repr()
_shortened.maxlevel, _shortened.maxdict, _shortened.maxlong = 4, 6, 60
_shortened.maxother = _shortened.maxstring = 120


def unknown_name_error(kind: str, name: object, allowed: Iterable[str]) -> ValueError:
    """Builds the error for a name that is not one of `allowed`.

    Args:
        kind: What the name names, for example `"routing"`.
        name: The name received.
        allowed: The names there are.

    Returns:
        A `ValueError` that lists the names and suggests the nearest one.
    """
    allowed = sorted(allowed)
    near = difflib.get_close_matches(str(name), allowed, n=1)
    suggestion = f" Did you mean {near[0]!r}?" if near else ""
    return ValueError(
        f"Unknown {kind} {name!r}.{suggestion} "
        f"Expected one of: {', '.join(allowed) or '(there are none)'}."
    )


def plain(text: object) -> str:
    """Text of somebody else's for a terminal: what would move the cursor or colour is spelt out.

    Args:
        text: What they wrote, or `None`.

    Returns:
        String of printable characters.

    Example:

    >>> print(capszoo.validation.plain("cat" + chr(27) + "[31m"))
    cat\\x1b[31m
    """
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in str(text or ""))


def shown(value: object) -> str:
    """A value as an error shows it: what is long, or deep, is shortened.

    Example:

    >>> len(capszoo.validation.shown("x" * 1000))
    120
    """
    try:
        return _shortened.repr(value)
    except Exception:  # an integer of thousands of digits, an object that fails to describe itself
        return f"a {type(value).__name__}"


def invalid_value_error(argument: str, expected: str, value: object) -> ValueError:
    """Builds the error for a value that is not what an argument may be.

    Args:
        argument: Name of the argument, or of a part of it: `"strides[1]"`.
        expected: What is allowed: `"a positive integer"`.
        value: What was received.

    Returns:
        A `ValueError`.
    """
    return ValueError(
        f"Received an invalid value for argument `{argument.partition('[')[0]}`, "
        f"expected {expected}. Received: {argument}={shown(value)}"
    )


def check_choice(argument: str, value: Any, allowed: Collection[str]) -> Any:
    """Raises `ValueError` unless `value` is one of the names in `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise unknown_name_error(f"value for argument `{argument}`:", value, allowed)
    return value


def check_flag(argument: str, value: Any) -> bool:
    """Raises `ValueError` unless `value` is `True` or `False`."""
    if not isinstance(value, bool):
        raise invalid_value_error(argument, "True or False", value)
    return value


def check_positive_int(argument: str, value: Any, maximum: int = LARGEST_COUNT) -> int:
    """Returns `value` as an `int`, or raises `ValueError` unless it is 1, 2, 3, ..."""
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_integer or not 1 <= value <= maximum:
        too_large = f" of at most {maximum}" if is_integer and value > maximum else ""
        raise invalid_value_error(argument, f"a positive integer{too_large}", value)
    return int(value)


def check_seed(argument: str, value: Any) -> int:
    """Returns `value` as an `int`, or raises `ValueError` unless every backend takes it as seed."""
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_integer or not 0 <= value < 2**32:
        raise invalid_value_error(argument, "an integer from 0 to 4294967295", value)
    return int(value)


def check_number(
    argument: str, value: Any, minimum: float | None = None, maximum: float | None = None
) -> Any:
    """Returns `value`, or raises `ValueError` unless it is a finite number within the bounds."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    # Compared and not converted: an integer may be too large for that.
    is_finite = is_number and -math.inf < value < math.inf
    too_small = is_number and minimum is not None and not value >= minimum
    too_large = is_number and maximum is not None and not value <= maximum
    if not is_finite or too_small or too_large:
        if minimum is not None and maximum is not None:
            allowed = f"a number from {minimum} to {maximum}"
        elif minimum is not None:
            allowed = f"a number of at least {minimum}"
        else:
            allowed = "a finite number" if is_number else "a number"
        raise invalid_value_error(argument, allowed, value)
    return value


def check_size(argument: str, value: Any, rank: int) -> tuple[int, ...]:
    """Returns `value`, one positive integer for all axes or one for each, as a tuple.

    Args:
        argument: Name of the argument.
        value: What was received.
        rank: How many axes there are: 1, 2 or 3.

    Returns:
        Tuple of `rank` integers.

    Raises:
        ValueError: If `value` is not such integers.

    Example:

    >>> capszoo.validation.check_size("strides", 2, rank=3)
    (2, 2, 2)
    """
    values = value if isinstance(value, (tuple, list)) else (value,) * rank
    if len(values) != rank:
        for_each = {1: "", 2: " or two", 3: " or three"}[rank]
        raise invalid_value_error(argument, f"one positive integer{for_each}", value)
    return tuple(check_positive_int(argument, size) for size in values)


def check_image_shape(image_shape: Any) -> tuple[int, int, int]:
    """Returns `image_shape` as a tuple `(height, width, channels)` of positive integers."""
    height, width, channels = check_shape("image_shape", image_shape, rank=2)
    return height, width, channels


def check_signal_shape(signal_shape: Any) -> tuple[int, int]:
    """Returns `signal_shape` as a tuple `(length, channels)` of positive integers."""
    length, channels = check_shape("signal_shape", signal_shape, rank=1)
    return length, channels


def check_text_shape(text_shape: Any) -> tuple[int, int]:
    """Returns `text_shape` as a tuple `(length, size)` of positive integers, the size 3 or more."""
    expected = "(length, size), how many words count and how many numbers there are for them"
    length, size = _check_pair("text_shape", text_shape, expected)
    if size < 3:
        raise invalid_value_error("text_shape", "a size of at least 3, two of them no word", size)
    return length, size


def check_history_shape(history_shape: Any) -> tuple[int, int]:
    """Returns `history_shape` as a tuple `(length, items)` of positive integers."""
    expected = "(length, items), how many items of a history count and how many there are"
    return _check_pair("history_shape", history_shape, expected)


def check_graph_shape(graph_shape: Any) -> tuple[int, int]:
    """Returns `graph_shape` as a tuple `(nodes, width)` of positive integers."""
    expected = "(nodes, width), how many nodes a graph may have and how many numbers a node has"
    return _check_pair("graph_shape", graph_shape, expected)


def check_clip_shape(clip_shape: Any) -> tuple[int, int, int, int]:
    """Returns `clip_shape` as a tuple `(frames, height, width, channels)` of positive integers."""
    if not isinstance(clip_shape, (tuple, list)) or len(clip_shape) != 4:
        expected = "(frames, height, width, channels), channels last"
        raise invalid_value_error("clip_shape", expected, clip_shape)
    frames, height, width, channels = (
        check_positive_int("clip_shape", size) for size in clip_shape
    )
    return frames, height, width, channels


def _check_pair(argument, value, expected):
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise invalid_value_error(argument, expected, value)
    first, second = (check_positive_int(argument, number) for number in value)
    return first, second


def check_shape(argument: str, shape: Any, rank: int) -> tuple[int, ...]:
    """Returns the shape of an example, its channels last, as a tuple of positive integers."""
    axes = (*SPATIAL_AXES[rank], "channels")
    if not isinstance(shape, (tuple, list)) or len(shape) != len(axes):
        raise invalid_value_error(argument, f"({', '.join(axes)}), channels last", shape)
    return tuple(check_positive_int(argument, size) for size in shape)


def check_fits(shape: Sequence[int], windows: Sequence[tuple[Any, Any]]) -> None:
    """Raises `ValueError` unless unpadded windows fit one after the other.

    Args:
        shape: `(height, width, channels)` of an image, `(length, channels)` of a signal.
        windows: Pairs of kernel size and strides, each an integer or one for each axis, from the
            example on.
    """
    rank = len(shape) - 1
    smallest = [1] * rank
    for kernel_size, strides in reversed(windows):
        sizes = check_size("kernel_size", kernel_size, rank)
        steps = check_size("strides", strides, rank)
        smallest = [
            (least - 1) * step + size
            for least, step, size in zip(smallest, steps, sizes, strict=True)
        ]
    if any(size < least for size, least in zip(shape, smallest, strict=False)):
        kind, argument = {1: ("Signals", "signal_shape"), 2: ("Images", "image_shape")}[rank]
        raise ValueError(
            f"{kind} of {'x'.join(map(str, shape[:-1]))} are too small for these kernel sizes "
            f"and strides: the smallest that works is {'x'.join(map(str, smallest))}. "
            f"Received: {argument}={tuple(shape)}"
        )
