"""Scans in the layout of the Medical Segmentation Decathlon: imagesTr/ and labelsTr/."""

import json
from pathlib import Path

import numpy as np

from capszoo.data.cases import Case
from capszoo.data.nifti import SUFFIXES
from capszoo.data.nifti import case_name
from capszoo.data.nifti import read_labels
from capszoo.data.nifti import read_volume


def files_by_case(folder: Path) -> dict[str, Path]:
    """Returns the NIfTI files in a folder, by their names without the ending."""
    files = [path for path in folder.iterdir() if path.name.endswith(SUFFIXES)]
    # The Decathlon's archives hold macOS' "._" files too.
    return {case_name(path): path for path in files if path.name[0] != "."}


def class_names(folder: Path) -> list[str] | None:
    """Returns the names of the classes that dataset.json states, `None` where it states none.

    Raises:
        ValueError: If they are not numbered from 0.
    """
    path = folder / "dataset.json"
    if not path.is_file():
        return None
    try:
        labels = json.loads(path.read_text(encoding="utf-8")).get("labels")
    except (ValueError, AttributeError) as error:
        raise ValueError(f"Cannot read {path}: {error}") from error
    if not labels:
        return None
    # {"0": "background"} as the Decathlon has it, or {"background": 0} as nnU-Net does.
    try:
        numbered = {int(key): str(name) for key, name in labels.items()}
    except (ValueError, AttributeError):
        try:
            numbered = {int(number): str(key) for key, number in labels.items()}
        except (ValueError, TypeError, AttributeError):
            numbered = {}
    if sorted(numbered) != list(range(len(numbered))) or len(numbered) < 2:
        raise ValueError(
            f"Expected two or more labels, numbered from 0, in {path}. Received: {labels!r}"
        )
    return [numbered[number] for number in range(len(numbered))]


def read_case(name: str, image: Path, labels: Path, num_classes: int | None = None) -> Case:
    """Reads a scan and its label map.

    Args:
        name: The name of the case.
        image: The file of the scan.
        labels: The file of the label map.
        num_classes: How many classes there are. Defaults to `None`, up to 256.

    Returns:
        A `Case`.

    Raises:
        ValueError: If one of the files is not as it should be, or they do not lie on each other.
    """
    volume, mask = read_volume(image), read_labels(labels, num_classes)
    if volume.array.shape[:3] != mask.array.shape:
        raise ValueError(
            f"Expected a scan and a label map of one size. Received: {image} of "
            f"{volume.array.shape[:3]} and {labels} of {mask.array.shape}."
        )
    corners = np.array([[*np.zeros(3), 1], [*np.array(mask.array.shape) - 1, 1]])
    distance = np.abs(corners @ (volume.affine - mask.affine).T).max()
    if distance > min(volume.spacing) / 2:
        raise ValueError(
            f"Expected a scan and a label map that lie on each other. Received: {image} and "
            f"{labels}, whose affines put a corner {distance:.3g} mm apart."
        )
    return Case(name, volume.array, mask.array, volume.spacing, volume.affine)
