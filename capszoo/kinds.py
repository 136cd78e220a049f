"""The kinds of arguments: what an argument may be, declared beside it in a signature.

    def __init__(self, filters: Count = 32, blocks: Sequence[Count] = (3, 4), dropout: Share = 0.5):

A kind is a type with a check, `Annotated[type, check]`; a check is a function of an argument's name
and its value that raises `ValueError`. `bool` and `Literal` are kinds by themselves, and kinds are
put together by `Sequence[kind]`, `kind | None` and `kind | kind`. What else an annotation says
declares nothing.
"""

import functools
import inspect
import types
import typing
from collections.abc import Callable
from collections.abc import Sequence
from typing import Annotated
from typing import Any

import numpy as np

from capszoo.validation import check_choice
from capszoo.validation import check_clip_shape
from capszoo.validation import check_flag
from capszoo.validation import check_graph_shape
from capszoo.validation import check_history_shape
from capszoo.validation import check_number
from capszoo.validation import check_positive_int
from capszoo.validation import check_shape
from capszoo.validation import check_size
from capszoo.validation import check_text_shape
from capszoo.validation import invalid_value_error

Check = Callable[[str, Any], Any]
# Of layers, blocks and the like: what a loop of Python makes one after the other.
MOST_LAYERS = 1000
MOST_ITERATIONS = 100


def check_positive(argument: str, value: Any) -> None:
    """Raises `ValueError` unless `value` is a number greater than 0."""
    check_number(argument, value)
    if not value > 0:
        raise invalid_value_error(argument, "a number greater than 0", value)


def check_share(argument: str, value: Any) -> None:
    """Raises `ValueError` unless `value` is a number from 0 to below 1."""
    check_number(argument, value, 0)
    if not value < 1:
        raise invalid_value_error(argument, "a number of at least 0 and less than 1", value)


def check_layers(argument: str, value: Any) -> None:
    """Raises `ValueError` unless `value` is a number of layers, which may be none."""
    if isinstance(value, bool) or value != 0:
        check_positive_int(argument, value, MOST_LAYERS)


def check_text(argument: str, value: Any) -> None:
    """Raises `ValueError` unless `value` is a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise invalid_value_error(argument, "a text that is not empty", value)


def check_each(argument: str, value: Any, check: Check) -> None:
    """Raises `ValueError` unless `value` is a sequence, and no long one, of what is of a kind."""
    if not isinstance(value, (tuple, list)):
        raise invalid_value_error(argument, "a sequence", value)
    if len(value) > MOST_LAYERS:
        raise invalid_value_error(argument, f"a sequence of at most {MOST_LAYERS}", value)
    for index, one in enumerate(value):
        check(f"{argument}[{index}]", one)


Count = Annotated[int, check_positive_int]
Depth = Annotated[int, functools.partial(check_positive_int, maximum=MOST_LAYERS)]
DepthOrNone = Annotated[int, check_layers]
Iterations = Annotated[int, functools.partial(check_positive_int, maximum=MOST_ITERATIONS)]
Number = Annotated[float, check_number]
NonNegative = Annotated[float, functools.partial(check_number, minimum=0)]
Positive = Annotated[float, check_positive]
Share = Annotated[float, check_share]
Text = Annotated[str, check_text]
Size1D = Annotated[int | Sequence[int], functools.partial(check_size, rank=1)]
Size2D = Annotated[int | Sequence[int], functools.partial(check_size, rank=2)]
Size3D = Annotated[int | Sequence[int], functools.partial(check_size, rank=3)]
SignalShape = Annotated[Sequence[int], functools.partial(check_shape, rank=1)]
ImageShape = Annotated[Sequence[int], functools.partial(check_shape, rank=2)]
TextShape = Annotated[Sequence[int], lambda argument, value: check_text_shape(value)]
HistoryShape = Annotated[Sequence[int], lambda argument, value: check_history_shape(value)]
GraphShape = Annotated[Sequence[int], lambda argument, value: check_graph_shape(value)]
ClipShape = Annotated[Sequence[int], lambda argument, value: check_clip_shape(value)]
VolumeShape = Annotated[Sequence[int], functools.partial(check_shape, rank=3)]


def checked(function: Callable) -> Callable:
    """Decorates a function to check its arguments by the kinds that its signature declares.

    Args:
        function: A function, such as a constructor.

    Returns:
        The decorated function.

    Example:

    >>> @capszoo.kinds.checked
    ... def stack(filters: capszoo.kinds.Count, layers: capszoo.kinds.Depth = 1):
    ...     return [filters] * layers
    >>> stack(8, layers=2)
    [8, 8]
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def checking(*args, **kwargs):
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError:
            given = {}  # the function says so itself
        checks = of_function(function)
        for name, value in given.items():
            if name in checks:
                checks[name](name, plain(value))
        return function(*args, **kwargs)

    return checking


def plain(value):
    """Makes Python's own numbers and lists of NumPy's, which no file would hold."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if type(value) is dict:
        return {key: plain(one) for key, one in value.items()}
    return type(value)(map(plain, value)) if type(value) in (tuple, list) else value


@functools.cache
def of_function(function: Callable) -> dict[str, Check]:
    """Maps the parameters of a function to the checks of their kinds, where one is declared.

    Args:
        function: A function, such as a constructor.

    Returns:
        Dictionary.

    Example:

    >>> def stack(filters: capszoo.kinds.Count, name=None): ...
    >>> list(capszoo.kinds.of_function(stack))
    ['filters']
    """
    try:
        annotations = typing.get_type_hints(inspect.unwrap(function), include_extras=True)
    except Exception:  # somebody else's annotations, which name what is not there at run time
        return {}
    checks = {name: check_of(annotation) for name, annotation in annotations.items()}
    return {name: check for name, check in checks.items() if check is not None}


def check_of(annotation: Any) -> Check | None:
    """Makes the check of an annotation, `None` where it declares no kind.

    Args:
        annotation: What stands in a signature.

    Returns:
        A function of the argument's name and its value that raises `ValueError`.

    Example:

    >>> check = capszoo.kinds.check_of(capszoo.kinds.Size2D | None)
    >>> check("strides", None)
    >>> check("strides", (2, 1))
    """
    if annotation is bool:
        return check_flag
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        checks = [one for one in inner[1:] if callable(one)]
        return checks[0] if checks else check_of(inner[0])
    if origin is typing.Literal:
        return functools.partial(check_choice, allowed=inner)
    if origin in (typing.Union, types.UnionType):
        return _check_of_union(inner)
    if origin is Sequence:
        check = check_of(inner[0])
        return check and functools.partial(check_each, check=check)
    return None


def _check_of_union(members):
    checks = [check_of(one) for one in members if one is not types.NoneType]
    if None in checks:
        return None
    return functools.partial(_check_any, checks=checks, optional=types.NoneType in members)


def _check_any(argument, value, checks, optional):
    """Raises the error of the last kind for what is put together, else that of the first."""
    if value is None and optional:
        return
    errors = []
    for check in checks:
        try:
            check(argument, value)
            return
        except ValueError as error:
            errors.append(error)
    raise errors[-1 if isinstance(value, (tuple, list, dict)) else 0]
