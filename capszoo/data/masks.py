"""Data sets with masks: cases in true size, and arrays of one shape."""

import os
from pathlib import Path

import numpy as np

from capszoo.data.cases import Case
from capszoo.data.cases import stack_cases
from capszoo.data.data_set import DATA_SETS
from capszoo.data.data_set import DataSet
from capszoo.data.mask_folder import LAYOUT
from capszoo.data.mask_folder import holds_masks
from capszoo.data.mask_folder import own_masks
from capszoo.data.splits import SPLITS
from capszoo.validation import check_choice
from capszoo.validation import check_shape

# The kind of a set whose labels are the classes of pixels or voxels.
MASKS = "masks"


def has_masks(name: object) -> bool:
    """Whether a name or a path is that of a set with masks."""
    if isinstance(name, str) and name in DATA_SETS.names():
        return DATA_SETS.get(name).read_cases is not None
    folder = _folder(name)
    return folder is not None and folder.is_dir() and holds_masks(folder)


def find_masks(name: object) -> DataSet:
    """Returns the set with masks that a name or a path means.

    Raises:
        FileNotFoundError: If there is nothing at the path.
        ValueError: If it has no masks.
    """
    if isinstance(name, str) and name in DATA_SETS.names() and has_masks(name):
        return DATA_SETS.get(name)
    folder = _folder(name)
    if folder is not None and has_masks(name):
        return own_masks(folder)
    looks_like_path = isinstance(name, os.PathLike) or (isinstance(name, str) and os.sep in name)
    if looks_like_path and folder is not None and not folder.exists():
        raise FileNotFoundError(f"There is no folder at {folder}.")
    known = ", ".join(one for one in DATA_SETS.items if has_masks(one))
    raise ValueError(
        f"Expected a data set that has masks, one of {known} or a folder of {LAYOUT}. "
        f"Received: {str(name)!r}"
    )


def _folder(name):
    return Path(name).expanduser() if isinstance(name, str | os.PathLike) and name else None


def load_cases(
    name: str | os.PathLike,
    split: str = "train",
    data_dir: str | os.PathLike | None = None,
) -> list[Case]:
    """Returns the cases of one split of a data set with masks, each in its true size.

    Args:
        name: A name of `names()`, of a set with masks, or the path to your own folder, see
            `capszoo.data.mask_folder.own_masks`.
        split: `"train"`, `"validation"` or `"test"`. Defaults to `"train"`.
        data_dir: The folder of the named sets. Defaults to `None`, the environment variable
            `CAPSZOO_DATA_DIR`.

    Returns:
        A list of `Case(name, image, mask, spacing, affine)`.

    Raises:
        FileNotFoundError: If the set or the folder is not there.
        ImportError: If a package is missing, with the line that installs it.
        ValueError: If an argument or a file is not as said above.

    Example:

    >>> case = capszoo.data.load_cases("generated_volumes", "test")[0]
    >>> case.name, case.image.shape, case.mask.shape, case.spacing
    ('volume_0000', (16, 16, 16, 1), (16, 16, 16), (1.0, 1.0, 1.0))
    """
    return _read(find_masks(name), split, data_dir)


def load_masks(
    name: str | os.PathLike,
    split: str,
    data_dir: str | os.PathLike | None = None,
    image_shape: tuple[int, ...] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the images and masks of one split of a data set, padded to one shape.

    Args:
        name: As in `load_cases`.
        split: `"train"`, `"validation"` or `"test"`.
        data_dir: As in `load_cases`. Defaults to `None`.
        image_shape: The shape of all images, channels last; none may be larger.
            Defaults to `None`, the set's own.

    Returns:
        Images of shape (n, *size, channels) and masks, uint8 of shape (n, *size).

    Raises:
        ValueError: If an image is larger than `image_shape`, or has other channels.
    """
    found = find_masks(name)
    own = found.shape
    if image_shape is None:
        image_shape = own
    image_shape = check_shape("image_shape", image_shape, rank=len(own) - 1)
    if image_shape[-1] != own[-1]:
        raise ValueError(
            f"The images of {str(name)!r} have {own[-1]} channels. "
            f"Received: image_shape={image_shape}"
        )
    return stack_cases(_read(found, split, data_dir), image_shape[:-1])


def _read(found, split, data_dir):
    check_choice("split", split, SPLITS)
    return found.read_cases(split, data_dir)
