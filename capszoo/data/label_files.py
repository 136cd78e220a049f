"""Writing label maps: over the scan they are of, or as masks and overlays of pictures."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from capszoo.data.nifti import SUFFIXES
from capszoo.data.nifti import nibabel
from capszoo.data.nifti import open_volume

# The colours of classes from 1 on, over and over: eight that most people tell apart (Okabe and
# Ito, 2008), the darkest last.
COLOURS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
    (0, 114, 178),
    (120, 120, 120),
)
OPACITY = 0.35


def write_label_map(path: str | os.PathLike, labels: np.ndarray, scan: str | os.PathLike) -> None:
    """Writes a label map as a NIfTI file that lies on the scan it is of.

    The map is turned back to the orientation of the scan's file, and has its affine and header:
    a viewer lays it on the scan. The file appears whole or not at all.

    Args:
        path: The file, `.nii` or `.nii.gz`.
        labels: Labels of shape (x, y, z), from 0 to 255, in the orientation of
            `capszoo.data.nifti.read_volume`.
        scan: The file of the scan.

    Raises:
        FileNotFoundError: If there is no scan.
        ImportError: If nibabel is not installed.
        ValueError: If the map is not of the size of the scan, or the path ends otherwise.

    Example:

    >>> import nibabel
    >>> turned = np.diag([-1.0, 1.0, 1.0, 1.0])
    >>> nibabel.save(nibabel.Nifti1Image(np.zeros((3, 4, 5), "int16"), turned), "scan.nii")
    >>> labels = np.indices((3, 4, 5))[0]
    >>> capszoo.data.label_files.write_label_map("labels.nii", labels, "scan.nii")
    >>> np.asarray(nibabel.load("labels.nii").dataobj)[:, 0, 0].tolist()
    [2, 1, 0]
    """
    library, path = nibabel(), Path(path)
    ending = next((end for end in SUFFIXES if path.name.endswith(end)), None)
    if ending is None:
        raise ValueError(f"Expected a file that ends in .nii.gz or .nii. Received: {path}")
    image = open_volume(scan)
    orientations = library.orientations
    of_file = orientations.io_orientation(image.affine)
    back = orientations.ornt_transform(orientations.axcodes2ornt("RAS"), of_file)
    turned = orientations.apply_orientation(np.asarray(labels).astype("uint8"), back)
    if turned.shape != image.shape[:3]:
        raise ValueError(
            f"Expected a label map of the size of the scan {os.fspath(scan)}, {image.shape[:3]} in "
            f"its file. Received: {turned.shape}"
        )
    header = image.header.copy()
    header.set_data_dtype("uint8")
    # What these meant was the brightness of the scan.
    header["cal_min"] = header["cal_max"] = 0
    made = type(image)(turned, image.affine, header)
    _write_whole(path, ending, lambda partial: library.save(made, partial))


def write_mask(path: str | os.PathLike, labels: np.ndarray) -> None:
    """Writes a label map as a PNG whose pixels are the numbers of classes, shown in colours.

    Args:
        path: The file, `.png`.
        labels: Labels of shape (height, width), from 0 to 255.

    Example:

    >>> capszoo.data.label_files.write_mask("mask.png", np.array([[0, 1], [2, 0]]))
    >>> capszoo.data.mask_pictures.read_labels("mask.png").tolist()
    [[0, 1], [2, 0]]
    """
    from PIL import Image

    picture = Image.fromarray(np.asarray(labels).astype("uint8")).convert("L")
    # A palette beside the numbers, not in place of them.
    picture.putpalette(np.array([_colour(label) for label in range(256)], "uint8").tobytes())
    _write_whole(Path(path), ".png", picture.save)


def write_overlay(path: str | os.PathLike, picture: np.ndarray, labels: np.ndarray) -> None:
    """Writes a picture as a PNG with the classes laid over it: areas tinted, their rims solid.

    Args:
        path: The file, `.png`.
        picture: uint8 array of shape (height, width, channels), 1 or 3 channels.
        labels: Labels of shape (height, width), from 0 to 255; 0 is left as it is.

    Example:

    >>> case = capszoo.data.load_cases("digit_scenes", "test")[0]
    >>> capszoo.data.label_files.write_overlay("overlay.png", case.image, case.mask)
    """
    from PIL import Image

    labels = np.asarray(labels).astype("uint8")
    shown = np.broadcast_to(picture, (*labels.shape, 3)).astype("float32")
    colours = np.array([_colour(label) for label in range(256)], "float32")[labels]
    around = np.pad(labels, 1, mode="edge")
    neighbours = (around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:])
    rim = np.any([neighbour != labels for neighbour in neighbours], axis=0)
    opacity = np.where(rim, 1.0, OPACITY) * (labels > 0)
    shown = shown + opacity[..., np.newaxis] * (colours - shown)
    _write_whole(Path(path), ".png", Image.fromarray(np.rint(shown).astype("uint8")).save)


def _colour(label):
    return COLOURS[(label - 1) % len(COLOURS)] if label else (0, 0, 0)


def _write_whole(path: Path, ending: str, save: Callable[[Path], object]) -> None:
    """Writes beside the name and moves there; what was begun and fails is taken away."""
    partial = path.with_name(f"{path.name[: -len(ending)]}.partial{ending}")
    try:
        save(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
