"""Label maps: which class each position of a picture or volume is of."""

import numpy as np
from keras import ops


def one_hot_maps(labels, shape):
    """Turns label maps of any form into how present each class is at each position.

    | labels | shape |
    |---|---|
    | integers from 0 to `classes - 1` | `(batch, *spatial)`, `(batch, *spatial, 1)` |
    | one-hot, or shares of the classes | `(batch, *spatial, classes)` |

    A position whose label is no class is not a number: inside a compiled step nothing can be
    refused, and a loss that is not a number is seen.

    Args:
        labels: Tensor of one of these forms.
        shape: `(batch, *spatial, classes)`, the shape of the probabilities beside them.

    Returns:
        Float32 tensor of shape `(batch, *spatial, classes)`.

    Raises:
        ValueError: If the shape is none of these.

    Example:

    >>> maps = capszoo.ops.one_hot_maps(np.array([[[0, 2]]]), (1, 1, 2, 3))
    >>> np.asarray(maps).tolist()
    [[[[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]]]
    """
    given, classes = tuple(labels.shape), shape[-1]
    spatial = tuple(shape[1:-1])
    labels = ops.cast(labels, "float32")
    if given[1:] == (*spatial, classes):
        is_share = ops.logical_and(labels >= 0, labels <= 1)
        return ops.where(ops.all(is_share, axis=-1, keepdims=True), labels, float("nan"))
    if given[1:] == spatial:
        labels = ops.expand_dims(labels, -1)
    elif given[1:] != (*spatial, 1):
        raise wrong_maps_error(given, spatial, classes)
    present = ops.equal(labels, ops.arange(classes, dtype="float32"))
    is_class = ops.any(present, axis=-1, keepdims=True)
    return ops.where(is_class, ops.cast(present, "float32"), float("nan"))


def wrong_maps_error(shape, spatial, classes):
    """Makes the error for label maps whose shape is none of those of `one_hot_maps`."""
    sizes = ", ".join(map(str, spatial))
    return ValueError(
        f"Expected label maps of the size of the examples: integers of shape (batch, {sizes}), or "
        f"one-hot of shape (batch, {sizes}, {classes}). Received: label maps of shape "
        f"{tuple(shape)}"
    )


def area_means(maps, sizes):
    """Averages maps down to a coarser grid: each new position is the mean of its area.

    Along an axis, new position `i` of `m` covers the old ones from `i n / m` to `(i + 1) n / m`;
    those at its ends count by the part that is covered. Where `m` divides `n` these are blocks.

    Args:
        maps: Tensor `(batch, *spatial, channels)`, sizes known.
        sizes: The sizes of the coarser grid, one for each axis.

    Returns:
        Tensor `(batch, *sizes, channels)`.

    Example:

    >>> maps = np.array([0, 2, 4, 6], "float32").reshape(1, 4, 1)
    >>> np.asarray(capszoo.ops.area_means(maps, (2,))).ravel().tolist()
    [1.0, 5.0]
    """
    maps = ops.convert_to_tensor(maps)
    for axis, size in enumerate(sizes, start=1):
        if maps.shape[axis] != size:
            shares = ops.cast(_shares(maps.shape[axis], size), maps.dtype)
            maps = ops.moveaxis(ops.tensordot(maps, shares, axes=[[axis], [1]]), -1, axis)
    return maps


def _shares(old, new):
    """What each old position of an axis is worth in each new one, `(new, old)`."""
    starts = np.arange(new)[:, None] * old / new
    ends = starts + old / new
    places = np.arange(old)[None]
    covered = np.minimum(ends, places + 1) - np.maximum(starts, places)
    return (np.clip(covered, 0, 1) * new / old).astype("float32")


def weights_of_maps(sample_weight, rank):
    """Tells weights of examples from weights of positions.

    Args:
        sample_weight: Tensor `(batch,)` or `(batch, 1)`, of examples; `(batch, *spatial)` or
            `(batch, *spatial, 1)`, of positions; or `None`.
        rank: How many spatial axes there are.

    Returns:
        The weights of the examples `(batch,)` or `None`, and those of the positions
        `(batch, *spatial)` or `None`.

    Raises:
        ValueError: If the shape is none of these.
    """
    if sample_weight is None:
        return None, None
    sample_weight = ops.cast(sample_weight, "float32")
    shape = tuple(sample_weight.shape)
    if len(shape) == 1 or (len(shape) == 2 and shape[1] == 1):
        return ops.reshape(sample_weight, (-1,)), None
    if len(shape) == rank + 2 and shape[-1] == 1:
        return None, ops.squeeze(sample_weight, -1)
    if len(shape) == rank + 1:
        return None, sample_weight
    raise ValueError(
        "Expected sample_weight of the examples, of shape (batch,), or of their positions, of the "
        f"shape of the label maps. Received: sample_weight of shape {shape}"
    )
