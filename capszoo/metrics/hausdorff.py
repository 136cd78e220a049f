"""How far the borders of two regions are apart, in millimetres."""

import numpy as np

from capszoo.validation import check_number


def hausdorff_distance_95(true, predicted, spacing) -> float:
    """Computes the 95 % Hausdorff distance of two regions.

    Each position of the one border has a distance to the nearest of the other. Of all these, by
    either border the 95th percentile, and of the two the larger: a few outliers do not count. The
    border of a region is its positions that touch, along an axis, one outside of it; the edge of
    the picture is outside.

    Args:
        true: Array `(*spatial)` of booleans, or of 0 and 1, such as one class of a label map:
            `labels == 1`.
        predicted: Likewise, of the same shape.
        spacing: How far positions are apart along each axis, in millimetres.

    Returns:
        The distance in the unit of `spacing`; 0.0 where both regions are empty, infinity where
        one of them is.

    Raises:
        ValueError: If the shapes differ, a region holds other numbers than 0 and 1, or there is
            not one positive spacing for each axis.

    Example:

    >>> true, predicted = np.zeros((2, 9), bool), np.zeros((2, 9), bool)
    >>> true[:, 2], predicted[:, 5] = True, True
    >>> capszoo.metrics.hausdorff_distance_95(true, predicted, spacing=(1.0, 0.5))
    1.5

    Reference:

    - [Maier-Hein, Reinke et al., 2024](https://arxiv.org/abs/2206.01653)
    """
    # Not with the package: nothing else here needs it.
    from scipy import ndimage

    true, predicted = _region("true", true), _region("predicted", predicted)
    if true.shape != predicted.shape or true.ndim == 0:
        raise ValueError(
            "Expected two regions of one shape. Received: true of shape "
            f"{true.shape}, predicted of shape {predicted.shape}"
        )
    spacing = np.ravel(np.asarray(spacing, "float64")).tolist()
    if len(spacing) != true.ndim or min(spacing) <= 0:
        raise ValueError(
            f"Expected a positive `spacing` for each of {true.ndim} axes. "
            f"Received: spacing={spacing}"
        )
    for size in spacing:
        check_number("spacing", size)
    if not true.any() and not predicted.any():
        return 0.0
    if not true.any() or not predicted.any():
        return float("inf")
    borders = [region & ~ndimage.binary_erosion(region) for region in (true, predicted)]
    return max(
        float(np.percentile(ndimage.distance_transform_edt(~other, spacing)[border], 95))
        for border, other in (borders, borders[::-1])
    )


def _region(argument, values):
    values = np.asarray(values)
    if values.dtype != bool and not np.isin(values, (0, 1)).all():
        raise ValueError(
            f"Expected `{argument}` to be a region of booleans, or of 0 and 1, such as "
            f"`labels == 1`. Received: other numbers"
        )
    return values.astype(bool)
