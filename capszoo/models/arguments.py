"""The arguments of a model: its family's own, those of its task and of its input end."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

# By these a task hands on what it has made: they are no arguments of the model's user.
_MADE = {"self", "input_end", "outputs"}
_GATHERING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def of_function(function: Callable) -> dict[str, Any]:
    """Maps the parameters of a function or class, without those that gather, to their defaults."""
    parameters = inspect.signature(function).parameters.values()
    return {one.name: one.default for one in parameters if one.kind not in _GATHERING}


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
    for taker in [*takers, cls.input_end]:  # type: ignore[attr-defined]
        for name, default in of_function(taker.__init__).items():
            if name not in _MADE:
                found.setdefault(name, default)
        kinds = [one.kind for one in inspect.signature(taker.__init__).parameters.values()]
        if inspect.Parameter.VAR_KEYWORD not in kinds and taker is not ours[-1]:
            break
    return found


def kept(constructor: Callable) -> Callable:
    """Decorates a constructor to keep each of its arguments as an attribute, before it runs.

    What it gathers in `**kwargs` is looked through for misspelt arguments first: with a size that
    was meant and did not arrive, any other check would speak of something else.

    A class that calls the constructor of its base with another value than it was given itself
    so has the value that counts. Keras is passed by: it is not ready for attributes yet, and
    would track and wrap them.

    Args:
        constructor: An `__init__`.

    Returns:
        The decorated constructor.
    """
    signature = inspect.signature(constructor)

    @functools.wraps(constructor)
    def keeping(self, *args, **kwargs):
        try:
            bound = signature.bind(self, *args, **kwargs)
        except TypeError:
            pass  # the constructor says so itself
        else:
            bound.apply_defaults()
            given = bound.arguments.items()
            kinds = {name: one.kind for name, one in signature.parameters.items()}
            for name, value in given:
                if kinds[name] is inspect.Parameter.VAR_KEYWORD:
                    self.check_argument_names(value)
            keep(self, {name: value for name, value in given if kinds[name] not in _GATHERING})
        constructor(self, *args, **kwargs)

    # Keras reads this one, and does not look behind decorators.
    keeping.__signature__ = signature  # type: ignore[attr-defined]
    return keeping


def keep(model, values: dict[str, Any]) -> None:
    """Makes values attributes of a model, as plain data, past Keras."""
    for name, value in values.items():
        if name not in _MADE and not hasattr(type(model), name):
            value = plain(value)
            object.__setattr__(model, name, tuple(value) if isinstance(value, list) else value)


def plain(value):
    """Makes Python's own numbers and lists of NumPy's, which no file would hold."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if type(value) is dict:
        return {key: plain(one) for key, one in value.items()}
    return type(value)(map(plain, value)) if type(value) in (tuple, list) else value
