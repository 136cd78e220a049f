"""Negative log-likelihood of scores that share one whole."""

import keras
from keras import ops

from capszoo.ops import multi_hot

# Keeps a class without any share from an infinite loss.
LEAST_SHARE = 1e-7


@keras.saving.register_keras_serializable(package="capszoo")
class NegativeLogLikelihood(keras.losses.Loss):
    """Negative logarithm of the share that the true class has in all scores.

    `loss = -sum_k T[k] * log(score[k] / sum_l score[l])`, `T` one-hot; with several labels each
    counts its share, and soft ones are shares. Scores are not negative, such as the activations of
    class capsules; 1e-7 is added to each. A single class is held against its absence, whose score
    is `1 - score`. An image that holds none of several classes counts nothing.

    Args:
        **kwargs: Arguments of `keras.losses.Loss`: `reduction`, `name`, `dtype`.

    Call arguments:
        y_true: Labels of any form that `capszoo.ops.multi_hot` takes.
        y_pred: Scores `(batch, classes)` from 0 to 1.
        sample_weight: Weight of each sample, `(batch,)`. Defaults to `None`.

    Example:

    >>> loss = capszoo.losses.NegativeLogLikelihood()
    >>> round(float(loss(np.array([0]), np.array([[0.25, 0.25]], "float32"))), 4)
    0.6931
    """

    # What it learns from is the difference between classes: an image needs one.
    compares_classes = True

    def __init__(self, name="negative_log_likelihood", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        present = multi_hot(y_true, y_pred.shape[-1])
        if y_pred.shape[-1] == 1:
            present = ops.concatenate([present, 1.0 - present], axis=-1)
            y_pred = ops.concatenate([y_pred, 1.0 - y_pred], axis=-1)
        share = present / ops.maximum(ops.sum(present, axis=-1, keepdims=True), 1.0)
        scores = ops.maximum(y_pred, 0.0) + LEAST_SHARE
        total = ops.log(ops.sum(scores, axis=-1, keepdims=True))
        return ops.sum(share * (total - ops.log(scores)), axis=-1)
