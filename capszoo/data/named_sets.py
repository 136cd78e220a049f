"""The named data sets: what is fixed about each, and where it is found."""

import functools
import os
from pathlib import Path

from capszoo.data.affine_mnist import SIDE as CANVAS
from capszoo.data.affine_mnist import affine_mnist
from capszoo.data.data_set import DATA_SETS
from capszoo.data.data_set import DataSet
from capszoo.data.data_set import register
from capszoo.data.data_set import set_of_cases
from capszoo.data.digit_scenes import CLASSES as DIGITS
from capszoo.data.digit_scenes import digit_scenes
from capszoo.data.digits import load_digits
from capszoo.data.faces import PERSONS
from capszoo.data.faces import SIDE as FACE
from capszoo.data.faces import read_olivetti
from capszoo.data.generated_ecg import LENGTH
from capszoo.data.generated_ecg import RHYTHMS
from capszoo.data.generated_ecg import generated_ecg
from capszoo.data.generated_graphs import LABELS
from capszoo.data.generated_graphs import MOTIFS
from capszoo.data.generated_graphs import generated_graphs
from capszoo.data.generated_histories import ITEMS
from capszoo.data.generated_histories import LENGTH as LENGTH_OF_HISTORY
from capszoo.data.generated_histories import generated_histories
from capszoo.data.generated_questions import QUESTION_KINDS
from capszoo.data.generated_questions import generated_questions
from capszoo.data.generated_volumes import CLASSES as ELLIPSOIDS
from capszoo.data.generated_volumes import generated_volumes
from capszoo.data.graph_sets import SETS as GRAPH_SETS
from capszoo.data.graph_sets import read_graphs
from capszoo.data.mask_sets import read_hippocampus
from capszoo.data.mask_sets import read_nuclei
from capszoo.data.moving_digits import CLASSES as MOVING_DIGITS
from capszoo.data.moving_digits import FORMS
from capszoo.data.moving_digits import FRAMES
from capszoo.data.moving_digits import moving_digits
from capszoo.data.multi_mnist import SIDE as CANVAS_OF_TWO
from capszoo.data.multi_mnist import multi_mnist
from capszoo.data.npz import read_npz
from capszoo.data.sentence_sets import FOLDS
from capszoo.data.sentence_sets import QUESTIONS
from capszoo.data.sentence_sets import read_sentences
from capszoo.data.splits import HOLD_OUT
from capszoo.data.splits import choose
from capszoo.data.tfds_source import read_tfds
from capszoo.data.viewpoints import VIEWPOINTS
from capszoo.data.viewpoints import of_viewpoints

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


def _read(name, tfds_name, split, data_dir, hold_out="object", viewpoints="all"):
    """Reads a named set that lies in a folder or comes from TensorFlow Datasets."""
    examples, source = _find(name, tfds_name, split, data_dir, viewpoints != "all")
    examples = of_viewpoints(examples, viewpoints)
    if split == "test":
        return examples.images, examples.labels
    return choose(examples, split, source, hold_out)


def _find(name, tfds_name, split, data_dir, with_viewpoints):
    """Returns the training or test examples of a named set, and where they were found."""
    named = DATA_SETS.get(name)
    # Validation is carved from the training examples.
    part = "test" if split == "test" else "train"
    data_dir = data_dir or os.environ.get("CAPSZOO_DATA_DIR") or None
    data_dir = data_dir and os.path.expanduser(data_dir)
    path = data_dir and Path(data_dir) / f"{name}.npz"
    if path and path.exists():
        source = str(path)
        with_instances = name == "smallnorb"
        examples = read_npz(path, with_instances, with_viewpoints)[part]
    elif data_dir and not os.path.isdir(data_dir):
        raise ValueError(
            f"There is no folder {str(data_dir)!r}, which data_dir (--data-dir) or "
            f"CAPSZOO_DATA_DIR names. Make it, if {name!r} is to be downloaded into it."
        )
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
    ("smallnorb", (48, 48, 2), TOYS, "smallnorb", {"hold_out": HOLD_OUT, "viewpoints": VIEWPOINTS}),
    ("svhn", (32, 32, 3), NUMERALS, "svhn_cropped", {}),
):
    register(
        _name, DataSet(_shape, _classes, functools.partial(_read, _name, _tfds_name), _options)
    )
_digits = functools.partial(_read, "mnist", "mnist")
for _name, _side, _make in (
    ("affine_mnist", CANVAS, affine_mnist),
    ("multi_mnist", CANVAS_OF_TWO, multi_mnist),
):
    register(_name, DataSet((_side, _side, 1), NUMERALS, functools.partial(_make, _digits)))
register(
    "generated_ecg", DataSet((LENGTH, 2), RHYTHMS, lambda split, data_dir: generated_ecg(split))
)
for _name, _size, _classes, _read_cases in (
    ("digit_scenes", (32, 32), DIGITS, lambda split, data_dir: digit_scenes(split)),
    (
        "generated_volumes",
        (16, 16, 16),
        ELLIPSOIDS,
        lambda split, data_dir: generated_volumes(split),
    ),
    ("hippocampus", (48, 64, 48), ("background", "anterior", "posterior"), read_hippocampus),
    ("nuclei", (256, 256), ("background", "nucleus"), read_nuclei),
):
    register(_name, set_of_cases((*_size, 1), _classes, _read_cases))
register(
    "generated_questions",
    DataSet((14, 92), QUESTION_KINDS, lambda split, data_dir: generated_questions(split)),
)
# How many words the longest text has, at most 128, and how many numbers stand for words.
for _set, _size, _labels, _folds in (
    ("trec", (37, 7905), QUESTIONS, {}),
    ("mr", (68, 18405), ("negative", "positive"), {"fold": FOLDS}),
    ("subj", (128, 20975), ("objective", "subjective"), {"fold": FOLDS}),
    ("cr", (106, 5347), ("negative", "positive"), {"fold": FOLDS}),
    ("sst2", (64, 13843), ("negative", "positive"), {}),
):
    register(_set, DataSet(_size, _labels, functools.partial(read_sentences, _set), _folds))
register(
    "generated_graphs",
    DataSet((24, LABELS), MOTIFS, lambda split, data_dir: generated_graphs(split)),
)
for _set, _graphs in GRAPH_SETS.items():
    register(
        _set,
        DataSet(
            _graphs.shape,
            _graphs.class_names,
            functools.partial(read_graphs, _set),
            {"fold": FOLDS},
        ),
    )
register(
    "generated_histories",
    DataSet(
        (LENGTH_OF_HISTORY, ITEMS),
        tuple(map(str, range(ITEMS))),
        lambda split, data_dir: generated_histories(split),
    ),
)
register(
    "moving_digits",
    DataSet(
        (FRAMES, 32, 32, 1),
        MOVING_DIGITS,
        lambda split, data_dir, labels="classes": moving_digits(split, labels),
        {"labels": FORMS},
    ),
)
register(
    "olivetti",
    DataSet((FACE, FACE, 1), tuple(f"person_{number}" for number in range(PERSONS)), read_olivetti),
)
