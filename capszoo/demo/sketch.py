"""From what was drawn or dropped on a canvas to a picture such as a model was trained on."""

import numpy as np
from PIL import Image

from capszoo.data.images import MODES
from capszoo.data.images import resize_images

# Of 256 grey values: what is brighter than the ground by so much is ink.
_INK = 32
# Share of a side that the ink takes, where no examples say it.
_FILL = 0.75


def as_picture(drawn: np.ndarray, model, fill: float = _FILL) -> np.ndarray | None:
    """Makes a picture of what stands on a canvas.

    Of one channel it becomes bright on dark, as handwritten digits and Fashion-MNIST are stored,
    and what is on an even ground is brought to the middle, as large as in the data.

    Args:
        drawn: uint8 array `(height, width, 3 or 4)`.
        model: A model of pictures of 1 or 3 channels.
        fill: Share of a side that the ink takes. Defaults to `0.75`.

    Returns:
        uint8 array that `model` takes, without the batch axis; `None` of an empty canvas.

    Example:

    >>> model = capszoo.load("capsnet_digits")
    >>> drawn = np.full((100, 100, 3), 255, "uint8")
    >>> drawn[20:60, 40:50] = 0
    >>> picture = capszoo.demo.sketch.as_picture(drawn, model)
    >>> picture.shape, bool(picture.max() > 100)
    ((8, 8, 1), True)
    """
    *size, channels = model.example_shape
    picture = Image.fromarray(np.asarray(drawn))
    if picture.mode == "RGBA":
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    array = np.asarray(picture.convert(MODES[channels]))
    if int(array.max()) - int(array.min()) < _INK:
        return None
    if channels == 1:
        array = _in_the_middle(array if _ground(array) < 128 else 255 - array, fill)
    array = array.reshape(1, *array.shape[:2], channels)
    return resize_images(array, *(model.resize or size))[0]


def share_of_ink(examples) -> float:
    """Measures the share of a side that the ink of examples takes.

    Args:
        examples: Pictures `(height, width, 1)`, bright on dark; `None` where there are none.

    Returns:
        A number from 0.3 to 1.

    Example:

    >>> images, labels = capszoo.data.load("digits", "test")
    >>> capszoo.demo.sketch.share_of_ink(images)
    1.0
    """
    if examples is None:
        return _FILL
    shares = []
    for one in examples:
        rows, columns = _box(one[..., 0])
        height, width = one.shape[:2]
        shares.append(max((rows[1] - rows[0]) / height, (columns[1] - columns[0]) / width))
    return float(np.clip(np.median(shares), 0.3, 1.0))


def _ground(array):
    """The grey value most usual on the border."""
    border = (array[0], array[-1], array[:, 0], array[:, -1])
    return float(np.median(np.concatenate(border)))


def _box(array):
    """The rows and the columns between which there is ink."""
    ink = array > _ground(array) + _INK
    places = [np.flatnonzero(ink.any(axis=1 - axis)) for axis in range(2)]
    return [(int(one[0]), int(one[-1]) + 1) if len(one) else (0, 1) for one in places]


def _in_the_middle(array, fill):
    """Cuts the ink out and lays it on a square of the ground, in the middle."""
    (top, bottom), (left, right) = _box(array)
    ink = array[top:bottom, left:right]
    side = max(round(max(ink.shape) / fill), *ink.shape)
    square = np.full((side, side), _ground(array), array.dtype)
    row, column = (side - ink.shape[0]) // 2, (side - ink.shape[1]) // 2
    square[row : row + ink.shape[0], column : column + ink.shape[1]] = ink
    return square
