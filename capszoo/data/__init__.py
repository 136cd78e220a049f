"""Data sets: `load(name)` gives the pictures and labels of a named set or of your own files."""

from capszoo.data.datasets import class_names
from capszoo.data.datasets import load
from capszoo.data.datasets import names
from capszoo.data.images import read_image

__all__ = ["class_names", "load", "names", "read_image"]
