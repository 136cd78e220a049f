"""Cases: an image with the mask that says which class each of its pixels or voxels is of."""

import dataclasses
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from capszoo.data.splits import digest
from capszoo.data.splits import hold_out_tenth


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """One picture or one scan with its mask, in true size.

    Attributes:
        name: Its name, as its file is called without what the name ends in.
        image: A picture, uint8 of shape (height, width, channels), or a volume, float32 of shape
            (x, y, z, channels), its axes from left to right, from back to front and from below
            to above (RAS).
        mask: The class of each pixel or voxel, uint8 of the shape of the image without channels;
            0 is the background.
        spacing: How far apart neighbours are along each axis, in millimetres. Of pictures `1.0`
            each: pixels.
        affine: The matrix (4, 4) that takes the indices of a voxel to millimetres; `None` for
            pictures.
    """

    name: str
    image: np.ndarray
    mask: np.ndarray
    spacing: tuple[float, ...]
    affine: np.ndarray | None = None


def pad_evenly(array: np.ndarray, size: Sequence[int], value: float = 0) -> np.ndarray:
    """Lays an array in the middle of a larger one.

    Args:
        array: Array of at least as many axes as `size` has; axes beyond stay as they are.
        size: Lengths of the first axes, none of them smaller than there.
        value: What is put around. Defaults to `0`.

    Returns:
        Array whose first axes have the lengths of `size`; of an odd number of rows to be put
        around, the one more comes after. `array` itself where it has that size.

    Example:

    >>> capszoo.data.cases.pad_evenly(np.ones((1, 2)), (2, 4)).tolist()
    [[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """
    missing = [side - own for side, own in zip(size, array.shape, strict=False)]
    if not any(missing):
        return array
    around = [(rows // 2, rows - rows // 2) for rows in missing]
    around += [(0, 0)] * (array.ndim - len(around))
    return np.pad(array, around, constant_values=value)


def common_size(cases: Sequence[Case]) -> tuple[int, ...]:
    """Returns the smallest size that all cases fit in, the longest side along each axis."""
    return tuple(int(side) for side in np.max([case.mask.shape for case in cases], axis=0))


def stack_cases(
    cases: Sequence[Case], size: Sequence[int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Stacks cases that may differ in size, each in the middle of one array of its own.

    Images are padded with their smallest value, masks with the background.

    Args:
        cases: The cases, at least one, of as many channels each.
        size: Lengths of the axes of space. Defaults to `None`, the smallest that all fit in.

    Returns:
        Images of shape (n, *size, channels) and masks, uint8 of shape (n, *size).

    Raises:
        ValueError: If a case is larger than `size`.

    Example:

    >>> cases = capszoo.data.load_cases("generated_volumes", "test")
    >>> images, masks = capszoo.data.cases.stack_cases(cases[:3], (16, 20, 16))
    >>> images.shape, masks.shape
    ((3, 16, 20, 16, 1), (3, 16, 20, 16))
    """
    size = common_size(cases) if size is None else tuple(size)
    for case in cases:
        if any(own > side for own, side in zip(case.mask.shape, size, strict=True)):
            raise ValueError(
                f"Expected cases that fit in {size}; masks keep their size, they are padded and "
                f"never resized. Received: {case.name} of {case.mask.shape}. Let training cut "
                "parts out of them: data.crop."
            )
    images = np.empty((len(cases), *size, cases[0].image.shape[-1]), cases[0].image.dtype)
    masks = np.empty((len(cases), *size), "uint8")
    for case, image, mask in zip(cases, images, masks, strict=True):
        image[...] = pad_evenly(case.image, size, case.image.min())
        mask[...] = pad_evenly(case.mask, size)
    return images, masks


def paired_files(
    folder: Path, parts: tuple[str, str], files_in: Callable[[Path], dict[str, Path]]
) -> dict[str, tuple[Path, Path]]:
    """Finds the image and the mask of each case in two folders.

    Args:
        folder: The folder around the two.
        parts: Their names, that of the images first.
        files_in: Function of a folder: the files in it by the names of their cases.

    Returns:
        The files of each case, by name.

    Raises:
        ValueError: If a folder is missing or empty, or an image has no mask or the other way
            round.
    """
    for part in parts:
        if not (folder / part).is_dir():
            raise ValueError(f"Expected a folder {part}/ in {folder}. Received: none.")
    images, masks = (files_in(folder / part) for part in parts)
    alone = sorted(set(images) ^ set(masks))
    if alone:
        here, there = parts if alone[0] in images else parts[::-1]
        raise ValueError(
            f"Expected a file of the same name in {parts[0]}/ and {parts[1]}/ of {folder} for "
            f"each case. Received: {alone[0]} in {here}/ and not in {there}/"
            f"{f' ({len(alone)} such names)' if len(alone) > 1 else ''}."
        )
    if not images:
        raise ValueError(f"Expected files in {folder / parts[0]}. Received: none that is known.")
    return {name: (images[name], masks[name]) for name in sorted(images)}


def hold_out_cases(names: Sequence[str], source: str) -> tuple[list[str], list[str]]:
    """Divides cases by their names: a tenth, those of the smallest SHA-256, is held out.

    Whole cases are held out, never some slices of one: neighbouring slices are all but equal.

    Args:
        names: The names, all different.
        source: What to name in the error.

    Returns:
        The names that stay and those held out, at least one, both sorted.

    Raises:
        ValueError: If there are fewer than two.

    Example:

    >>> capszoo.data.cases.hold_out_cases(["a", "b", "c"], "my scans")
    (['a', 'b'], ['c'])
    """
    names = sorted(names)
    if len(names) < 2:
        raise ValueError(
            f"Too few cases in {source}: one is needed to hold out and one to keep. "
            f"Received: {len(names)}."
        )
    held = hold_out_tenth(np.zeros(len(names)), [digest(name.encode()) for name in names], source)
    return (
        [name for name, out in zip(names, held, strict=True) if not out],
        [name for name, out in zip(names, held, strict=True) if out],
    )
