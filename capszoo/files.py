"""Text and YAML files: text written whole or not at all, YAML as presets are written."""

import os
import pathlib
import re
from typing import Any

import yaml


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes a text file beside its name and moves it there: nobody sees half of it.

    Args:
        path: The file.
        text: What it will hold.
    """
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with YAML 1.2's floats, refusing duplicate keys."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


# PyYAML follows YAML 1.1, where 1e-3 is a string for want of a dot.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def read_yaml(path: pathlib.Path, where: object = None) -> Any:
    """Reads a YAML file of plain data.

    Args:
        path: The file.
        where: Where it comes from, for the error. Defaults to `None`, the path.

    Returns:
        Dictionaries, lists, strings, numbers.

    Raises:
        ValueError: If the file is not YAML or a key stands twice.
    """
    try:
        return load_yaml(path.read_text(encoding="utf-8"))
    except ValueError as error:  # UnicodeDecodeError is one, too
        raise ValueError(f"{where or path} is not a YAML file: {error}") from None


def load_yaml(text: str) -> Any:
    """Reads YAML text of plain data.

    Args:
        text: The text.

    Returns:
        Dictionaries, lists, strings, numbers.

    Raises:
        ValueError: If the text is not YAML or a key stands twice.

    Example:

    >>> capszoo.files.load_yaml("learning_rate: 1e-3")
    {'learning_rate': 0.001}
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {error}") from None
