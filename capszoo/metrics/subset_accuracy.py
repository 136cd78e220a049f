"""Accuracy where an image may hold one object or several."""

import keras
from keras import ops

from capszoo.ops import multi_hot


@keras.saving.register_keras_serializable(package="capszoo")
class SubsetAccuracy(keras.metrics.Mean):
    """Fraction of images whose best-scored classes are exactly the labelled ones.

    An image with one label counts where that class has the highest score: the usual accuracy.
    One with two labels counts where these are the two highest: the exact match by which
    overlapping digits are judged. A tie between a labelled and another class does not count.

    Args:
        name: Name in the logs. Defaults to `"accuracy"`.
        **kwargs: Arguments of `keras.metrics.Metric`.

    Call arguments:
        y_true: Integer labels `(batch,)`, or one-hot or multi-hot ones `(batch, classes)`.
        y_pred: Scores `(batch, classes)`.
        sample_weight: Weight of each sample, `(batch,)`. Defaults to `None`.

    Example:

    >>> accuracy = capszoo.metrics.SubsetAccuracy()
    >>> float(accuracy(np.array([0, 0]), np.array([[0.9, 0.1], [0.2, 0.7]])))
    0.5
    """

    def __init__(self, name="accuracy", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.cast(y_pred, "float32")
        present = multi_hot(ops.convert_to_tensor(y_true), y_pred.shape[-1])
        lowest_present = ops.min(ops.where(present > 0, y_pred, float("inf")), axis=-1)
        highest_absent = ops.max(ops.where(present > 0, float("-inf"), y_pred), axis=-1)
        right = ops.cast(lowest_present > highest_absent, self.dtype)
        return super().update_state(right, sample_weight)
