"""The layers of a Keras 2 weights file, told apart by what their arrays look like."""

from collections.abc import Mapping
from typing import NamedTuple

from capszoo.converters.stored import Array


class FileLayer(NamedTuple):
    """A layer: its path in the file and its arrays by their own names."""

    path: str
    arrays: dict[str, Array]

    @property
    def group(self) -> str:
        """The top group of the file that the layer lies in."""
        return self.path.split("/")[0]

    def source(self, name: str) -> str:
        """The path of an array of the layer, whether or not it is there."""
        return f"{self.path}/{name}"


class FileLayers(NamedTuple):
    """The layers of a file by kind, in the order of the file."""

    convolutions: list[FileLayer]
    normalizations: list[FileLayer]
    capsules: list[FileLayer]
    dense: list[FileLayer]


def layers_of(arrays: Mapping[str, Array]) -> FileLayers:
    """Groups arrays by layer, and layers by kind.

    Args:
        arrays: Dictionary from path to array, in the order of the file.

    Returns:
        A `FileLayers`: with a kernel of four axes, with `gamma`, with `W` of four axes, with a
        kernel of two axes.
    """
    found: dict[str, dict[str, Array]] = {}
    for source, array in arrays.items():
        path, _, name = source.rpartition("/")
        found.setdefault(path, {})[name] = array
    kinds = FileLayers([], [], [], [])
    for path, content in found.items():
        layer = FileLayer(path, content)
        if _axes(content, "W") == 4:
            kinds.capsules.append(layer)
        elif "gamma" in content:
            kinds.normalizations.append(layer)
        elif _axes(content, "kernel") == 4:
            kinds.convolutions.append(layer)
        elif _axes(content, "kernel") == 2:
            kinds.dense.append(layer)
    return kinds


def _axes(content, name):
    return content[name].ndim if name in content else 0
