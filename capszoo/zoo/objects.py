"""Objects named in a preset: `{ClassName: {argument: value}}`, of the classes allowed there."""

import math

from capszoo.validation import unknown_name_error


def make_object(kind, spec, classes):
    """Makes an object from its class's name and arguments.

    Arguments of the same form are made first: `{Adam: {learning_rate: {CosineDecay: {...}}}}`.

    Args:
        kind: What it is, for the error: `"optimizer"`.
        spec: A mapping with the one key `ClassName`, its value a mapping of arguments.
        classes: The classes allowed, by name; see `capszoo.zoo.named_classes`.

    Returns:
        The object.

    Raises:
        ValueError: If the form, the class or an argument is wrong.
    """
    check_object(kind, spec, classes)
    ((name, arguments),) = spec.items()
    arguments = {
        key: make_object(f"{kind} argument {key}", value, classes) if _is_spec(value) else value
        for key, value in (arguments or {}).items()
    }
    try:
        return classes[name](**arguments)
    except Exception as error:  # whatever its class trips over
        known = isinstance(error, (TypeError, ValueError)) and str(error)
        raise ValueError(f"{kind} {name}: {known or repr(error)}") from error


def check_object(kind, spec, classes):
    """Raises `ValueError` unless a spec, and each within it, is of a class allowed.

    Args:
        kind: What it is, for the error: `"optimizer"`.
        spec: As in `make_object`.
        classes: The classes allowed, by name.
    """
    if not _is_spec(spec):
        raise ValueError(
            f"Expected {kind} as {{ClassName: {{argument: value}}}}. Received: {spec!r}"
        )
    ((name, arguments),) = spec.items()
    if name not in classes:
        raise unknown_name_error(kind, name, classes)
    for key, value in (arguments or {}).items():
        if _is_spec(value):
            check_object(f"{kind} argument {key}", value, classes)
        else:
            _refuse_hidden(f"{kind} argument {key}", value)


def _refuse_hidden(kind, value):
    """Raises `ValueError` if a part of an argument is an object to Keras, or NaN or infinite."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"Expected {kind} to be finite. Received: {value!r}")
    if isinstance(value, dict):
        if "class_name" in value:
            raise ValueError(
                f"Expected {kind} as {{ClassName: {{argument: value}}}}. Received: {value!r}"
            )
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            _refuse_hidden(kind, item)


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
