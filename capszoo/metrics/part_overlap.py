"""How well parts that were learnt without labels agree between pictures, and cut them up."""

import numpy as np


def part_overlap(labels, parts: int, groups=None) -> np.ndarray:
    """Computes how much each part of one picture covers the same part of others.

    The intersection over union of the regions of a part, averaged over all pairs of pictures of
    which at least one has it; 0 where only one of the two does.

    Args:
        labels: Integer array `(n, *spatial)`: to which part each pixel belongs.
        parts: How many parts there are.
        groups: Integers `(n,)`, such as who it is: only pairs of different groups count.
            Defaults to `None`, all pairs do.

    Returns:
        Array `(parts,)`; NaN for a part that no picture has.

    Raises:
        ValueError: If the labels are not integers from 0 to `parts - 1`, groups are not one for
            each picture, or there is no pair.

    Example:

    >>> labels = np.array([[0, 0, 1, 1], [0, 1, 1, 1]])
    >>> capszoo.metrics.part_overlap(labels, parts=2).round(3).tolist()
    [0.5, 0.667]
    """
    regions = _regions(labels, parts)
    groups = np.arange(len(regions)) if groups is None else np.asarray(groups)
    if groups.shape != (len(regions),):
        raise ValueError(
            "Expected one group for each picture. Received: labels of "
            f"{len(regions)} pictures and groups of shape {groups.shape}"
        )
    pairs = np.triu(groups[:, None] != groups, 1)
    if not pairs.any():
        raise ValueError("Expected pictures of at least two groups. Received: no pair of them")
    sizes, found = regions.sum(axis=2), np.full(parts, np.nan)
    for part in range(parts):
        shared = regions[:, part] @ regions[:, part].T
        union = sizes[:, part, None] + sizes[:, part] - shared
        counted = pairs & (union > 0)
        if counted.any():
            found[part] = (shared[counted] / union[counted]).mean()
    return found


def explained_by_parts(pictures, labels, parts: int) -> float:
    """Computes how much of what differs within pictures is explained by one colour for each part.

        1 - sum of (pixel - mean of its part)^2 / sum of (pixel - mean of its picture)^2

    Args:
        pictures: Array `(n, *spatial, channels)`.
        labels: Integer array `(n, *spatial)`: to which part each pixel belongs.
        parts: How many parts there are.

    Returns:
        A share from 0 to 1; 0 where all pictures are of one colour.

    Raises:
        ValueError: If the labels are not integers from 0 to `parts - 1`, or not of the pictures'
            pixels.

    Example:

    >>> pictures = np.array([[1.0, 1, 5, 5]])[..., None]
    >>> capszoo.metrics.explained_by_parts(pictures, np.array([[0, 0, 1, 1]]), parts=2)
    1.0
    """
    pictures, labels = np.asarray(pictures, "float64"), np.asarray(labels)
    if pictures.shape[:-1] != labels.shape:
        raise ValueError(
            "Expected a label for each pixel. Received: pictures of shape "
            f"{pictures.shape}, labels of shape {labels.shape}"
        )
    regions = _regions(labels, parts)
    pixels = pictures.reshape(len(pictures), -1, pictures.shape[-1])
    sums, sizes = regions @ pixels, regions.sum(axis=2)[..., None]
    means = sums / np.maximum(sizes, 1)
    # What is left of squares: those of the pixels, less those of the means.
    left = (pixels**2).sum() - (sizes * means**2).sum()
    whole = ((pixels - pixels.mean(axis=1, keepdims=True)) ** 2).sum()
    return float(1 - left / whole) if whole > 0 else 0.0


def grid_labels(shape, cells: int) -> np.ndarray:
    """Cuts a picture into the cells of a fixed grid, in rows of nearly as many.

    What parts that are to follow a picture are measured beside: they do not.

    Args:
        shape: `(height, width)`.
        cells: How many cells.

    Returns:
        Integer array `(height, width)`.

    Raises:
        ValueError: If there are fewer rows or columns than the grid has.

    Example:

    >>> capszoo.metrics.grid_labels((2, 3), cells=5).tolist()
    [[0, 1, 2], [3, 3, 4]]
    """
    height, width = shape
    rows = max(round(cells**0.5), 1)
    if rows > height or -(-cells // rows) > width:
        raise ValueError(f"Expected a shape that {cells} cells fit in. Received: shape={shape}")
    found, first = np.zeros((height, width), int), 0
    of_row = np.arange(height) * rows // height
    for row in range(rows):
        in_row = cells // rows + (row < cells % rows)
        # Of two middles that are as near, the left one takes the pixel.
        columns = np.ceil((np.arange(width) + 0.5) * in_row / width).astype(int) - 1
        found[of_row == row] = first + columns
        first += in_row
    return found


def _regions(labels, parts):
    """The region of each part in each picture, `(n, parts, pixels)` of 0 and 1."""
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu" or labels.ndim < 2:
        raise ValueError(
            "Expected `labels` of integers, of shape (n, *spatial). Received: "
            f"{labels.dtype} of shape {labels.shape}"
        )
    if not labels.size or labels.min() < 0 or labels.max() >= parts:
        raise ValueError(f"Expected `labels` from 0 to {parts - 1}, at least one.")
    flat = labels.reshape(len(labels), 1, -1)
    return (flat == np.arange(parts)[:, None]).astype("float64")
