"""The arguments of a model: its family's own, those of its task and of its input end."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import keras

from capszoo import kinds
from capszoo import memory
from capszoo import routing as routings
from capszoo.routing import Routing

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
    for constructor in _constructors(cls):
        for name, default in of_function(constructor).items():
            if name not in _MADE:
                found.setdefault(name, default)
    return found


def checks(cls: type, beyond: Callable | None = None) -> dict[str, kinds.Check | None]:
    """Maps each argument of a model's class to the check of its kind, `None` where it has none.

    The kind is that of whoever takes the argument first; see `capszoo.kinds`.

    Args:
        cls: A `CapsuleModel` subclass.
        beyond: One of its constructors; what this one gathers alone counts. Defaults to `None`,
            all arguments count.

    Returns:
        Dictionary.

    Example:

    >>> check = capszoo.models.arguments.checks(capszoo.models.CapsNet)["padding"]
    >>> check("padding", "valid")
    'valid'
    """
    constructors = _constructors(cls)
    if beyond is not None:
        constructors = constructors[constructors.index(beyond) + 1 :]
    found: dict[str, kinds.Check | None] = {}
    for constructor in constructors:
        declared = kinds.of_function(constructor)
        for name in of_function(constructor):
            if name not in _MADE:
                found.setdefault(name, declared.get(name))
    return found


@functools.cache
def _constructors(cls):
    """The constructors through which arguments pass, from the family's to the input end's."""
    # Ours have an input end; what Keras and its backends put below has none.
    ours = [base for base in cls.__mro__ if hasattr(base, "input_end")]
    found = []
    for taker in [*(base for base in ours if "__init__" in vars(base)), cls.input_end]:
        found.append(taker.__init__)
        parameters = inspect.signature(taker.__init__).parameters.values()
        gathers = inspect.Parameter.VAR_KEYWORD in [one.kind for one in parameters]
        if not gathers and taker is not ours[-1]:
            break
    return found


def learnt(input_end) -> dict[str, Any]:
    """Maps the arguments that an input end may learn to what they are now."""
    return {name: getattr(input_end, name) for name in input_end.learnt}


def with_routing(values: dict[str, Any]) -> dict[str, Any]:
    """Puts hyper-parameters that are a routing's own to it, where it is the one chosen.

    Args:
        values: Maps the names of hyper-parameters to their values.

    Returns:
        A dictionary in which `routing`, where there is one, is a config.
    """
    found = dict(values)
    if "routing" in found:
        tunable = {
            name: found.pop(name)
            for routing in routings.names()
            for name in routings.get_class(routing).tunable_arguments
            if name in found
        }
        own = routings.get_class(found["routing"]).tunable_arguments
        chosen = {name: value for name, value in tunable.items() if name in own}
        found["routing"] = {"name": found["routing"], **chosen}
    return found


def kept(constructor: Callable) -> Callable:
    """Decorates a constructor to check its arguments and keep each as an attribute, before it runs.

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
    parameters = signature.parameters

    @functools.wraps(constructor)
    def keeping(self, *args, **kwargs):
        try:
            bound = signature.bind(self, *args, **kwargs)
        except TypeError:
            pass  # the constructor says so itself
        else:
            bound.apply_defaults()
            given = bound.arguments
            for name, value in given.items():
                if parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
                    self.check_argument_names(value)
                    check(value, checks(type(self), beyond=keeping))
            own = {
                name: value
                for name, value in given.items()
                if parameters[name].kind not in _GATHERING
            }
            check(own, kinds.of_function(keeping))
            keep(self, own)
        with memory.counted():
            constructor(self, *args, **kwargs)

    # Keras reads this one, and does not look behind decorators.
    keeping.__signature__ = signature  # type: ignore[attr-defined]
    return keeping


def check(values: dict[str, Any], checks: dict[str, kinds.Check | None]) -> None:
    """Raises `ValueError` at the first of some values that is not of its argument's kind."""
    for name, value in values.items():
        of_kind = checks.get(name)
        if of_kind is not None:
            of_kind(name, kinds.plain(value))


def problems(cls, values: dict[str, Any]) -> dict[str, str]:
    """Finds what is wrong with arguments by themselves, without making any layer.

    Args:
        cls: A `CapsuleModel` subclass.
        values: Arguments by name.

    Returns:
        Maps each argument that is unknown, or not of its kind, to what is allowed and what came.

    Example:

    >>> problems = capszoo.models.arguments.problems
    >>> problems(capszoo.models.CapsNet, {"padding": "valid", "primary_dim": 8})
    {}
    """
    known, found = checks(cls), {}
    for name, value in values.items():
        try:
            cls.check_argument_names([name])
            check({name: value}, known)
        except ValueError as error:
            found[name] = str(error)
    return found


def keep(model, values: dict[str, Any]) -> None:
    """Makes values attributes of a model, as plain data, past Keras."""
    for name, value in values.items():
        if name not in _MADE and not hasattr(type(model), name):
            object.__setattr__(model, name, _as_tuples(kinds.plain(value)))


def _as_tuples(value):
    """Makes tuples of lists, and of those in them: JSON makes lists of tuples."""
    return tuple(map(_as_tuples, value)) if isinstance(value, (tuple, list)) else value


def serialized(value, policy):
    """Makes plain data of an argument, for the config of a model.

    Args:
        value: The argument: a routing, a layer or plain data.
        policy: Dtype policy of the model, which its parts have where they say nothing.

    Returns:
        Plain data.

    Example:

    >>> capszoo.models.arguments.serialized([3, 3], keras.dtype_policies.get("float32"))
    [3, 3]
    """
    if isinstance(value, Routing):
        return routings.serialize(value, dtype=policy)
    if not isinstance(value, keras.layers.Layer):
        return value
    config = keras.saving.serialize_keras_object(value)
    # The model builds it, for its own number of classes, and trains it.
    config.pop("build_config", None)
    config.pop("compile_config", None)
    if value.dtype_policy == policy:
        config["config"].pop("dtype", None)  # a model has none of its own
    return config
