"""Which classes are present: labels in any of the usual forms, as one."""

from keras import ops


def multi_hot(labels, num_classes):
    """Turns labels of any form into how present each class is, from 0 to 1.

    | labels | shape | |
    |---|---|---|
    | integers from 0 to `num_classes - 1` | `(batch,)`, `(batch, 1)` | the one class present |
    | 0 and 1, one or several a row | `(batch, num_classes)` | one-hot, multi-hot |
    | numbers from 0 to 1 | `(batch, num_classes)` | soft: smoothed or mixed |
    | 0 and 1, or soft, for a single class | `(batch,)`, `(batch, 1)` | absent or present |

    A row of labels that are none of these, such as a class beyond the last, is not a number:
    inside a compiled step nothing can be refused, and a loss that is not a number is seen.

    Args:
        labels: Tensor of one of these forms.
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
    is_one_each = len(shape) == 1 or (len(shape) == 2 and shape[-1] == 1)
    if not is_one_each and not (len(shape) == 2 and shape[-1] == num_classes):
        raise wrong_shape_error(shape, num_classes)
    labels = ops.cast(labels, "float32")
    if is_one_each:
        labels = ops.reshape(labels, (-1, 1))
    if is_one_each and num_classes > 1:
        present = ops.cast(ops.equal(labels, ops.arange(num_classes, dtype="float32")), "float32")
        is_label = ops.any(present > 0, axis=-1, keepdims=True)
    else:
        present = labels
        is_label = ops.logical_and(labels >= 0, labels <= 1)
    return ops.where(is_label, present, float("nan"))


def wrong_shape_error(shape, num_classes):
    """Makes the error for labels whose shape is none of those of `multi_hot`."""
    if num_classes == 1:
        expected = "labels of 0 and 1 of shape (batch,) or (batch, 1) for a single class"
    else:
        expected = (
            "integer labels of shape (batch,) or one-hot, multi-hot or soft labels of shape "
            f"(batch, {num_classes})"
        )
    return ValueError(f"Expected {expected}. Received: labels of shape {tuple(shape)}")


def count_present(present):
    """Counts the classes that each image holds: what its labels add up to, rounded.

    Label smoothing and MixUp leave the sum as it was, so a picture of one object stays one.

    Args:
        present: What `multi_hot` gives.

    Returns:
        Int32 tensor of shape `(batch,)`.

    Example:

    >>> smoothed = capszoo.ops.multi_hot(np.array([[0.9, 0.05, 0.05], [0.95, 0.95, 0.05]]), 3)
    >>> keras.ops.convert_to_numpy(capszoo.ops.count_present(smoothed)).tolist()
    [1, 2]
    """
    sums = ops.sum(present, axis=-1)
    return ops.cast(ops.round(ops.where(ops.isnan(sums), 0.0, sums)), "int32")


def present_classes(present):
    """Tells which classes each image holds: as many as `count_present`, those of largest label.

    Classes that are as present as the last of them are held as well: both of a half-and-half
    mixture.

    Args:
        present: What `multi_hot` gives.

    Returns:
        Tensor of 0 and 1 of the same shape.

    Example:

    >>> smoothed = capszoo.ops.multi_hot(np.array([[0.9, 0.05, 0.05], [0.5, 0.5, 0.0]]), 3)
    >>> keras.ops.convert_to_numpy(capszoo.ops.present_classes(smoothed)).tolist()
    [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]
    """
    count = ops.expand_dims(count_present(present), -1)
    ascending = ops.sort(present, axis=-1)
    classes = present.shape[-1]
    place = ops.clip(classes - count, 0, classes - 1)
    least = ops.take_along_axis(ascending, place, axis=-1)
    return ops.cast(ops.logical_and(present >= least, count > 0), "float32")
