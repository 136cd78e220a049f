"""Routings by name: `get("dynamic")`, as Keras gets an activation."""

from collections.abc import Callable
from typing import Any

import keras

from capszoo.registry import Registry
from capszoo.registry import check_subclass
from capszoo.routing.base import Routing

ROUTINGS = Registry("routing", "routings", check_subclass(Routing))


def names() -> list[str]:
    """Lists the names that `get` knows.

    Returns:
        Sorted list of strings.

    Example:

    >>> "dynamic" in capszoo.routing.names()
    True
    """
    return ROUTINGS.names()


def register(name: str) -> Callable[[type[Routing]], type[Routing]]:
    """Decorates a `Routing` subclass to make it known to `get` by a name.

    An installed package registers its routings by an entry point in the group
    `capszoo.routings` that names the module or class.

    Args:
        name: The name, in lower case with underscores; must be new.

    Raises:
        ValueError: If the name is taken by another class or is no identifier.
        TypeError: If the class is no `Routing`.

    Example:

    >>> @capszoo.routing.register("last_vote")
    ... class LastVote(capszoo.routing.Routing):
    ...     def call(self, votes, activations=None, return_coupling=False):
    ...         return votes[..., -1, :]
    """

    def decorate(cls):
        ROUTINGS.add(name, cls)
        return cls

    return decorate


def get_class(name: str) -> type[Routing]:
    """Finds the class of a routing by its name.

    Args:
        name: A name of `names()`.

    Returns:
        The `Routing` subclass.

    Raises:
        ValueError: If the name is unknown (with the nearest one).

    Example:

    >>> capszoo.routing.get_class("scaled_distance").tunable_arguments
    ('iterations',)
    """
    return ROUTINGS.get(name)


def get(identifier: str | dict | Routing, **kwargs) -> Routing:
    """Makes a routing from a name, a config or an instance.

    Args:
        identifier: A name of `names()`; a dict `{"name": ..., argument: value, ...}` or a
            config as Keras serializes it; or a `Routing`, which is returned as it is.
        **kwargs: Arguments of the routing that `identifier` does not give itself. An instance
            keeps its own.

    Returns:
        A `Routing`.

    Raises:
        ValueError: If the name is unknown (with the nearest one).
        TypeError: If `identifier` is none of the above or an argument is unknown.

    Example:

    >>> capszoo.routing.get("dynamic", iterations=2).iterations
    2
    >>> capszoo.routing.get({"name": "dynamic", "leaky": True}).leaky
    True
    """
    if isinstance(identifier, Routing):
        return identifier
    if isinstance(identifier, str):
        return ROUTINGS.get(identifier)(**kwargs)
    if isinstance(identifier, dict) and "class_name" in identifier:
        config = {**identifier, "config": {**kwargs, **identifier["config"]}}
        # While a model loads, Keras gives out one object for one id: here each is a new one.
        config.pop("shared_object_id", None)
        routing = keras.saving.deserialize_keras_object(config)
        if isinstance(routing, Routing):
            return routing
    if isinstance(identifier, dict) and "name" in identifier:
        arguments = {**kwargs, **identifier}
        return get(arguments.pop("name"), **arguments)
    raise TypeError(
        "Expected `routing` to be a name, a dict with the key 'name', a serialized config or a "
        f"capszoo.routing.Routing. Received: {identifier!r}"
    )


def serialize(routing: Routing, dtype=None) -> dict[str, Any]:
    """Makes the config that `get` turns back into an equal, unbuilt routing.

    Args:
        routing: A `Routing`.
        dtype: Dtype policy of the layer around it. A routing of the same policy is written
            without one: it follows its layer. Defaults to `None`.

    Returns:
        A dictionary, as Keras serializes an object.

    Example:

    >>> config = capszoo.routing.serialize(capszoo.routing.get("dynamic", iterations=2))
    >>> capszoo.routing.get(config).iterations
    2
    """
    config = keras.saving.serialize_keras_object(routing)
    # The layer that takes the routing builds it, for its own votes.
    config.pop("build_config", None)
    if dtype is not None and routing.dtype_policy == dtype:
        del config["config"]["dtype"]
    return config
