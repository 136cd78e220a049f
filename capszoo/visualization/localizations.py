"""Where in each frame of a clip is what it was taken for."""

import keras
import numpy as np

from capszoo.visualization.figures import SMALL
from capszoo.visualization.figures import grid_of_axes
from capszoo.visualization.figures import name_of
from capszoo.visualization.figures import new_figure

# Of the frames of a clip, so many at most, evenly spread.
_MOST_FRAMES = 8


def draw_localization(model, clip, names=None):
    """Draws frames of a clip, and below each what of it belongs to the class that was found.

    Args:
        model: A `capszoo.models.CapsuleLocalizer` that localizes.
        clip: One clip, as the model takes it, without the batch axis.
        names: Names of the classes. Defaults to `None`, numbers.

    Returns:
        A Matplotlib figure: a column for each of at most eight frames of the window that the model
        saw, as the model saw them; below, pixels with a probability of at least one half in colour.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If the model does not localize.

    Example:

    >>> model = capszoo.models.VideoCapsNet(resize=(32, 32))
    >>> clips, labels = capszoo.data.load("moving_digits", "test")
    >>> figure = capszoo.visualization.draw_localization(model, clips[0])
    """
    clips = np.asarray(clip)[None]
    found = model.localize(clips)[0]
    best = int(model.predict(clips, verbose=0)[0].argmax())
    seen = keras.Model(model.input, model.get_layer("rescaling").output)
    frames = np.clip(seen.predict(clips, verbose=0)[0], 0, 1)
    shown = np.unique(np.linspace(0, len(frames) - 1, _MOST_FRAMES).round().astype(int))
    figure = new_figure(0.6 + SMALL * len(shown), 0.6 + 2 * SMALL)
    axes = grid_of_axes(figure, 2, len(shown))
    for number, (above, below) in zip(shown, axes.T, strict=True):
        picture = frames[number]
        if picture.shape[-1] != 3:
            picture = np.repeat(picture[..., :1], 3, axis=-1)
        overlay = picture.copy()
        there = found[number] >= 0.5
        overlay[there] = 0.4 * overlay[there] + 0.6 * np.array([0.85, 0.37, 0.01])
        above.imshow(picture)
        above.set_title(f"frame {number + 1}", fontsize=8)
        below.imshow(overlay)
    axes[1, 0].set_ylabel(name_of(best, names), fontsize=8)
    return figure
