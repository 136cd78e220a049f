"""Families by name: ours, a user's own, and those of installed packages."""

import fnmatch
import functools
import importlib.metadata
import inspect
import warnings

from capszoo.models.classifier import CapsuleClassifier
from capszoo.validation import unknown_name_error

ENTRY_POINT_GROUP = "capszoo.families"

_FAMILIES: dict[str, type[CapsuleClassifier]] = {}


def register_family(name):
    """Decorates a `CapsuleClassifier` subclass to put it into the zoo as a family.

    A registered family is listed, loaded, trained and tuned like ours. An installed package
    registers its families by an entry point in the group `capszoo.families` that names the
    module or class.

    Args:
        name: The family's name, in lower case with underscores; must be new.

    Raises:
        ValueError: If the name is taken by another class or is no identifier.
        TypeError: If the class is no `CapsuleClassifier`.

    Example:

    >>> @capszoo.register_family("wide_capsnet")
    ... class WideCapsNet(capszoo.models.CapsNet):
    ...     pass
    >>> capszoo.list_models("wide*")
    ['wide_capsnet']
    """

    def decorate(cls):
        if not (inspect.isclass(cls) and issubclass(cls, CapsuleClassifier)):
            raise TypeError(
                f"Expected a subclass of capszoo.models.CapsuleClassifier. Received: {cls!r}"
            )
        if not (isinstance(name, str) and name.isidentifier() and name.islower()):
            raise ValueError(f"A family's name must be a lower-case identifier. Received: {name!r}")
        taken = _FAMILIES.get(name, cls)
        if (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(f"The family name {name!r} is taken by {taken.__qualname__}.")
        if vars(cls).get("family", name) != name:
            raise ValueError(f"{cls.__qualname__} is the family {cls.family!r} already.")
        _FAMILIES[name] = cls
        cls.family = name
        return cls

    return decorate


@functools.cache
def _load_entry_points():
    for entry_point in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        try:
            entry_point.load()
        except Exception as error:  # one broken package must not take the zoo with it
            warnings.warn(
                f"Could not load the families of entry point {entry_point.value!r} "
                f"({ENTRY_POINT_GROUP}): {error}",
                stacklevel=2,
            )


def list_models(pattern="*"):
    """Lists the families of models.

    Args:
        pattern: Shell-style pattern of the names. Defaults to `"*"`.

    Returns:
        Sorted list of names.

    Example:

    >>> capszoo.list_models("caps*")
    ['capsnet']
    """
    _load_entry_points()
    return sorted(fnmatch.filter(_FAMILIES, pattern))


def get_family(name):
    """Finds the class of a family.

    Args:
        name: A name of `list_models()`.

    Returns:
        The `CapsuleClassifier` subclass.

    Raises:
        ValueError: If the name is unknown (with the nearest one).

    Example:

    >>> capszoo.models.get_family("capsnet").__name__
    'CapsNet'
    """
    if name not in list_models():
        raise unknown_name_error("family", name, _FAMILIES)
    return _FAMILIES[name]
