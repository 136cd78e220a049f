"""Which class each pixel or voxel was taken for."""

import numpy as np

from capszoo.visualization.figures import check_matplotlib
from capszoo.visualization.figures import grid_of_axes
from capszoo.visualization.figures import name_of
from capszoo.visualization.figures import new_figure

_PLANES = ("across the first axis", "across the second axis", "across the third axis")


def draw_label_map(model, example, names=None):
    """Draws a picture, or the middle slices of a volume, and the classes that were found on it.

    Args:
        model: A `capszoo.models.CapsuleSegmenter`.
        example: One picture or volume, as the model takes it, without the batch axis.
        names: Names of the classes. Defaults to `None`, numbers.

    Returns:
        A Matplotlib figure: a column for each slice, the classes in colour below.

    Raises:
        ImportError: If Matplotlib is not installed.

    Example:

    >>> model = capszoo.load("segcaps_digit_scenes")
    >>> images, masks = capszoo.data.load("digit_scenes", "test")
    >>> figure = capszoo.visualization.draw_label_map(model, images[0])
    """
    example = np.asarray(example)
    labels = np.asarray(model.segment(example[None])[0])
    if example.ndim == 3:
        slices, titles = [(grey_of(example), labels)], ["picture"]
    else:
        # Through the middle of what was found, or of the volume where there is nothing.
        found = np.argwhere(labels > 0)
        grey = grey_of(example)
        middle = found.mean(axis=0).round() if len(found) else np.array(labels.shape) // 2
        slices = [
            (np.take(grey, int(at), axis), np.take(labels, int(at), axis))
            for axis, at in enumerate(middle)
        ]
        titles = [f"slice {int(at)} {plane}" for at, plane in zip(middle, _PLANES, strict=True)]
    figure = new_figure(1.8 + 3.4 * len(slices), 7.4)
    import matplotlib
    from matplotlib.patches import Patch

    colours = matplotlib.colormaps["tab10"]
    axes = grid_of_axes(figure, 2, len(slices))
    for (above, below), (picture, own), title in zip(axes.T, slices, titles, strict=True):
        above.imshow(picture, cmap="gray", vmin=0, vmax=1)
        above.set_title(title)
        below.imshow(coloured(picture, own, model.num_classes))
    axes[1, 0].set_ylabel("classes found")
    patches = [
        Patch(color=colours(number - 1), label=name_of(number, names))
        for number in range(1, model.num_classes)
    ]
    figure.legend(handles=patches, loc="outside right upper")
    return figure


def grey_of(example) -> np.ndarray:
    """The first channel of a picture or volume, its values brought to between 0 and 1.

    Args:
        example: Array `(*spatial, channels)`.

    Returns:
        Array `(*spatial)`.

    Example:

    >>> example = np.arange(4.0).reshape(2, 2, 1)
    >>> capszoo.visualization.label_maps.grey_of(example)[0, 0]
    np.float64(0.0)
    """
    # A few very bright pixels are not to darken the others.
    low, high = float(np.min(example)), float(np.percentile(example, 99.5))
    grey = (np.asarray(example)[..., 0].astype("float64") - low) / max(high - low, 1e-12)
    return np.clip(grey, 0, 1)


def coloured(grey: np.ndarray, labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Lays the colours of classes over a picture.

    Args:
        grey: Numbers from 0 to 1, `(height, width)`.
        labels: The class of each pixel; 0, the background, has no colour.
        num_classes: How many classes there are.

    Returns:
        Array `(height, width, 3)`.

    Raises:
        ImportError: If Matplotlib is not installed.

    Example:

    >>> labels = np.array([[0, 1]])
    >>> capszoo.visualization.label_maps.coloured(np.zeros((1, 2)), labels, 2)[0, 0].tolist()
    [0.0, 0.0, 0.0]
    """
    check_matplotlib()
    import matplotlib

    colours = matplotlib.colormaps["tab10"]
    overlay = np.repeat(grey[..., None], 3, axis=-1)
    for number in range(1, num_classes):
        of_class = labels == number
        overlay[of_class] = 0.5 * overlay[of_class] + 0.5 * np.array(colours(number - 1)[:3])
    return overlay
