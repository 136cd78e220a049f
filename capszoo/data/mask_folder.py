"""A user's own images with masks: a folder of pictures, or of scans as the Decathlon has them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from capszoo.data import decathlon
from capszoo.data.cases import hold_out_cases
from capszoo.data.cases import paired_files
from capszoo.data.data_set import DataSet
from capszoo.data.data_set import set_of_cases
from capszoo.data.image_folder import SPLIT_FOLDERS
from capszoo.data.image_folder import files_by_stem
from capszoo.data.image_folder import split_folders
from capszoo.data.images import native_shape
from capszoo.data.mask_pictures import read_labels
from capszoo.data.mask_pictures import read_pictures_case
from capszoo.data.nifti import read_labels as read_label_map
from capszoo.data.nifti import volume_shape
from capszoo.data.nifti import warn_of_spacing

PICTURES = ("images", "masks")
SCANS = ("imagesTr", "labelsTr")
TEST_SCANS = ("imagesTs", "labelsTs")
LAYOUT = (
    "images/ and masks/ with files of the same names, in train/, validation/ and test/ if you "
    "like, or imagesTr/ and labelsTr/ of NIfTI files"
)


def holds_masks(folder: Path) -> bool:
    """Whether a folder is laid out as one of images with masks, by the names of what is in it."""
    roots = [folder, *(path for path in folder.iterdir() if _is_training(path))]
    return _holds(folder, SCANS) or any(_holds(root, PICTURES) for root in roots)


def own_masks(folder: Path) -> DataSet:
    """Reads what a folder of images with masks holds, but the images themselves.

    Pictures lie in `images/`, and their masks, whose pixels hold the number of a class, under the
    same names but for the ending in `masks/`; `train/`, `validation/` and `test/`, by any of the
    names that `load` knows, may be around them. Where all masks hold 0 and 255 alone, 255 is
    class 1. Scans lie in `imagesTr/` and `labelsTr/`, those for the test in `imagesTs/` and
    `labelsTs/` where there are such, as in the Medical Segmentation Decathlon; they are turned to
    one orientation (RAS), and keep their spacing.

    A split that has no folder is carved from the training cases, by whole cases: a tenth, at
    least one, for the test and then a tenth of the rest for validation, those whose names have
    the smallest SHA-256.

    The classes are those of `dataset.json` (`{"labels": {"0": "background", "1": "nucleus"}}`)
    where there is one, else the numbers that the masks hold, from 0 without a gap.

    Args:
        folder: The folder.

    Returns:
        A `DataSet` whose shape is the smallest that all cases fit in.

    Raises:
        ImportError: If there are scans and nibabel is not installed.
        ValueError: If an image has no mask or the other way round, the classes are not numbered
            from 0, or a file cannot be read.
    """
    are_scans = _holds(folder, SCANS)
    files = _scans(folder) if are_scans else _pictures(folder)
    pairs = [pair for part in files.values() for pair in part.values()]
    shapes = [(volume_shape if are_scans else native_shape)(image) for image, _ in pairs]
    size = (max(sides) for sides in zip(*(shape[:-1] for shape in shapes), strict=True))
    channels = max(shape[-1] for shape in shapes)
    if are_scans and {shape[-1] for shape in shapes} != {channels}:
        odd = next(
            pair[0] for pair, shape in zip(pairs, shapes, strict=True) if shape[-1] < channels
        )
        raise ValueError(f"Expected scans of {channels} channels each in {folder}. Received: {odd}")
    names, white_is_one = _classes(folder, [labels for _, labels in pairs], are_scans)
    splits = _carved(files, folder)

    def read_cases(split, data_dir=None):
        if not are_scans:
            return [
                read_pictures_case(name, *pair, channels, len(names), white_is_one)
                for name, pair in splits[split].items()
            ]
        cases = [
            decathlon.read_case(name, *pair, len(names)) for name, pair in splits[split].items()
        ]
        warn_of_spacing({case.name: case.spacing for case in cases})
        return cases

    return set_of_cases((*size, channels), tuple(names), read_cases)


def _holds(folder, parts):
    return all((folder / part).is_dir() for part in parts)


def _is_training(path):
    return path.is_dir() and path.name.lower() in SPLIT_FOLDERS["train"]


def _pictures(folder):
    if _holds(folder, PICTURES):
        aliases = [alias for names in SPLIT_FOLDERS.values() for alias in names]
        beside = [path.name for path in folder.iterdir() if path.name.lower() in aliases]
        if beside:
            raise ValueError(
                f"Expected images/ and masks/ in {folder}, or in train/, validation/ and test/. "
                f"Received: both, {', '.join(sorted(beside))}/ beside images/."
            )
        roots = {"train": folder}
    else:
        roots = split_folders(folder)
    return {split: paired_files(root, PICTURES, files_by_stem) for split, root in roots.items()}


def _scans(folder):
    files = {"train": paired_files(folder, SCANS, decathlon.files_by_case)}
    if (folder / TEST_SCANS[1]).is_dir():
        files["test"] = paired_files(folder, TEST_SCANS, decathlon.files_by_case)
    return files


def _classes(folder, masks: Iterable[Path], are_scans):
    """The names of the classes, and whether 255 stands for class 1."""
    names = decathlon.class_names(folder)
    if are_scans and names is not None:
        return names, False  # checked case by case: label maps of scans are slow to read
    read = (lambda path: read_label_map(path).array) if are_scans else read_labels
    found = sorted(set().union(*(np.unique(read(path)).tolist() for path in masks)))
    white_is_one = not are_scans and 255 in found and set(found) <= {0, 255}
    if white_is_one:
        found = [0, 1]
    if names is None:
        if found != list(range(len(found))) or len(found) < 2:
            raise ValueError(
                f"Expected two classes or more in the masks of {folder}, numbered from 0, the "
                "background, without a gap (or dataset.json that names them, or 0 and 255 alone). "
                f"Received: {', '.join(map(str, found[:10]))}{', ...' if len(found) > 10 else ''}"
            )
        names = [str(number) for number in found]
    return names, white_is_one


def _carved(files, folder):
    """The files of each split, those without a folder of their own carved from the training."""
    splits = dict(files)
    for split in ("test", "validation"):
        if split not in splits:
            training = splits["train"]
            kept, held = hold_out_cases(list(training), f"{folder} to make a {split} split")
            splits["train"] = {name: training[name] for name in kept}
            splits[split] = {name: training[name] for name in held}
    return splits
