"""Objects named in a preset: `{ClassName: {argument: value}}`, from a list of namespaces."""

import inspect

from capszoo.validation import unknown_name_error


def make_object(kind, spec, *namespaces):
    """Makes an object from its class's name and arguments.

    Arguments of the same form are made first: `{Adam: {learning_rate: {CosineDecay: {...}}}}`.

    Args:
        kind: What it is, for the error: `"optimizer"`.
        spec: A mapping with the one key `ClassName`, its value a mapping of arguments.
        *namespaces: Modules that hold the classes allowed, the first one wins.

    Returns:
        The object.

    Raises:
        ValueError: If the form, the class or an argument is wrong.
    """
    if not _is_spec(spec):
        raise ValueError(
            f"Expected {kind} as {{ClassName: {{argument: value}}}}. Received: {spec!r}"
        )
    ((name, arguments),) = spec.items()
    classes = {
        key: value
        for namespace in reversed(namespaces)
        for key, value in vars(namespace).items()
        if inspect.isclass(value) and not key.startswith("_")
    }
    if name not in classes:
        raise unknown_name_error(kind, name, classes)
    arguments = {
        key: make_object(f"{kind} argument {key}", value, *namespaces) if _is_spec(value) else value
        for key, value in (arguments or {}).items()
    }
    try:
        return classes[name](**arguments)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{kind} {name}: {error}") from None


def _is_spec(value):
    return (
        isinstance(value, dict)
        and len(value) == 1
        and all(
            isinstance(name, str)
            and name[:1].isupper()
            and (arguments is None or isinstance(arguments, dict))
            for name, arguments in value.items()
        )
    )
