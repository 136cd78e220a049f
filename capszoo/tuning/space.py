"""Search spaces: read from a file, checked, fitted to the images, changed by the user."""

import os
import pathlib
from typing import Any

import pydantic

from capszoo.files import read_yaml
from capszoo.models import get_family
from capszoo.tuning.schema import TYPES
from capszoo.tuning.schema import Choice
from capszoo.tuning.schema import SearchSpace
from capszoo.validation import unknown_name_error
from capszoo.zoo import presets

SPACE_FILE = "search_space.yaml"


def read_space(space: str | os.PathLike) -> SearchSpace:
    """Reads and checks a search space.

    Args:
        space: The name of a family, or the path of a YAML file.

    Returns:
        A `SearchSpace`.

    Raises:
        ValueError: If there is none, or the file is not valid; the error names the file, the
            key, what is allowed and what came.

    Example:

    >>> capszoo.tuning.read_space("capsnet").defaults()["routing"]
    'dynamic'
    """
    path = pathlib.Path(space)
    if path.suffix not in (".yaml", ".yml"):
        get_family(str(space))
        files = [folder / space / SPACE_FILE for folder in presets.preset_folders()]
        known = [file for file in files if file.is_file()]
        if not known:
            raise ValueError(
                f"The family {space!r} has no search space: write one to "
                f"<folder>/{space}/{SPACE_FILE} and set CAPSZOO_PRESETS=<folder>."
            )
        path = known[0]
    if not path.is_file():
        raise ValueError(f"There is no search space at {str(path)!r}.")
    found = validate_space(read_yaml(path), path)
    choices = {one.name: one.values for one in found.hyperparameters if isinstance(one, Choice)}
    for entry in found.hyperparameters:
        for parent, values in entry.when.items():
            for value in values:
                if value not in choices.get(parent, values):
                    where = f"{path}: value in {entry.name}.when.{parent}:"
                    raise unknown_name_error(where, value, map(str, choices[parent]))
    return found


def validate_space(content: Any, where: object) -> SearchSpace:
    """Makes a `SearchSpace` of plain data.

    Args:
        content: What the YAML file holds.
        where: The file, for the error.

    Returns:
        A `SearchSpace`.

    Raises:
        ValueError: If the content is not valid.
    """
    if not isinstance(content, dict):
        raise ValueError(f"{where}: expected a mapping of keys to values. Received: {content!r}")
    try:
        return SearchSpace.model_validate(content)
    except pydantic.ValidationError as error:
        lines = [_explain(problem, content) for problem in error.errors()]
        raise ValueError("\n  ".join([f"{where} is not a valid search space:", *lines])) from None


def override(space: SearchSpace, overrides: dict[str, Any] | None) -> SearchSpace:
    """Fixes hyper-parameters of a space or changes their range.

    Args:
        space: A `SearchSpace`.
        overrides: Maps names to a value, which fixes it, or to a mapping of the keys to change:
            `{"routing": "dynamic", "conv_filters": {"values": [16, 32], "default": 16}}`.

    Returns:
        A new `SearchSpace`.

    Raises:
        ValueError: If a name is unknown (with the nearest one) or a range is not valid.

    Example:

    >>> space = capszoo.tuning.read_space("capsnet")
    >>> capszoo.tuning.override(space, {"iterations": 2}).defaults()["iterations"]
    2
    """
    content = space.model_dump(exclude_unset=True)
    entries = {entry["name"]: entry for entry in content["hyperparameters"]}
    for name, change in (overrides or {}).items():
        if name not in entries:
            raise unknown_name_error(f"hyper-parameter of {space.family}:", name, entries)
        if isinstance(change, dict):
            entries[name].update(change)
        else:
            when = {"when": entries[name]["when"]} if "when" in entries[name] else {}
            entries[name] = {"name": name, "type": "Fixed", "value": change, **when}
    content["hyperparameters"] = list(entries.values())
    return validate_space(content, f"the search space of {space.family} with {overrides}")


def fit_to_image(space: SearchSpace, image_shape: tuple[int, ...]) -> SearchSpace:
    """Leaves out the choices that need larger images than these.

    Args:
        space: A `SearchSpace`.
        image_shape: `(height, width, channels)` of the images, `(length, channels)` of signals.

    Returns:
        A new `SearchSpace`.
    """
    side = min(image_shape[:-1])
    entries = []
    for entry in space.hyperparameters:
        if isinstance(entry, Choice) and entry.smallest_image:
            values = [one for one in entry.values if entry.smallest_image.get(one, 0) <= side]
            default = entry.default if entry.default in values else (values or entry.values)[-1]
            changes: dict[str, Any] = {
                "values": values or entry.values,
                "default": default,
                "smallest_image": {},
            }
            entry = entry.model_copy(update=changes)
        entries.append(entry)
    return space.model_copy(update={"hyperparameters": entries})


def _explain(problem, content):
    """One line on one problem that pydantic found: where, what is allowed, what came."""
    first, *rest = problem["loc"] or ("(the whole file)",)
    section, where = SearchSpace, str(first)
    if first == "hyperparameters" and rest:
        entry = content["hyperparameters"][rest[0]]
        name = entry.get("name", "?") if isinstance(entry, dict) else "?"
        where = ".".join([f"hyperparameters[{rest[0]}] ({name})", *map(str, rest[2:])])
        section = TYPES.get(rest[1], SearchSpace) if len(rest) > 1 else SearchSpace
    if problem["type"] == "extra_forbidden":
        key = problem["loc"][-1]
        return f"{where}: {unknown_name_error('key', key, section.model_fields)}"
    if problem["type"] == "union_tag_invalid":
        return f"{where}: {unknown_name_error('type', entry.get('type'), TYPES)}"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] in ("missing", "value_error", "union_tag_not_found"):
        return f"{where}: {message}"
    return f"{where}: {message}. Received: {problem['input']!r}"
