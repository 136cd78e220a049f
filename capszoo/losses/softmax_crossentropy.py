"""Softmax cross-entropy for labels in any of the usual forms."""

import keras
from keras import ops

from capszoo.ops import multi_hot


@keras.saving.register_keras_serializable(package="capszoo")
class SoftmaxCrossentropy(keras.losses.Loss):
    """Cross-entropy between labels and the softmax of scores that are logits.

    `loss = -sum_k T[k] * log_softmax(score)[k]`, `T` one-hot; with several labels each counts
    its share, and soft ones are shares. A single class is held against its absence, whose score
    is 0: the cross-entropy of a sigmoid. An image that holds none of several classes counts
    nothing.

    Args:
        **kwargs: Arguments of `keras.losses.Loss`: `reduction`, `name`, `dtype`.

    Call arguments:
        y_true: Labels of any form that `capszoo.ops.multi_hot` takes.
        y_pred: Logits `(batch, classes)`.
        sample_weight: Weight of each sample, `(batch,)`. Defaults to `None`.

    Example:

    >>> loss = capszoo.losses.SoftmaxCrossentropy()
    >>> round(float(loss(np.array([0]), np.array([[0.0, 0.0]]))), 4)
    0.6931
    """

    # What it learns from is the difference between classes: an image needs one.
    compares_classes = True

    def __init__(self, name="softmax_crossentropy", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        present = multi_hot(y_true, y_pred.shape[-1])
        if y_pred.shape[-1] == 1:
            present = ops.concatenate([present, 1.0 - present], axis=-1)
            y_pred = ops.concatenate([y_pred, ops.zeros_like(y_pred)], axis=-1)
        share = present / ops.maximum(ops.sum(present, axis=-1, keepdims=True), 1.0)
        return -ops.sum(share * ops.log_softmax(y_pred, axis=-1), axis=-1)
