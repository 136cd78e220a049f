"""Labels in any of the usual forms, as one."""

from keras import ops


def multi_hot(labels, num_classes):
    """Turns integer, one-hot or multi-hot labels into multi-hot ones.

    Args:
        labels: Integers of shape `(batch,)` or `(batch, 1)`, or 0 and 1 of shape
            `(batch, num_classes)`.
        num_classes: How many classes there are.

    Returns:
        Float32 tensor of shape `(batch, num_classes)`.

    Raises:
        ValueError: If the shape is none of these.

    Example:

    >>> keras.ops.convert_to_numpy(capszoo.ops.multi_hot(np.array([2, 0]), 3)).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    shape = tuple(labels.shape)
    if len(shape) == 2 and shape[-1] == num_classes:
        return ops.cast(labels, "float32")
    if len(shape) == 2 and shape[-1] == 1:
        labels = ops.squeeze(labels, -1)
    elif len(shape) != 1:
        raise ValueError(
            "Expected integer labels of shape (batch,) or one-hot or multi-hot labels of shape "
            f"(batch, {num_classes}). Received: labels of shape {shape}"
        )
    return ops.one_hot(ops.cast(labels, "int32"), num_classes, dtype="float32")
