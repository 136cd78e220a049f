"""Accuracy where an image may hold one object or several."""

import keras
from keras import ops

from capszoo.ops import count_present
from capszoo.ops import multi_hot
from capszoo.validation import check_number


@keras.saving.register_keras_serializable(package="capszoo")
class SubsetAccuracy(keras.metrics.Mean):
    """Fraction of images whose best-scored classes are exactly the labelled ones.

    An image with one label counts where that class has the highest score: the usual accuracy.
    One with two labels counts where these are the two highest: the exact match by which
    overlapping digits are judged. A tie between a labelled and another class does not count.

    Soft labels, smoothed or mixed, hold as many classes as they add up to
    (`capszoo.ops.count_present`): so many best-scored classes must have the largest labels, and
    of a half-and-half mixture either class is right.

    An image that holds no class or all of them, as any does where there is a single class, has
    nothing to compare: it counts where each score is on the right side of `threshold`.

    Args:
        name: Name in the logs. Defaults to `"accuracy"`.
        threshold: Score above which a class is taken as present where an image holds none or
            all. Choose 0 for scores that are logits. Defaults to `0.5`.
        **kwargs: Arguments of `keras.metrics.Metric`.

    Call arguments:
        y_true: Labels of any form that `capszoo.ops.multi_hot` takes.
        y_pred: Scores `(batch, classes)`.
        sample_weight: Weight of each sample, `(batch,)`. Defaults to `None`.

    Raises:
        ValueError: If `threshold` is not a number.

    Example:

    >>> accuracy = capszoo.metrics.SubsetAccuracy()
    >>> float(accuracy(np.array([0, 0]), np.array([[0.9, 0.1], [0.2, 0.7]])))
    0.5
    """

    def __init__(self, name="accuracy", threshold=0.5, **kwargs):
        check_number("threshold", threshold)
        super().__init__(name=name, **kwargs)
        self.threshold = threshold

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.cast(y_pred, "float32")
        classes = y_pred.shape[-1]
        present = multi_hot(ops.convert_to_tensor(y_true), classes)
        count = ops.expand_dims(count_present(present), -1)
        ascending = ops.sort(y_pred, axis=-1)

        def score(place):
            return ops.take_along_axis(ascending, ops.clip(place, 0, classes - 1), axis=-1)

        # By their labels the best-scored classes are worth no less than any other so many.
        lowest_chosen, highest_left = score(classes - count), score(classes - count - 1)
        worth = ops.sum(ops.where(y_pred >= lowest_chosen, present, 0.0), axis=-1)
        is_largest = ops.arange(classes) >= classes - count
        largest = ops.sum(ops.where(is_largest, ops.sort(present, axis=-1), 0.0), axis=-1)
        matches = ops.logical_and(lowest_chosen[:, 0] > highest_left[:, 0], worth >= largest - 1e-5)

        beyond = ops.where(count > 0, y_pred > self.threshold, y_pred < self.threshold)
        count = count[:, 0]
        has_others = ops.logical_and(count > 0, count < classes)
        right = ops.where(has_others, matches, ops.all(beyond, axis=-1))
        # What is no label makes no accuracy either.
        is_label = ops.logical_not(ops.any(ops.isnan(present), axis=-1))
        right = ops.where(is_label, ops.cast(right, self.dtype), float("nan"))
        return super().update_state(right, sample_weight)

    def get_config(self):
        return {**super().get_config(), "threshold": self.threshold}
