"""Reading scans and their label maps as NIfTI files, in one orientation."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import NamedTuple

import numpy as np

INSTALL = 'pip install "capszoo[medical]"'
SUFFIXES = (".nii.gz", ".nii")
# From this ratio of the longest to the shortest side of a voxel on, there is a warning.
ANISOTROPIC = 1.5


class Volume(NamedTuple):
    """What a NIfTI file holds, turned to the canonical orientation.

    Attributes:
        array: Array of shape (x, y, z, channels) with axes from left to right, from back to front
            and from below to above (RAS).
        spacing: The sides of a voxel in millimetres.
        affine: The matrix (4, 4) from indices to millimetres.
    """

    array: np.ndarray
    spacing: tuple[float, ...]
    affine: np.ndarray


def nibabel() -> Any:
    """Returns the module nibabel, or raises an `ImportError` that says how to install it."""
    try:
        import nibabel
    except ImportError as error:
        raise ImportError(
            f"NIfTI files are read with nibabel: {INSTALL}. Importing it said: {error}"
        ) from error
    return nibabel


def case_name(path: str | os.PathLike) -> str:
    """Returns the name of a NIfTI file without `.nii` or `.nii.gz`.

    Example:

    >>> capszoo.data.nifti.case_name("imagesTr/hippocampus_001.nii.gz")
    'hippocampus_001'
    """
    name = Path(path).name
    return next((name[: -len(end)] for end in SUFFIXES if name.endswith(end)), name)


def open_volume(path: str | os.PathLike) -> Any:
    """Opens a NIfTI file of a volume as a nibabel image, its voxels not yet read.

    Args:
        path: The file, `.nii` or `.nii.gz`, of a volume (x, y, z) or (x, y, z, channels).

    Returns:
        The image, in the orientation of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If nibabel is not installed.
        ValueError: If it is no NIfTI file, or holds a single slice.
    """
    library = nibabel()
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no NIfTI file at {os.fspath(path)}.")
    try:
        image = library.load(path)
    except (library.filebasedimages.ImageFileError, OSError, EOFError, ValueError) as error:
        raise ValueError(f"Cannot read {os.fspath(path)} as a NIfTI file: {error}") from error
    shape = image.shape
    if len(shape) not in (3, 4) or min(shape) < 1 or 1 in shape[:3]:
        raise ValueError(
            f"Expected a volume of shape (x, y, z) or (x, y, z, channels) in {os.fspath(path)}, of "
            f"more than one slice along each axis. Received: {shape}"
        )
    return image


def read_volume(path: str | os.PathLike) -> Volume:
    """Reads a scan and turns it to the canonical orientation.

    Only axes are exchanged and reversed: no voxel is interpolated, and the spacing stays what it
    is, see `warn_of_spacing`.

    Args:
        path: The file, `.nii` or `.nii.gz`.

    Returns:
        A `Volume` of float32 numbers.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If nibabel is not installed.
        ValueError: If it is no NIfTI file of a volume, or a voxel is NaN or infinite.
    """
    canonical = nibabel().as_closest_canonical(open_volume(path))
    array = _read_array(path, lambda: canonical.get_fdata(dtype="float32", caching="unchanged"))
    finite = np.isfinite(array)
    if not finite.all():
        raise ValueError(
            f"Expected voxels that are numbers in {os.fspath(path)}, none of them NaN or infinite "
            f"(outside the field of view, put its smallest number). Received: "
            f"{np.count_nonzero(~finite)} of {finite.size} voxels with such."
        )
    array = array[..., np.newaxis] if array.ndim == 3 else array
    return Volume(array, _spacing(canonical), canonical.affine)


def read_labels(path: str | os.PathLike, num_classes: int | None = None) -> Volume:
    """Reads a label map and turns it to the canonical orientation.

    Args:
        path: The file, `.nii` or `.nii.gz`, of whole numbers from 0, in whatever type.
        num_classes: How many classes there are. Defaults to `None`, up to 256.

    Returns:
        A `Volume` whose array is uint8 of shape (x, y, z).

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If nibabel is not installed.
        ValueError: If it is no NIfTI file of one volume, or a voxel is no class.
    """
    canonical = nibabel().as_closest_canonical(open_volume(path))
    array = _read_array(path, lambda: np.asanyarray(canonical.dataobj))
    if array.ndim == 4 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 3:
        raise ValueError(
            f"Expected a label map of shape (x, y, z) in {os.fspath(path)}. Received: {array.shape}"
        )
    highest = 255 if num_classes is None else num_classes - 1
    # What is no number becomes some label, and differs from it below.
    with np.errstate(invalid="ignore"):
        labels = array.astype("uint8")
    wrong = array[(labels != array) | (labels > highest)]
    if wrong.size:
        raise ValueError(
            f"Expected labels that are whole numbers from 0 to {highest} in {os.fspath(path)}, 0 "
            f"the background. Received: {', '.join(f'{one:g}' for one in np.unique(wrong)[:5])} "
            f"in {wrong.size} voxels."
        )
    return Volume(labels, _spacing(canonical), canonical.affine)


def volume_shape(path: str | os.PathLike) -> tuple[int, ...]:
    """Returns the shape of a scan as `read_volume` gives it, without its voxels."""
    shape = nibabel().as_closest_canonical(open_volume(path)).shape
    return (*shape, 1) if len(shape) == 3 else tuple(shape)


def warn_of_spacing(spacings: Mapping[str, tuple[float, ...]]) -> None:
    """Warns where voxels are no cubes, or not about equal among scans.

    A model counts voxels and not millimetres, and nothing is resampled here: the sides of voxels
    should be about the same along each axis, and about those of the scans it was trained on.

    Args:
        spacings: The sides of a voxel of each scan, in millimetres, by name.
    """
    long = [name for name, one in spacings.items() if max(one) >= ANISOTROPIC * min(one)]
    sides = {axis: [one[axis] for one in spacings.values()] for axis in range(3)}
    if long:
        said = f"The voxels of {_shown(long[0], spacings)} are no cubes"
        said += f", and those of {len(long) - 1} other scans" if len(long) > 1 else ""
    elif any(max(one) >= ANISOTROPIC * min(one) for one in sides.values()):
        by_volume = sorted(spacings, key=lambda name: np.prod(spacings[name]))
        first, last = (_shown(name, spacings) for name in (by_volume[0], by_volume[-1]))
        said = f"The voxels of {first} and of {last} differ in size"
    else:
        return
    warnings.warn(
        f"{said}. They are taken as they are: a model sees voxels, not millimetres. Resample the "
        "scans where that matters.",
        stacklevel=3,
    )


def _shown(name, spacings):
    return f"{name} ({' x '.join(f'{side:.3g}' for side in spacings[name])} mm)"


def _read_array(path, read):
    try:
        return read()
    except (OSError, EOFError, ValueError) as error:  # a file cut short
        raise ValueError(f"Cannot read the voxels of {os.fspath(path)}: {error}") from error


def _spacing(image):
    return tuple(float(side) for side in image.header.get_zooms()[:3])
