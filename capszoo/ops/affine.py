"""Affine maps: of the six numbers of a pose, one after the other, and of templates to pictures."""

import math

import numpy as np
from keras import ops

from capszoo.ops.precision import widen

# The least that a template is made smaller by.
_SMALLEST_SCALE = 0.01
# By how much numbers around zero move and shear.
_STEEPNESS = 5.0


def affine_of_pose(pose):
    """Computes the affine map that six numbers stand for.

        sx, sy = sigmoid(p[0]) + 0.01, sigmoid(p[1]) + 0.01     scales
        angle  = 2 pi p[2]
        shear  = tanh(5 p[3])
        tx, ty = tanh(5 p[4]), tanh(5 p[5])                     where the middle comes to

        [[sx cos + shear sy sin, -sx sin + shear sy cos, tx],
         [               sy sin,                 sy cos, ty]]

    Args:
        pose: Tensor of shape `(..., 6)`.

    Returns:
        Tensor `(..., 2, 3)` in float32; its determinant is `sx sy`.

    Example:

    >>> place = capszoo.ops.affine_of_pose(np.zeros((1, 6), "float32"))
    >>> keras.ops.convert_to_numpy(place).astype("float64").round(2)[0].tolist()
    [[0.51, 0.0, 0.0], [0.0, 0.51, 0.0]]

    Reference:

    - [Kosiorek et al., 2019](https://arxiv.org/abs/1906.06818)
    """
    pose = widen(pose)
    scale = ops.sigmoid(pose[..., :2]) + _SMALLEST_SCALE
    sx, sy = scale[..., 0], scale[..., 1]
    angle = 2 * math.pi * pose[..., 2]
    moved = ops.tanh(_STEEPNESS * pose[..., 3:])
    shear, tx, ty = moved[..., 0], moved[..., 1], moved[..., 2]
    cosine, sine = ops.cos(angle), ops.sin(angle)
    above = ops.stack([sx * cosine + shear * sy * sine, shear * sy * cosine - sx * sine, tx], -1)
    below = ops.stack([sy * sine, sy * cosine, ty], -1)
    return ops.stack([above, below], axis=-2)


def compose_affine(outer, inner):
    """Computes the affine map that is one after the other: `outer(inner(x))`.

    Args:
        outer: Tensor of shape `(..., 2, 3)`.
        inner: Tensor of shape `(..., 2, 3)` that broadcasts with it.

    Returns:
        Tensor `(..., 2, 3)` in float32.

    Example:

    >>> double = np.array([[[2.0, 0, 0], [0, 2, 0]]], "float32")
    >>> move = np.array([[[1.0, 0, 3], [0, 1, 4]]], "float32")
    >>> keras.ops.convert_to_numpy(capszoo.ops.compose_affine(double, move))[0].tolist()
    [[2.0, 0.0, 6.0], [0.0, 2.0, 8.0]]
    """
    outer, inner = widen(outer), widen(inner)
    turned = ops.matmul(outer[..., :2], inner)
    return ops.concatenate([turned[..., :2], turned[..., 2:] + outer[..., 2:]], axis=-1)


def place_templates(templates, places, size):
    """Draws templates on empty pictures, at the places that affine maps take them to.

    A template and a picture both reach from -1 to 1. Between the numbers of a template it is
    interpolated bilinearly, and where it does not reach there is zero.

    Args:
        templates: Tensor of shape `(parts, rows, columns, channels)`.
        places: Affine maps from templates to pictures, `(batch, parts, 2, 3)`.
        size: `(height, width)` of the pictures.

    Returns:
        Tensor `(batch, parts, height, width, channels)`, and how much each pixel is reached by
        the template, `(batch, parts, height, width, 1)`, between 0 and 1; both in float32.

    Example:

    >>> templates = np.ones((1, 3, 3, 1), "float32")
    >>> half = np.array([[[[0.5, 0, 0], [0, 0.5, 0]]]], "float32")
    >>> drawn, reached = capszoo.ops.place_templates(templates, half, (4, 4))
    >>> keras.ops.convert_to_numpy(drawn)[0, 0, :, :, 0].tolist()[1]
    [0.0, 1.0, 1.0, 0.0]
    """
    templates, places = widen(templates), widen(places)
    parts, rows, columns, channels = templates.shape
    height, width = size
    y, x = np.meshgrid(_middles(height), _middles(width), indexing="ij")
    # The pixels' own places, against those of the middle of each template.
    x = ops.convert_to_tensor(x.ravel().astype("float32")) - places[..., 0, 2:]
    y = ops.convert_to_tensor(y.ravel().astype("float32")) - places[..., 1, 2:]
    a, b, c, d = (places[..., i, j, None] for i in (0, 1) for j in (0, 1))
    determinant = a * d - b * c
    column = ((d * x - b * y) / determinant + 1) * columns / 2 - 0.5
    row = ((a * y - c * x) / determinant + 1) * rows / 2 - 0.5
    # One row and column of zeros around each template, and all templates in a line for each
    # channel: taking numbers out of a line has a gradient that takes a thirtieth of the time on
    # PyTorch that taking rows out of a table has.
    table = ops.pad(templates, [[0, 0], [1, 1], [1, 1], [0, 0]])
    lines = [ops.reshape(table[..., channel], (-1,)) for channel in range(channels)]
    row, column = ops.clip(row, -1, rows), ops.clip(column, -1, columns)
    above = ops.clip(ops.floor(ops.stop_gradient(row)), -1, rows - 1)
    left = ops.clip(ops.floor(ops.stop_gradient(column)), -1, columns - 1)
    down, right = row - above, column - left
    first = np.arange(parts)[:, None] * ((rows + 2) * (columns + 2))
    first = ops.convert_to_tensor(first, dtype="int32")
    index = first + ops.cast((above + 1) * (columns + 2) + left + 1, "int32")
    corners = (
        (index, (1 - down) * (1 - right)),
        (index + 1, (1 - down) * right),
        (index + columns + 2, down * (1 - right)),
        (index + columns + 3, down * right),
    )
    drawn = [
        sum(weight * ops.take(line, corner, axis=0) for corner, weight in corners) for line in lines
    ]
    reached = ops.clip(ops.minimum(row + 1, rows - row), 0, 1)
    reached = reached * ops.clip(ops.minimum(column + 1, columns - column), 0, 1)
    return (
        ops.reshape(ops.stack(drawn, axis=-1), (-1, parts, height, width, channels)),
        ops.reshape(reached, (-1, parts, height, width, 1)),
    )


def _middles(count):
    """The middles of as many pixels between -1 and 1."""
    return (np.arange(count) + 0.5) * 2 / count - 1
