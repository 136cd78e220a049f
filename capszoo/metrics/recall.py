"""Recall at k: how many of what belongs to an example are among its k best scores."""

import keras
from keras import ops

from capszoo.ops import multi_hot
from capszoo.validation import check_positive_int


@keras.saving.register_keras_serializable(package="capszoo")
class RecallAtK(keras.metrics.Mean):
    """Share of an example's labelled classes that are among the `k` with the highest scores.

    Of an example with one label it is 1 or 0: whether the item that comes next is among the `k`
    that are shown. An example without any label counts for nothing. A score that is equal to one
    that is not shown does not count, so that scores that are all alike find nothing.

    Args:
        k: How many classes are shown. Defaults to `20`.
        name: Name in the logs. Defaults to `None`, `"recall_at_<k>"`.
        **kwargs: Arguments of `keras.metrics.Metric`.

    Call arguments:
        y_true: Labels of any form that `capszoo.ops.multi_hot` takes.
        y_pred: Scores `(batch, classes)`. Where there are fewer classes than `k`, all are shown.
        sample_weight: Weight of each example, `(batch,)`. Defaults to `None`.

    Raises:
        ValueError: If `k` is not a positive integer.

    Example:

    >>> recall = capszoo.metrics.RecallAtK(2)
    >>> scores = np.array([[0.5, 0.1, 0.3], [0.5, 0.1, 0.3]])
    >>> float(recall(np.array([2, 1]), scores)), recall.name
    (0.5, 'recall_at_2')
    """

    def __init__(self, k=20, name=None, **kwargs):
        self.k = check_positive_int("k", k)
        super().__init__(name=f"recall_at_{self.k}" if name is None else name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        present = multi_hot(ops.convert_to_tensor(y_true), y_pred.shape[-1])
        scores = ops.cast(y_pred, "float32")
        if self.k < y_pred.shape[-1]:
            # What is shown is above the first that is not.
            best, _ = ops.top_k(scores, self.k + 1)
            found = ops.sum(ops.where(scores > best[:, -1:], present, 0.0), axis=-1)
        else:
            found = ops.sum(present, axis=-1)
        labels = ops.sum(present, axis=-1)
        weight = ops.cast(labels > 0, self.dtype)
        if sample_weight is not None:
            weight = weight * ops.cast(ops.reshape(sample_weight, (-1,)), self.dtype)
        return super().update_state(found / ops.maximum(labels, 1.0), weight)

    def get_config(self):
        return {**super().get_config(), "k": self.k}
