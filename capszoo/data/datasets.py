"""The named data sets, and `load`, which finds the examples behind a name or a path."""

import os

import numpy as np

from capszoo.data.data_set import DATA_SETS
from capszoo.data.data_set import check_options
from capszoo.data.image_folder import folder_class_names
from capszoo.data.image_folder import folder_shape
from capszoo.data.image_folder import load_image_folder
from capszoo.data.images import check_picture_shape
from capszoo.data.masks import MASKS
from capszoo.data.masks import find_masks
from capszoo.data.masks import has_masks
from capszoo.data.masks import load_masks
from capszoo.data.npz import KINDS
from capszoo.data.npz import check_value_range
from capszoo.data.npz import read_npz
from capszoo.data.own_files import OWN_FILES
from capszoo.data.own_files import find_own
from capszoo.data.own_paths import own_path
from capszoo.data.splits import SPLITS
from capszoo.data.splits import choose
from capszoo.validation import check_choice
from capszoo.validation import check_image_shape


def names() -> list[str]:
    """Returns the names of the data sets that `load` knows.

    Example:

    >>> capszoo.data.names()  # doctest: +NORMALIZE_WHITESPACE
    ['digits', 'mnist', 'fashion_mnist', 'cifar10', 'smallnorb', 'svhn', 'affine_mnist',
     'multi_mnist', 'generated_ecg', 'digit_scenes', 'generated_volumes', 'hippocampus', 'nuclei',
     'generated_questions', 'trec', 'mr', 'subj', 'cr', 'sst2', 'generated_graphs', 'mutag',
     'nci1', 'proteins', 'generated_histories', 'moving_digits', 'olivetti']
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
        data_dir: As in `load`; the names do not depend on it. Defaults to `None`.
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
    if known := _known(name, kind):
        return list(known.class_names)
    if own := find_own(name, kind):
        return OWN_FILES[kind].class_names(own)
    path = own_path(name)
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
    """Returns the examples, such as pictures, and the labels of one split of a data set.

    A named set is read from `<data_dir>/<name>.npz` if there is such a file, else from
    TensorFlow Datasets, which downloads it into `data_dir` the first time; `digits` comes with
    scikit-learn, and `generated_ecg` is made by a formula, see `capszoo.data.generated_ecg`.
    smallNORB is always 48x48, the 2x2 means of the originals, with the left and the right camera
    as channels; SVHN is its 73,257 training pictures without the extra ones. `affine_mnist` and
    `multi_mnist` are made of MNIST. Of texts, `generated_questions` are made by a grammar; `trec`,
    `mr`, `subj`, `cr` and `sst2` are read from `<data_dir>/text`, see
    `capszoo.data.sentence_sets`. `generated_graphs` and `generated_histories` are made by rules,
    the other graphs read from `<data_dir>/graphs`. The clips `moving_digits` are made of `digits`.
    The faces `olivetti`, divided by persons, nothing downloads, see `capszoo.data.faces`.

    The training pictures are divided into "train" and "validation" by a fixed rule. In each
    class the tenth whose pixels have the smallest SHA-256 is held out, which depends neither on
    a seed nor on the order of the pictures. Of smallNORB all pictures of one toy per category
    are held out, the one with the highest number, so that validation shows toys not seen in
    training. Of `digits` 1,149, 288 and 360 pictures are taken, stratified, with seed 0.

    Of those with masks, `digit_scenes` and `generated_volumes` are made by a formula, and
    `hippocampus` and `nuclei` are read from folders in `data_dir`, which nothing downloads; how
    they are divided, by whole cases, say those of `capszoo.data.mask_sets`. Cases that differ
    in size are padded to one, images with their smallest value and masks with the background;
    `load_cases` gives them in true size.

    Your own pictures are read from a path (write `"./mnist"` for a folder called as a set is):

    - an `.npz` file with `x_train`, `y_train`, `x_test`, `y_test` as in `keras.datasets`, if you
      like with `x_val` and `y_val` too, or with the names of MedMNIST (`train_images`,
      `train_labels`, `val_images`, ...); signals, numbers of any scale, are of the shape
      (n, length, channels);
    - a folder with one sub-folder per class of PNG, JPEG, BMP, WebP or TIFF files, ordered by
      class. It may hold `train/` (or `training/`), `validation/` (`valid/`, `val/`) and `test/`
      (`testing/`), in any case, with such sub-folders; of what is missing,
      a tenth of each class is carved from the training pictures for the test, then a tenth of
      the rest for validation, at least one picture each, by the SHA-256 of `class/file`;
    - a folder with masks, see `capszoo.data.mask_folder.own_masks`: `images/` and `masks/`, or
      `imagesTr/` and `labelsTr/` of NIfTI files;
    - with `kind="texts"` a `.csv`, `.tsv` or `.jsonl` file, or a folder of such or of `.txt`
      files, see `capszoo.data.text_files.load_texts`;
    - with `kind="graphs"` a folder of JSON files, see `capszoo.data.graph_files.load_graphs`;
    - with `kind="histories"` a `.csv` file, see `capszoo.data.history_files.load_histories`;
    - with `kind="clips"` a folder of video files, see `capszoo.data.video_files.load_clips`, or an
      `.npz` file of clips (n, frames, height, width, channels).

    Args:
        name: A name of `names()`, or the path to your own folder or file.
        split: `"train"`, `"validation"` or `"test"`. Defaults to `"train"`.
        data_dir: The folder of the named sets. Defaults to the environment variable
            `CAPSZOO_DATA_DIR`, and without it to the folder of TensorFlow Datasets.
        image_shape: Height, width and channels. Pictures of a folder, and the frames of clips,
            are resized to it, and made grayscale (1 channel) or RGB (3); those with masks are
            padded to it; other sets must have it already. Defaults to `None`, the shape of the set;
            the pictures of a folder must then be of one size, but for those with masks, padded to
            the largest.
        value_range: The numbers that mean black and white in an `.npz` file of others than uint8
            pictures, `(0, 1)` or `(0, 65535)`; they become 0 and 255. Defaults to `None`.
        kind: What the examples of a path are: `"images"`, `"signals"`, `"texts"`, `"graphs"`,
            `"histories"` or `"clips"`; or `"masks"`, to refuse a set without. Defaults to
            `"images"`.
        **chosen: What a named set offers besides; `None` stands for its default. Of `mr`, `subj`,
            `cr` and the graphs from files `fold`, `"0"` to `"9"`, says which tenth is the test. Of
            smallNORB `hold_out="tenth"`, not `"object"`, leaves pictures of all toys to train on,
            so that validation says nothing of others; `viewpoints` says from where toys are seen,
            see `capszoo.data.viewpoints.of_viewpoints`. Of `moving_digits` `labels` says what they
            are: `"classes"`, or `"masks"` of where a digit is too.

    Returns:
        Pictures, uint8 of shape (n, height, width, channels), signals, float32 of shape
        (n, length, channels), clips, uint8 of shape (n, frames, height, width, channels), or
        strings or `Graph`s in an object array of shape (n,); and labels, int64 of shape (n,), of
        `multi_mnist` (n, 10). Of a set with masks pictures, or volumes, float32
        (n, x, y, z, channels), and masks, uint8 of the same shape without channels: the class of
        each pixel or voxel, 0 the background.

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
    check_choice("kind", kind, (*KINDS, *OWN_FILES, MASKS))
    if value_range is not None:
        value_range = _check_value_range(name, value_range)
    if kind == MASKS or has_masks(name):
        check_options(name, {}, chosen)
        return load_masks(name, split, data_dir, image_shape)
    if image_shape is not None:
        image_shape = check_image_shape(image_shape)
    if _is_named(name):
        found = DATA_SETS.get(name)
        chosen = check_options(name, found.options, chosen)
        _check_same_shape(name, found.shape, image_shape)
        return found.read(split, data_dir, **chosen)
    own = find_own(name, kind)
    path = own or own_path(name)
    check_options(name, {}, chosen)
    if own:
        shape = (image_shape,) if OWN_FILES[kind].resized else ()
        return OWN_FILES[kind].load(own, split, *shape)
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

    That of texts is how many words the longest has, at most 128, and how many numbers stand for
    words and for what is none, see `capszoo.data.tokens`; that of graphs how many nodes the largest
    has, and how many numbers a node.

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
    if known := _known(name, kind):
        return known.shape
    if own := find_own(name, kind):
        return OWN_FILES[kind].shape(own)
    path = own_path(name)
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


def _known(name, kind):
    """The set that a name means, or a folder of images with masks; `None` for other paths."""
    if _is_named(name):
        return DATA_SETS.get(name)
    return find_masks(name) if kind == MASKS or has_masks(name) else None


def _is_named(name):
    return isinstance(name, str) and name in names()


def _check_folder_kind(path, kind):
    if kind != "images":
        raise ValueError(f"Expected {kind} in an .npz file; a folder holds pictures: {path}")


def _check_value_range(name, value_range):
    is_file = not _is_named(name) and not own_path(name).is_dir()
    if not is_file:
        raise ValueError(
            "Argument `value_range` is for the numbers of an .npz file; other pictures have "
            f"theirs. Received: value_range={value_range!r} for {os.fspath(name)!r}"
        )
    return check_value_range(value_range)


def _check_same_shape(source, shape, image_shape):
    if image_shape is not None and image_shape != shape:
        raise ValueError(
            f"The pictures of {source} have the shape {shape}, and only those of a folder are "
            f"resized. Received: image_shape={image_shape}"
        )
