"""The named data sets, and `load`, which finds the examples behind a name or a path."""

import os
from pathlib import Path

import numpy as np

from capszoo.data.data_set import DATA_SETS
from capszoo.data.data_set import check_options
from capszoo.data.image_folder import folder_class_names
from capszoo.data.image_folder import folder_shape
from capszoo.data.image_folder import load_image_folder
from capszoo.data.images import check_picture_shape
from capszoo.data.npz import KINDS
from capszoo.data.npz import read_npz
from capszoo.data.splits import SPLITS
from capszoo.data.splits import choose
from capszoo.validation import check_choice
from capszoo.validation import check_image_shape
from capszoo.validation import check_number
from capszoo.validation import unknown_name_error


def names() -> list[str]:
    """Returns the names of the data sets that `load` knows.

    Example:

    >>> capszoo.data.names()
    ['digits', 'mnist', 'fashion_mnist', 'cifar10', 'smallnorb', 'svhn', 'generated_ecg']
    """
    DATA_SETS.names()  # those of installed packages too
    return list(DATA_SETS.items)


def class_names(
    name: str | os.PathLike,
    data_dir: str | os.PathLike | None = None,
    kind: str = "images",
) -> list[str]:
    """Returns the names of a data set's classes, in the order of its labels.

    Args:
        name: A name of `names()`, or the path to a folder or an `.npz` file, as in `load`.
        data_dir: Taken so that `load` and this function can be given the same arguments; the
            names do not depend on it. Defaults to `None`.
        kind: As in `load`. Defaults to `"images"`.

    Returns:
        One string per class: for a folder the names of its class folders, for an `.npz` file
        the numbers from 0 to its highest label.

    Raises:
        FileNotFoundError: If there is nothing at the path.
        ValueError: If the name is unknown or the files are not as `load` needs them.

    Example:

    >>> capszoo.data.class_names("smallnorb")
    ['animal', 'human', 'airplane', 'truck', 'car']
    """
    if _is_named(name):
        return list(DATA_SETS.get(name).class_names)
    path = _own_path(name)
    if path.is_dir():
        return folder_class_names(path)
    highest = max(part.labels.max() for part in read_npz(path, pixels=False, kind=kind).values())
    return [str(label) for label in range(highest + 1)]


