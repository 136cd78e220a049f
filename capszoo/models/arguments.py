"""The arguments of a model: its family's own, those of its task and of its input end."""

import inspect
from typing import Any

import numpy as np

# By these a task hands on what it has made: they are no arguments of the model's user.
_MADE = {"self", "input_end", "outputs"}


def of_function(function) -> set[str]:
    """Names the parameters of a function or class, without those that gather others."""
    parameters = inspect.signature(function).parameters.values()
    return {one.name for one in parameters if one.kind is not inspect.Parameter.VAR_KEYWORD}


def defaults(cls: type) -> dict[str, Any]:
    """Maps each argument of a model's class to its default: that of whoever takes it first.

    Constructors hand what they gather in `**kwargs` on to their base, the last of them to the
    input end.

    Args:
        cls: A `CapsuleModel` subclass.

    Returns:
        Dictionary; what has no default maps to `inspect.Parameter.empty`.

    Example:

    >>> defaults = capszoo.models.arguments.defaults(capszoo.models.EMCapsNet)
    >>> defaults["normalization"], defaults["num_objects"]
    ('per_image', 1)
    """
    found: dict[str, Any] = {}
    # Ours have an input end; what Keras and its backends put below has none.
    ours = [base for base in cls.__mro__ if hasattr(base, "input_end")]
    takers = [base for base in ours if "__init__" in vars(base)]
    for taker in [*takers, cls.input_end]:
        parameters = inspect.signature(taker.__init__).parameters.values()
        for one in parameters:
            if one.kind is not inspect.Parameter.VAR_KEYWORD and one.name not in _MADE:
                found.setdefault(one.name, one.default)
        hands_on = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters)
        if not hands_on and taker is not ours[-1]:
            break
    return found


def named(cls: type, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Maps each argument that was given, or has a default, to its value, as plain data.

    Args:
        cls: A `CapsuleModel` subclass.
        args: What its constructor was given by position.
        kwargs: What it was given by name.

    Returns:
        Dictionary; lists have become tuples, and NumPy's numbers and arrays Python's own.
    """
    names = list(inspect.signature(cls.__init__).parameters)[1:]
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    values = {
        name: plain(given.get(name, default))
        for name, default in defaults(cls).items()
        if name in given or default is not inspect.Parameter.empty
    }
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }


def plain(value):
    """Makes Python's own numbers and lists of NumPy's, which no file would hold."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if type(value) is dict:
        return {key: plain(one) for key, one in value.items()}
    return type(value)(map(plain, value)) if type(value) in (tuple, list) else value
