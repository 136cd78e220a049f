"""Data sets: `load(name)` gives the pictures and labels of a named set or of your own files."""

from capszoo.data import named_sets
from capszoo.data.cases import Case
from capszoo.data.data_set import DataSet
from capszoo.data.data_set import register
from capszoo.data.data_set import set_of_cases
from capszoo.data.datasets import class_names
from capszoo.data.datasets import example_shape
from capszoo.data.datasets import load
from capszoo.data.datasets import names
from capszoo.data.datasets import options
from capszoo.data.graphs import Graph
from capszoo.data.images import read_image
from capszoo.data.masks import load_cases

__all__ = [
    "Case",
    "DataSet",
    "Graph",
    "class_names",
    "example_shape",
    "load",
    "load_cases",
    "names",
    "options",
    "read_image",
    "register",
    "set_of_cases",
]
