"""Novel viewpoints: how much worse a network is on views of objects that it was not trained on."""

from collections.abc import Sequence

import keras
import numpy as np

from capszoo.robustness.answers import are_right
from capszoo.robustness.measured import Measured
from capszoo.robustness.subjects import Subject


def novel_views(data: dict) -> dict:
    """Makes the data of the novel views out of those of the familiar ones.

    Args:
        data: The `data:` of a preset whose `viewpoints` are familiar.

    Returns:
        Dictionary of the same form.

    Raises:
        ValueError: If the viewpoints are not familiar ones.

    Example:

    >>> data = {"name": "smallnorb", "viewpoints": "familiar_azimuths"}
    >>> capszoo.robustness.novel_views(data)["viewpoints"]
    'novel_azimuths'
    """
    views = data.get("viewpoints") or "all"
    if not views.startswith("familiar_"):
        raise ValueError(
            "Expected data of familiar viewpoints, data.viewpoints: familiar_azimuths or "
            f"familiar_elevations. Received: {views!r}"
        )
    return {**data, "viewpoints": views.replace("familiar", "novel")}


class ErrorsOfViews(keras.callbacks.Callback):
    """Keeps, after each epoch, the errors on familiar and on novel views.

    Attributes:
        familiar: One error an epoch, from 0 to 1.
        novel: Likewise.

    Args:
        familiar: Pair of pictures and labels.
        novel: Pair of pictures and labels.
        batch_size: How many pictures are computed at a time. Defaults to `100`.
    """

    def __init__(self, familiar, novel, batch_size: int = 100):
        super().__init__()
        self.parts = familiar, novel
        self.batch_size = batch_size
        self.familiar: list[float] = []
        self.novel: list[float] = []

    def on_epoch_end(self, epoch, logs=None):
        for found, (images, labels) in zip((self.familiar, self.novel), self.parts, strict=True):
            scores = self.model.predict(images, self.batch_size, verbose=0)
            found.append(float(1 - are_right(self.model, scores, labels).mean()))


def novel_at_equal_familiar(curves: Sequence[tuple[Sequence[float], Sequence[float]]]):
    """Compares errors on novel views where networks are equally good on familiar ones.

    A better network is better on all views; what is asked is what a novel view costs. Each network
    is taken where, in training, its error on familiar views was first as low as the best of the
    worst network; between two epochs the errors are interpolated.

    Args:
        curves: Of each network the errors on familiar and on novel views, epoch by epoch.

    Returns:
        The familiar error at which they are compared, and each network's error on novel views
        there.

    Raises:
        ValueError: If a network has no epoch, or its two curves differ in length.

    Example:

    >>> slow, quick = ([0.3, 0.1], [0.5, 0.3]), ([0.2, 0.0], [0.4, 0.2])
    >>> error, novel = capszoo.robustness.novel_at_equal_familiar([slow, quick])
    >>> round(error, 3), [round(one, 3) for one in novel]
    (0.1, [0.3, 0.3])

    Reference:

    - [Hinton, Sabour, Frosst, 2018](https://openreview.net/forum?id=HJWLfGWRb)
    """
    for familiar, novel in curves:
        if not len(familiar) or len(familiar) != len(novel):
            raise ValueError(
                "Expected the errors of each epoch, on familiar and on novel views. "
                f"Received: {len(familiar)} and {len(novel)}"
            )
    error = max(min(familiar) for familiar, _ in curves)
    return float(error), [_where(error, *curve) for curve in curves]


def _where(error, familiar, novel):
    """The error on novel views where that on familiar ones first comes down to an error."""
    epoch = int(np.flatnonzero(np.asarray(familiar) <= error)[0])
    if epoch == 0 or familiar[epoch] == error:
        return float(novel[epoch])
    before, after = familiar[epoch - 1], familiar[epoch]
    part = (before - error) / (before - after)
    return float((1 - part) * novel[epoch - 1] + part * novel[epoch])


def measure_views(
    subjects: Sequence[Subject], familiar, novel, batch_size: int = 100
) -> list[Measured]:
    """Measures the accuracy of networks on familiar and on novel views.

    Args:
        subjects: The networks.
        familiar: Pair of pictures and labels.
        novel: Pair of pictures and labels.
        batch_size: How many pictures are computed at a time. Defaults to `100`.

    Returns:
        List of two `Measured`s a network.
    """
    rows = []
    for name, (images, labels) in (("familiar views", familiar), ("novel views", novel)):
        for subject in subjects:
            shares = [
                are_right(model, model.predict(images, batch_size, verbose=0), labels).mean()
                for model in subject.models
            ]
            rows.append(subject.measured(name, 0, "", shares, len(labels)))
    return rows
