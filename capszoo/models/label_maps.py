"""Checks of cases of any size, and of label maps, before any work is done."""

import numpy as np

from capszoo.models.arrays import check_finite
from capszoo.models.arrays import is_array
from capszoo.models.arrays import to_numpy
from capszoo.ops.label_maps import wrong_maps_error
from capszoo.validation import SPATIAL_AXES


def check_cases(cases, example_shape, unit):
    """Raises `ValueError` unless cases of any size have the axes and channels of a model.

    Args:
        cases: An array `(n, *spatial, channels)` or a sequence of arrays `(*spatial, channels)`.
        example_shape: What the model takes by windows, `(*window, channels)`.
        unit: What the cases are called, in the plural.
    """
    rank, channels = len(example_shape) - 1, example_shape[-1]
    axes = ", ".join((*SPATIAL_AXES[rank], "channels"))
    if not is_array(cases) and not isinstance(cases, (tuple, list)):
        raise ValueError(
            f"Expected {unit} as an array (n, {axes}) or a sequence of arrays ({axes}). "
            f"Received: {type(cases).__name__}"
        )
    if len(cases) == 0:
        raise ValueError(f"Expected at least one of {unit}. Received: none.")
    for number, case in enumerate(cases):
        shape = tuple(getattr(case, "shape", ()))
        if len(shape) != rank + 1 or shape[-1] != channels or 0 in shape:
            hint = ""
            if is_array(cases) and tuple(cases.shape)[-1:] == (channels,) and len(shape) == rank:
                hint = f" Add the axis of {unit}: x[None]."
            elif len(shape) == rank and channels == 1:
                hint = " Add the channel axis: x[..., None]."
            raise ValueError(
                f"Expected {unit} of shape ({axes}), of any size and {channels} channels. "
                f"Received: number {number} of shape {shape}.{hint}"
            )
        check_finite(case[None], unit)


def check_label_maps(labels, examples_shape, num_classes):
    """Raises `ValueError` unless `labels` are label maps of examples.

    Args:
        labels: Array or tensor of a form that `capszoo.ops.one_hot_maps` takes.
        examples_shape: Shape of the examples, `(n, *spatial, channels)`.
        num_classes: How many classes there are, the background among them.
    """
    shape, (count, *spatial, _) = tuple(labels.shape), tuple(examples_shape)
    is_hot = shape[1:] == (*spatial, num_classes)
    if not is_hot and shape[1:] not in (tuple(spatial), (*spatial, 1)):
        raise wrong_maps_error(shape, spatial, num_classes)
    if shape[0] != count:
        raise ValueError(
            "Expected a label map for each example. "
            f"Received: {count} examples, {shape[0]} label maps"
        )
    values = to_numpy(labels)
    if values.dtype.kind in "OSU":
        raise ValueError(f"Expected label maps of numbers. Received: dtype {values.dtype}")
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise ValueError("Expected label maps of numbers. Received: NaN or infinity among them")
        if not is_hot and (values != np.floor(values)).any():
            wrong = values[values != np.floor(values)].flat[0]
            raise ValueError(f"Expected label maps of integers. Received: a label {wrong:g}")
    smallest, largest = float(values.min()), float(values.max())
    highest = 1 if is_hot else num_classes - 1
    if smallest < 0 or largest > highest:
        hint = ""
        if not is_hot and np.isin(values, (0, 255)).all():
            hint = " Masks of 0 and 255 become labels by labels // 255."
        raise ValueError(
            f"Expected label maps of 0 to {highest} for {num_classes} classes"
            f"{' (one-hot)' if is_hot else ', 0 the background'}. "
            f"Received: labels from {smallest:g} to {largest:g}.{hint}"
        )
    # By rows: of large volumes no second copy in float.
    if is_hot and any(np.abs(one.sum(axis=-1) - 1).max() > 1e-3 for one in values):
        raise ValueError(
            "Expected one-hot label maps, whose classes add up to 1 at each position. "
            "Received: some that do not"
        )


def check_class_masks(masks, examples_shape, num_classes):
    """Raises `ValueError` unless masks hold, in each example, one class and where it is seen.

    Args:
        masks: Array or tensor: 0, or on what is seen the class and one more.
        examples_shape: Shape of the examples, `(n, *spatial, channels)`.
        num_classes: How many classes there are.
    """
    shape, expected = tuple(masks.shape), tuple(examples_shape)[:-1]
    if shape != expected:
        raise ValueError(
            f"Expected masks of the shape of the examples without channels, {expected}. "
            f"Received: masks of shape {shape}"
        )
    check_label_maps(masks, examples_shape, num_classes + 1)
    for number, mask in enumerate(to_numpy(masks)):
        classes = np.unique(mask[mask > 0])
        if len(classes) != 1:
            held = "none" if not len(classes) else f"{', '.join(f'{one:g}' for one in classes[:5])}"
            raise ValueError(
                "Expected one class in each mask, its number and one more. Received: "
                f"{held} in mask {number}"
            )
