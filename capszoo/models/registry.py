"""Tasks and families by name: ours, a user's own, and those of installed packages."""

import keras

from capszoo.models.capsule_model import CapsuleModel
from capszoo.registry import Registry
from capszoo.registry import check_subclass

TASKS = Registry("task", "tasks", check_subclass(CapsuleModel))
FAMILIES = Registry("family", "families", check_subclass(CapsuleModel))


def register_task(name: str):
    """Decorates a `CapsuleModel` subclass to make it known as a task.

    Presets name their task; families are its subclasses. An installed package registers its
    tasks by an entry point in the group `capszoo.tasks` that names the module or class.

    Args:
        name: The task's name, in lower case with underscores; must be new.

    Raises:
        ValueError: If the name is taken by another class or is no identifier.
        TypeError: If the class is no `CapsuleModel`.
    """

    def decorate(cls):
        TASKS.add(name, cls)
        cls.task = name
        return cls

    return decorate


def register_family(name: str):
    """Decorates a subclass of a task to put it into the zoo as a family.

    A registered family is listed, loaded, trained and tuned like ours. An installed package
    registers its families by an entry point in the group `capszoo.families` that names the
    module or class.

    Args:
        name: The family's name, in lower case with underscores; must be new.

    Raises:
        ValueError: If the name is taken by another class or is no identifier.
        TypeError: If the class is no `CapsuleModel`.

    Example:

    >>> @capszoo.register_family("wide_capsnet")
    ... class WideCapsNet(capszoo.models.CapsNet):
    ...     pass
    >>> capszoo.list_models("wide*")
    ['wide_capsnet']
    """

    def decorate(cls):
        FAMILIES.check(name, cls)
        if vars(cls).get("family", name) != name:
            raise ValueError(f"{cls.__qualname__} is the family {cls.family!r} already.")
        FAMILIES.add(name, cls)
        cls.family = name
        # Files of `model.save("model.h5")` name the class alone, without its package.
        keras.saving.get_custom_objects().setdefault(cls.__name__, cls)
        return cls

    return decorate


def list_models(pattern: str = "*") -> list[str]:
    """Lists the families of models.

    Args:
        pattern: Shell-style pattern of the names. Defaults to `"*"`.

    Returns:
        Sorted list of names.

    Example:

    >>> capszoo.list_models("unet*")
    ['unet2d', 'unet3d']
    """
    return FAMILIES.names(pattern)


def get_family(name: str) -> type[CapsuleModel]:
    """Finds the class of a family.

    Args:
        name: A name of `list_models()`.

    Returns:
        The `CapsuleModel` subclass.

    Raises:
        ValueError: If the name is unknown (with the nearest one).

    Example:

    >>> capszoo.models.get_family("capsnet").__name__
    'CapsNet'
    """
    return FAMILIES.get(name)
