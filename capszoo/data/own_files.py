"""A user's own examples that are no pictures and no arrays, such as texts, by their kind."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from capszoo.data.graph_files import folder_graphs_shape
from capszoo.data.graph_files import load_graphs
from capszoo.data.graph_files import own_graphs_path
from capszoo.data.history_files import histories_shape
from capszoo.data.history_files import item_names
from capszoo.data.history_files import load_histories
from capszoo.data.history_files import own_histories_path
from capszoo.data.image_folder import folder_class_names
from capszoo.data.text_files import load_texts
from capszoo.data.text_files import own_texts_path
from capszoo.data.text_files import text_class_names
from capszoo.data.tokens import texts_shape
from capszoo.data.video_files import folder_clips_shape
from capszoo.data.video_files import load_clips
from capszoo.data.video_files import own_clips_path

# Of a text of one's own, how many words count where nothing else is said.
LONGEST_TEXT = 128


class OwnFiles(NamedTuple):
    """What can be done with a path to examples of one kind.

    Attributes:
        find: Function of a name or path to the path, `None` where there is nothing of the kind.
        load: Function of the path and a split, and of the shape of a frame where this is resized,
            to examples and labels.
        class_names: Function of the path to the names of the classes.
        shape: Function of the path to the shape of the examples.
        resized: Whether `load` takes an `image_shape` too. Defaults to `False`.
    """

    find: Callable[[str | os.PathLike], Path | None]
    load: Callable[..., tuple[np.ndarray, np.ndarray]]
    class_names: Callable[[Path], list[str]]
    shape: Callable[[Path], tuple[int | None, ...]]
    resized: bool = False


def _texts_shape(path):
    return texts_shape(load_texts(path, "train")[0], LONGEST_TEXT)


OWN_FILES = {
    "texts": OwnFiles(own_texts_path, load_texts, text_class_names, _texts_shape),
    "histories": OwnFiles(own_histories_path, load_histories, item_names, histories_shape),
    "graphs": OwnFiles(own_graphs_path, load_graphs, folder_class_names, folder_graphs_shape),
    "clips": OwnFiles(
        own_clips_path, load_clips, folder_class_names, folder_clips_shape, resized=True
    ),
}


def find_own(name: str | os.PathLike, kind: str) -> Path | None:
    """Returns the path to examples of a kind of `OWN_FILES`, `None` where there are none."""
    return OWN_FILES[kind].find(name) if kind in OWN_FILES else None
