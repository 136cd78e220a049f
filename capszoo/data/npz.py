"""Reading an `.npz` file in the layout of `keras.datasets`, and checking what it holds."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from capszoo.data.splits import Examples
from capszoo.validation import check_number
from capszoo.validation import invalid_value_error

LAYOUT = "x_train, y_train, x_test, y_test"
# The axes of an example, by the kind of the examples; that of a single channel may be left out.
KINDS = {
    "images": ("height", "width", "channels"),
    "signals": ("length", "channels"),
    "clips": ("frames", "height", "width", "channels"),
}
# What people call the arrays of a split, beside `x_train` and `y_train`; MedMNIST's come second.
NAMES = {
    "train": [("x_train", "y_train"), ("train_images", "train_labels")],
    "validation": [
        ("x_val", "y_val"),
        ("x_valid", "y_valid"),
        ("x_validation", "y_validation"),
        ("val_images", "val_labels"),
    ],
    "test": [("x_test", "y_test"), ("test_images", "test_labels")],
}


def check_value_range(value_range: Any) -> tuple[float, float]:
    """Returns the numbers of black and white, or raises `ValueError` unless they are two."""
    try:
        low, high = (check_number("value_range", value) for value in value_range)
    except (TypeError, ValueError):
        low = high = 0
    if not low < high:
        raise invalid_value_error("value_range", "two numbers, the smaller first", value_range)
    return low, high


def read_npz(
    path: Path,
    with_instances: bool = False,
    with_viewpoints: bool = False,
    value_range: tuple[float, float] | None = None,
    pixels: bool = True,
    kind: str = "images",
) -> dict[str, Examples]:
    """Reads and checks the examples of an `.npz` file.

    All parts are checked whichever is wanted, so that a mistake in the test set shows before
    the training and not after it. Nothing in the file is ever unpickled.

    Args:
        path: The file. It holds `x_train` and `x_test`, pictures (n, height, width, channels) or
            grayscale (n, height, width), and `y_train` and `y_test`, integer labels (n,) or
            (n, 1); if it likes, `x_val` and `y_val` too. The names of MedMNIST, `train_images`,
            `train_labels` and so on, do as well. The pictures are uint8 from 0 to 255, or
            numbers of any other kind with a `value_range`. Signals (n, length, channels), of one
            channel (n, length), are numbers of any scale.
        with_instances: Whether it must also hold `instance_train`, the number of the object in
            each training picture. Defaults to `False`.
        with_viewpoints: Whether it must also hold `info_train` and `info_test`, (n, 4), as the
            official files of smallNORB: instance, elevation, azimuth, lighting. Defaults to
            `False`.
        value_range: The numbers of black and white, which become 0 and 255.
            Defaults to `None`: the pictures are uint8.
        pixels: Whether the pictures are made uint8, and refused if they cannot be.
            Defaults to `True`.
        kind: What the examples are: `"images"`, `"signals"` or `"clips"`. Defaults to
            `"images"`.

    Returns:
        The examples under `"train"`, `"test"` and, if there are such, `"validation"`, with a
        channel axis and int64 labels.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read or an array is not as said above.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no data file at {path}.")
    arrays, names = _read_arrays(path, with_instances, with_viewpoints)
    parts = {}
    for part, (x, y) in names.items():
        images = _check_examples(path, x, arrays[x], KINDS[kind])
        if kind == "signals":
            images = _as_numbers(path, x, images)
        elif pixels:
            images = _as_pixels(path, x, images, value_range)
        labels = _check_labels(path, y, arrays[y], len(images))
        instances = arrays.get(f"instance_{part}")
        if instances is not None:
            instances = _check_labels(path, f"instance_{part}", instances, len(images))
        viewpoints = _check_info(path, f"info_{part}", arrays, len(images))
        parts[part] = Examples(images, labels, instances, viewpoints)
    shape = parts["train"].images.shape[1:]
    for part, (x, _) in names.items():
        if parts[part].images.shape[1:] != shape:
            raise ValueError(
                f"The {kind} of {path} must all have one shape. Received: {names['train'][0]} "
                f"with {shape} and {x} with {parts[part].images.shape[1:]}."
            )
    lowest = min(int(part.labels.min()) for part in parts.values())
    if lowest > 0:
        highest = max(int(part.labels.max()) for part in parts.values())
        raise ValueError(
            f"The labels of {path} must be counted from 0. Received: {lowest} to {highest}. "
            f"Store `labels - {lowest}`."
        )
    return parts