def load(
    name: str | os.PathLike,
    split: str = "train",
    data_dir: str | os.PathLike | None = None,
    *,
    image_shape: tuple[int, int, int] | None = None,
    value_range: tuple[float, float] | None = None,
    kind: str = "images",
    **chosen: str | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the examples, pictures or signals, and the labels of one split of a data set.

    A named set is read from `<data_dir>/<name>.npz` if there is such a file, else from
    TensorFlow Datasets, which downloads it into `data_dir` the first time; `digits` comes with
    scikit-learn, and `generated_ecg` is made by a formula, see `capszoo.data.generated_ecg`.
    smallNORB is always 48x48, the 2x2 means of the originals, with the left and the right camera
    as channels; SVHN is its 73,257 training pictures without the extra ones.

    The training pictures are divided into "train" and "validation" by a fixed rule. In each
    class the tenth whose pixels have the smallest SHA-256 is held out, which depends neither on
    a seed nor on the order of the pictures. Of smallNORB all pictures of one toy per category
    are held out, the one with the highest number, so that validation shows toys not seen in
    training. Of `digits` 1,149, 288 and 360 pictures are taken, stratified, with seed 0.

    Your own pictures are read from a path (write `"./mnist"` for a folder called as a set is):

    - an `.npz` file with `x_train`, `y_train`, `x_test`, `y_test` as in `keras.datasets`, if you
      like with `x_val` and `y_val` too, or with the names of MedMNIST (`train_images`,
      `train_labels`, `val_images`, ...); signals, numbers of any scale, are of the shape
      (n, length, channels);
    - a folder with one sub-folder per class of PNG, JPEG, BMP, WebP or TIFF files, ordered by
      class. It may hold `train/` (or `training/`), `validation/` (`valid/`, `val/`) and `test/`
      (`testing/`), in any case, with such sub-folders; of what is missing,
      a tenth of each class is carved from the training pictures for the test, then a tenth of
      the rest for validation, at least one picture each, by the SHA-256 of `class/file`.

    Args:
        name: A name of `names()`, or the path to your own folder or `.npz` file.
        split: `"train"`, `"validation"` or `"test"`. Defaults to `"train"`.
        data_dir: The folder of the named sets. Defaults to the environment variable
            `CAPSZOO_DATA_DIR`, and without it to the folder of TensorFlow Datasets.
        image_shape: Height, width and channels. Pictures of a folder are resized to it, and made
            grayscale (1 channel) or RGB (3); other sets must have it already. Defaults to
            `None`, the shape of the set; the pictures of a folder must then be of one size.
        value_range: The numbers that mean black and white in an `.npz` file of others than uint8
            pictures, `(0, 1)` or `(0, 65535)`; they become 0 and 255. Defaults to `None`.
        kind: What the examples of an `.npz` file are: `"images"` or `"signals"`.
            Defaults to `"images"`.
        **chosen: What a named set offers besides; `None` stands for its default. Of smallNORB
            `hold_out` says what is validation: `"object"`, as said above, or `"tenth"`, as of
            the other sets, which leaves pictures of all toys to train on; validation then says
            nothing of toys not seen before.

    Returns:
        Pictures, uint8 of shape (n, height, width, channels), or signals, float32 of shape
        (n, length, channels), and labels, int64 of shape (n,).

    Raises:
        FileNotFoundError: If there is nothing at the path.
        ImportError: If a package is missing, with the line that installs it.
        RuntimeError: If TensorFlow Datasets cannot download or prepare the set.
        ValueError: If an argument or a file is not as said above.

    Example:

    >>> images, labels = capszoo.data.load("digits", "test")
    >>> images.shape, labels.shape
    ((360, 8, 8, 1), (360,))
    """
    check_choice("split", split, SPLITS)
    check_choice("kind", kind, KINDS)
    if image_shape is not None:
        image_shape = check_image_shape(image_shape)
    if value_range is not None:
        value_range = _check_value_range(name, value_range)
    if _is_named(name):
        found = DATA_SETS.get(name)
        chosen = check_options(name, found.options, chosen)
        _check_same_shape(name, found.shape, image_shape)
        return found.read(split, data_dir, **chosen)
    path = _own_path(name)
    check_options(name, {}, chosen)
    if path.is_dir():
        _check_folder_kind(path, kind)
        if image_shape is not None:
            check_picture_shape(image_shape)
        return load_image_folder(path, split, image_shape)
    parts = read_npz(path, value_range=value_range, kind=kind)
    examples = parts[split] if split in parts else parts["train"]
    _check_same_shape(path, examples.images.shape[1:], image_shape)
    if split == "test" or "validation" in parts:
        return examples.images, examples.labels
    return choose(examples, split, str(path))


def example_shape(name: str | os.PathLike, kind: str = "images") -> tuple[int | None, ...]:
    """Returns the shape of a set's examples; pictures that differ in size have `None` for it.

    Args:
        name: A name of `names()`, or the path to a folder or an `.npz` file, as in `load`.
        kind: As in `load`. Defaults to `"images"`.

    Returns:
        Tuple, for pictures `(height, width, channels)`.

    Raises:
        FileNotFoundError: If there is nothing at the path.
        ValueError: If the name is unknown or the files are not as `load` needs them.

    Example:

    >>> capszoo.data.example_shape("smallnorb")
    (48, 48, 2)
    """
    if _is_named(name):
        return DATA_SETS.get(name).shape
    path = _own_path(name)
    if path.is_dir():
        _check_folder_kind(path, kind)
        return folder_shape(path)
    return read_npz(path, pixels=False, kind=kind)["train"].images.shape[1:]


def named_shape(name: str | os.PathLike) -> tuple[int, ...] | None:
    """Returns the shape of a named set's examples; `None` for a path."""
    return DATA_SETS.get(name).shape if _is_named(name) else None


def options(name: str | os.PathLike) -> list[str]:
    """Returns what else `load` can be told of a data set."""
    return list(DATA_SETS.get(name).options) if _is_named(name) else []


def _is_named(name):
    return isinstance(name, str) and name in names()


def _check_folder_kind(path, kind):
    if kind != "images":
        raise ValueError(f"Expected {kind} in an .npz file; a folder holds pictures: {path}")


def _check_value_range(name, value_range):
    is_file = not _is_named(name) and not _own_path(name).is_dir()
    if not is_file:
        raise ValueError(
            "Argument `value_range` is for the numbers of an .npz file; other pictures have "
            f"theirs. Received: value_range={value_range!r} for {os.fspath(name)!r}"
        )
    try:
        low, high = (check_number("value_range", value) for value in value_range)
    except (TypeError, ValueError):
        low = high = 0
    if not low < high:
        raise ValueError(
            "Received an invalid value for argument `value_range`, expected two numbers, the "
            f"smaller first. Received: value_range={value_range!r}"
        )
    return low, high


def _own_path(name):
    """Returns the path that `name` means, or raises the error for an unknown name."""
    text = os.fspath(name) if isinstance(name, str | os.PathLike) else ""
    path = Path(text).expanduser()
    separators = (os.sep, os.altsep or os.sep)
    looks_like_path = text.endswith(".npz") or any(mark in text for mark in separators)
    if not text or not (looks_like_path or path.exists()):
        error = unknown_name_error("data set", name, DATA_SETS.items)
        raise ValueError(f"{error} Or give the path to a folder of pictures or an .npz file.")
    if not path.exists():
        raise FileNotFoundError(f"There is no folder or .npz file at {path}.")
    if not path.is_dir() and path.suffix != ".npz":
        raise ValueError(
            "Received an invalid value for argument `name`, expected a data set's name, a "
            f"folder of pictures or an .npz file. Received: name={text!r}"
        )
    return path


def _check_same_shape(source, shape, image_shape):
    if image_shape is not None and image_shape != shape:
        raise ValueError(
            f"The pictures of {source} have the shape {shape}, and only those of a folder are "
            f"resized. Received: image_shape={image_shape}"
        )
