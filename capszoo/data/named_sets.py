"""The named data sets: what is fixed about each, and where it is found."""

import functools
import os
from pathlib import Path

from capszoo.data.data_set import DATA_SETS
from capszoo.data.data_set import DataSet
from capszoo.data.data_set import register
from capszoo.data.digits import load_digits
from capszoo.data.generated_ecg import LENGTH
from capszoo.data.generated_ecg import RHYTHMS
from capszoo.data.generated_ecg import generated_ecg
from capszoo.data.npz import read_npz
from capszoo.data.splits import HOLD_OUT
from capszoo.data.splits import choose
from capszoo.data.tfds_source import read_tfds

NUMERALS = tuple("0123456789")
CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
OBJECTS = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
TOYS = ("animal", "human", "airplane", "truck", "car")


def _read(name, tfds_name, split, data_dir, hold_out="object"):
    """Reads a named set that lies in a folder or comes from TensorFlow Datasets."""
    examples, source = _find(name, tfds_name, split, data_dir)
    if split == "test":
        return examples.images, examples.labels
    return choose(examples, split, source, hold_out)


def _find(name, tfds_name, split, data_dir):
    """Returns the training or test examples of a named set, and where they were found."""
    named = DATA_SETS.get(name)
    # Validation is carved from the training examples.
    part = "test" if split == "test" else "train"
    data_dir = data_dir or os.environ.get("CAPSZOO_DATA_DIR") or None
    data_dir = data_dir and os.path.expanduser(data_dir)
    path = data_dir and Path(data_dir) / f"{name}.npz"
    if path and path.exists():
        source = str(path)
        examples = read_npz(path, with_instances=name == "smallnorb")[part]
    else:
        source = f"TensorFlow Datasets' {tfds_name}"
        examples = read_tfds(name, tfds_name, part, data_dir)
    if examples.images.shape[1:] != named.shape:
        raise ValueError(
            f"The pictures of {name!r} have the shape {named.shape}. "
            f"Received: {examples.images.shape[1:]} from {source}."
        )
    if examples.labels.max() >= len(named.class_names):
        raise ValueError(
            f"The labels of {name!r} go from 0 to {len(named.class_names) - 1}. "
            f"Received: {examples.labels.max()} from {source}."
        )
    return examples, source


register("digits", DataSet((8, 8, 1), NUMERALS, lambda split, data_dir: load_digits(split)))
for _name, _shape, _classes, _tfds_name, _options in (
    ("mnist", (28, 28, 1), NUMERALS, "mnist", {}),
    ("fashion_mnist", (28, 28, 1), CLOTHES, "fashion_mnist", {}),
    ("cifar10", (32, 32, 3), OBJECTS, "cifar10", {}),
    ("smallnorb", (48, 48, 2), TOYS, "smallnorb", {"hold_out": HOLD_OUT}),
    ("svhn", (32, 32, 3), NUMERALS, "svhn_cropped", {}),
):
    register(
        _name, DataSet(_shape, _classes, functools.partial(_read, _name, _tfds_name), _options)
    )
register(
    "generated_ecg", DataSet((LENGTH, 2), RHYTHMS, lambda split, data_dir: generated_ecg(split))
)