def _read_arrays(path, with_instances, with_viewpoints):
    """Reads the arrays of a file by name, and says which names are those of each split."""
    # Asked first, because `np.load` also takes a lone array, and takes any other file for a
    # pickle: its message would advise to allow pickles.
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path} is not an .npz file, or only a part of one (a download cut short?). "
            f"Expected an archive written by `np.savez`, with the arrays {LAYOUT}."
        )
    arrays, name = {}, None
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = {part: _names_in(archive.files, pairs) for part, pairs in NAMES.items()}
            # Validation can be carved from the training pictures.
            if not set(names["validation"]) & set(archive.files):
                del names["validation"]
            expected = [name for pair in names.values() for name in pair]
            expected += ["instance_train"] if with_instances else []
            expected += ["info_train", "info_test"] if with_viewpoints else []
            missing = [name for name in expected if name not in archive.files]
            for name in [] if missing else expected:
                arrays[name] = archive[name]
            held = ", ".join(archive.files) or "none"
    except (ValueError, OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        where = f"the array {name!r} of " if name is not None else ""
        raise ValueError(f"Cannot read {where}{path}: {error}") from error
    if missing:
        raise ValueError(
            f"{path} lacks {', '.join(missing)}. Expected the arrays {', '.join(expected)}, or "
            f"those of MedMNIST (train_images, train_labels, ...). Received: {held}."
        )
    return arrays, names


def _names_in(files, pairs):
    """The first pair of names of which a file holds one; the first of all where it holds none."""
    return next((pair for pair in pairs if set(pair) & set(files)), pairs[0])


def _check_examples(path, name, images, axes):
    is_number = np.issubdtype(images.dtype, np.integer) or np.issubdtype(images.dtype, np.floating)
    if not is_number:
        raise ValueError(
            f"The array {name!r} of {path} must hold numbers, pictures as uint8. "
            f"Received: {images.dtype}."
        )
    if images.ndim == len(axes):
        images = images[..., np.newaxis]
    if images.ndim != len(axes) + 1 or 0 in images.shape:
        raise ValueError(
            f"The array {name!r} of {path} must have the shape (n, {', '.join(axes)}) or "
            f"(n, {', '.join(axes[:-1])}), none of them 0. Received: {images.shape}."
        )
    return images


def _as_numbers(path, name, signals):
    signals = signals.astype("float32")
    finite = np.isfinite(signals).all(axis=(1, 2))
    if not finite.all():
        raise ValueError(
            f"The array {name!r} of {path} must hold numbers, none of them NaN or infinite. "
            f"Received: {np.count_nonzero(~finite)} signals with such, the first at row "
            f"{np.flatnonzero(~finite)[0]}."
        )
    return signals


def _as_pixels(path, name, images, value_range):
    if value_range is None:
        if images.dtype == np.uint8:
            return images
        raise ValueError(
            f"The array {name!r} of {path} must be of type uint8, or the numbers of black and "
            "white be stated: value_range=(0, 1), in a preset data.value_range, for floats from 0 "
            f"to 1, (0, 65535) for 16 bits. Received: {images.dtype} from {images.min()} to "
            f"{images.max()}."
        )
    low, high = value_range
    if not (images.min() >= low and images.max() <= high):
        raise ValueError(
            f"The array {name!r} of {path} must hold numbers from {low} to {high}, its "
            f"value_range. Received: {images.min()} to {images.max()}."
        )
    pixels = np.empty(images.shape, "uint8")
    for image, result in zip(images, pixels, strict=True):  # one by one: no copy in float64
        result[...] = np.rint((image.astype("float64") - low) * (255 / (high - low)))
    return pixels


def _check_info(path, name, arrays, count):
    """Returns elevation and azimuth out of smallNORB's description of each picture."""
    if name not in arrays:
        return None
    info = arrays[name]
    if info.shape != (count, 4) or not np.issubdtype(info.dtype, np.integer):
        raise ValueError(
            f"The array {name!r} of {path} must hold four integers for each of its {count} "
            f"pictures, shape ({count}, 4). Received: {info.dtype} of shape {info.shape}."
        )
    return info[:, 1:3].astype("int64")


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
