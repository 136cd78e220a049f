"""Reconstruction loss of graphs: the largest errors of a decoded histogram."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="capszoo")
class HistogramLoss(keras.losses.Loss):
    """Largest squared error among the bins that hold something, plus that among the empty ones.

        loss = max_{i: h[i] > 0} (h[i] - g[i])**2 + max_{i: h[i] = 0} (h[i] - g[i])**2

    Of a graph with few of many labels, a mean over the labels would say little of those it has.

    Args:
        **kwargs: Arguments of `keras.losses.Loss`: `reduction`, `name`, `dtype`.

    Call arguments:
        y_true: Histograms `h`, `(batch, labels)`.
        y_pred: Reconstructions `g` of the same shape.
        sample_weight: Weight of each sample, `(batch,)`. Defaults to `None`.

    Example:

    >>> loss = capszoo.losses.HistogramLoss()
    >>> float(loss(np.array([[0.5, 0.5, 0.0]]), np.array([[0.5, 0.0, 1.0]])))
    1.25

    Reference:

    - [Xinyi and Chen, 2019](https://openreview.net/forum?id=Byl8BnRcYm)
    """

    def __init__(self, name="reconstruction_loss", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        errors = ops.square(y_true - y_pred)
        present = ops.cast(y_true > 0, errors.dtype)
        return ops.max(errors * present, axis=-1) + ops.max(errors * (1 - present), axis=-1)
