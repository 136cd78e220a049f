"""One open registry by name: routings, families, tasks and data sets, ours and anybody's."""

import fnmatch
import importlib.metadata
import warnings
from collections.abc import Callable
from typing import Any

from capszoo.validation import unknown_name_error


class Registry:
    """Things of one kind by name: ours, a user's own, and those of installed packages.

    An installed package adds its own by an entry point in the group `capszoo.<plural>` that
    names the module or class; it is loaded when somebody first asks for a name.

    Args:
        kind: What the things are, for errors: `"family"`.
        plural: The same of several: `"families"`.
        check: Function of a thing that raises `TypeError` unless it is of this kind.

    Example:

    >>> colours = capszoo.registry.Registry("colour", "colours", check=str)
    >>> colours.add("red", "#ff0000")
    >>> colours.names(), colours.get("red")
    (['red'], '#ff0000')
    """

    def __init__(self, kind: str, plural: str, check: Callable[[Any], Any]):
        self.kind = kind
        self.group = f"capszoo.{plural}"
        self.items: dict[str, Any] = {}
        self._check = check
        self._packages_loaded = False

    def add(self, name: str, thing: Any) -> None:
        """Makes a thing known by a name; the same thing again changes nothing.

        Args:
            name: The name, in lower case with underscores.
            thing: What the name stands for.

        Raises:
            ValueError: If the name is no lower-case identifier or stands for another thing.
            TypeError: If the thing is not of this kind.
        """
        self.check(name, thing)
        self.items[name] = thing

    def check(self, name: str, thing: Any) -> None:
        """Raises what `add` would raise."""
        self._check(thing)
        if not (isinstance(name, str) and name.isidentifier() and name.islower()):
            raise ValueError(
                f"A {self.kind}'s name must be a lower-case identifier. Received: {name!r}"
            )
        taken = self.items.get(name, thing)
        if _identity(taken) != _identity(thing):
            raise ValueError(f"The {self.kind} name {name!r} is taken by {_identity(taken)[-1]}.")

    def names(self, pattern: str = "*") -> list[str]:
        """Lists the names that match a shell-style pattern, in order."""
        self._load_packages()
        return sorted(fnmatch.filter(self.items, pattern))

    def get(self, name: Any) -> Any:
        """Finds what a name stands for; raises `ValueError` with the nearest name if unknown."""
        if name not in self.items:
            self._load_packages()
        if name not in self.items:
            raise unknown_name_error(self.kind, name, self.items)
        return self.items[name]

    def _load_packages(self):
        if self._packages_loaded:
            return
        self._packages_loaded = True
        for entry_point in importlib.metadata.entry_points(group=self.group):
            try:
                entry_point.load()
            except Exception as error:  # one broken package must not take the zoo with it
                warnings.warn(
                    f"Could not load the entry point {entry_point.value!r} ({self.group}): {error}",
                    stacklevel=3,
                )


def check_subclass(base: type) -> Callable[[Any], None]:
    """Makes the check of a registry of classes: a subclass of `base`."""

    def check(cls):
        if not (isinstance(cls, type) and issubclass(cls, base)):
            room = base.__module__.split(".")[1]
            raise TypeError(
                f"Expected a subclass of capszoo.{room}.{base.__name__}. Received: {cls!r}"
            )

    return check


def _identity(thing):
    """What makes two things the same: a class that a notebook has defined anew is the same."""
    if isinstance(thing, type):
        return thing.__module__, thing.__qualname__
    return id(thing), repr(thing)
