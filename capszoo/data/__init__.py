"""Data sets: `load(name)` gives the pictures and labels of a named set or of your own files."""

from capszoo.data import named_sets
from capszoo.data.data_set import DataSet
from capszoo.data.data_set import register
from capszoo.data.datasets import class_names
from capszoo.data.datasets import example_shape
from capszoo.data.datasets import load
from capszoo.data.datasets import names
from capszoo.data.datasets import options
from capszoo.data.images import read_image

__all__ = [
    "DataSet",
    "class_names",
    "example_shape",
    "load",
    "names",
    "options",
    "read_image",
    "register",
]
