"""Reading an `.npz` file in the layout of `keras.datasets`, and checking what it holds."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from capszoo.data.splits import Examples

LAYOUT = "x_train, y_train, x_test, y_test"
CONVERT = (
    "Pictures are stored as uint8 from 0 to 255 (for floats from 0 to 1: "
    "`np.rint(255 * x).astype('uint8')`)."
)


def read_npz(path: Path, with_instances: bool = False) -> dict[str, Examples]:
    """Reads and checks the training and test examples of an `.npz` file.

    Both parts are checked whichever is wanted, so that a mistake in the test set shows before
    the training and not after it. Nothing in the file is ever unpickled.

    Args:
        path: The file. It holds `x_train` and `x_test`, uint8 pictures (n, height, width,
            channels) or grayscale (n, height, width), and `y_train` and `y_test`, integer
            labels (n,) or (n, 1).
        with_instances: Whether it must also hold `instance_train`, the number of the object in
            each training picture. Defaults to `False`.

    Returns:
        The examples under `"train"` and `"test"`, with a channel axis and int64 labels.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read or an array is not as said above.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no data file at {path}.")
    names = LAYOUT.split(", ") + (["instance_train"] if with_instances else [])
    arrays = _read_arrays(path, names)
    parts = {}
    for part in ("train", "test"):
        images = _check_images(path, f"x_{part}", arrays[f"x_{part}"])
        labels = _check_labels(path, f"y_{part}", arrays[f"y_{part}"], len(images))
        instances = arrays.get(f"instance_{part}")
        if instances is not None:
            instances = _check_labels(path, f"instance_{part}", instances, len(images))
        parts[part] = Examples(images, labels, instances)
    train_shape, test_shape = (parts[part].images.shape[1:] for part in ("train", "test"))
    if train_shape != test_shape:
        raise ValueError(
            f"The pictures of {path} must all have one shape. Received: x_train with "
            f"{train_shape} and x_test with {test_shape}."
        )
    return parts


def _read_arrays(path, names):
    # Asked first, because `np.load` also takes a lone array, and takes any other file for a
    # pickle: its message would advise to allow pickles.
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path} is not an .npz file, or only a part of one (a download cut short?). "
            f"Expected an archive written by `np.savez`, with the arrays {LAYOUT}."
        )
    arrays = {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [name for name in names if name not in archive.files]
            if not missing:
                for name in names:
                    arrays[name] = archive[name]
    except (ValueError, OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        where = f"the array {names[len(arrays)]!r} of " if len(arrays) < len(names) else ""
        raise ValueError(f"Cannot read {where}{path}: {error}") from error
    if missing:
        raise ValueError(
            f"{path} lacks {', '.join(missing)}. Expected the arrays {', '.join(names)}. "
            f"Received: {', '.join(archive.files) or 'none'}."
        )
    return arrays


def _check_images(path, name, images):
    if images.dtype != np.uint8:
        raise ValueError(
            f"The array {name!r} of {path} must be of type uint8. {CONVERT} "
            f"Received: {images.dtype}."
        )
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(
            f"The array {name!r} of {path} must have the shape (n, height, width, channels) or "
            f"(n, height, width), none of them 0. Received: {images.shape}."
        )
    return images


def _check_labels(path, name, labels, count):
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"The array {name!r} of {path} must hold integers: the number of the class, from 0. "
            f"Received: type {labels.dtype}."
        )
    # keras.datasets gives CIFAR-10's labels a second axis of length 1.
    if labels.shape not in ((count,), (count, 1)):
        raise ValueError(
            f"The array {name!r} of {path} must hold one integer for each of its {count} "
            f"pictures, shape ({count},). Received: shape {labels.shape}."
        )
    if labels.min() < 0:
        raise ValueError(
            f"The array {name!r} of {path} must not be negative. Received: {labels.min()}."
        )
    return labels.reshape(count).astype("int64")
