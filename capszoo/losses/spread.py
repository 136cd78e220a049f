"""Spread loss: the true class's activation ahead of every other by a margin."""

import keras
from keras import ops

from capszoo.ops import multi_hot
from capszoo.validation import check_number


@keras.saving.register_keras_serializable(package="capszoo")
class SpreadMargin:
    """The margin schedule of EM routing: from 0.21 to 0.99 along a sigmoid.

    `margin = 0.2 + 0.79 * sigmoid(min(10, step / steps - 4))`

    Args:
        steps: Training steps per unit of the sigmoid's argument; half of the way is done
            after four times as many. Defaults to `50000`.

    Raises:
        ValueError: If `steps` is not a number of at least 1.

    Example:

    >>> round(float(capszoo.losses.SpreadMargin()(np.array(200_000))), 3)
    0.595

    Reference:

    - [Hinton, Sabour, Frosst, 2018](https://openreview.net/forum?id=HJWLfGWRb), released code
    """

    def __init__(self, steps=50_000):
        self.steps = check_number("steps", steps, 1)

    def __call__(self, step):
        progress = ops.cast(step, "float32") / self.steps
        return 0.2 + 0.79 * ops.sigmoid(ops.minimum(10.0, progress - 4.0))

    def get_config(self):
        return {"steps": self.steps}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable(package="capszoo")
class SpreadLoss(keras.losses.Loss):
    """Spread loss on the activations of the class capsules.

    With `t` the true class, `loss = sum_{i != t} max(0, margin - (a[t] - a[i]))**2`. The true
    class itself is left out: it would only add the constant `margin**2`. Where several classes
    are present, each of them is held against each absent one; with soft labels `T` a pair counts
    `T[t] * (1 - T[i])`. A single class is held against its absence, whose activation is `1 - a`.
    An image that holds none of several classes counts nothing.

    Args:
        margin: By how much the true class should lead: a number from 0 to 1, or a callable of
            the training step such as `SpreadMargin()`. Defaults to `0.9`.
        **kwargs: Arguments of `keras.losses.Loss`: `reduction`, `name`, `dtype`.

    Attributes:
        step: Where `margin` is a callable, a variable that counts the training steps.
            `CapsuleClassifier` reads a counter of its own instead, and saves it with the model;
            in a training loop of your own, count it yourself. `None` where the margin is a
            number.

    Call arguments:
        y_true: Labels of any form that `capszoo.ops.multi_hot` takes.
        y_pred: Activations `(batch, classes)`.
        sample_weight: Weight of each sample, `(batch,)`. Defaults to `None`.

    Raises:
        ValueError: If `margin` is neither a number from 0 to 1 nor a callable.

    Example:

    >>> loss = capszoo.losses.SpreadLoss(margin=0.5)
    >>> round(float(loss(np.array([0]), np.array([[0.8, 0.5, 0.1]]))), 4)
    0.04

    Reference:

    - [Hinton, Sabour, Frosst, 2018](https://openreview.net/forum?id=HJWLfGWRb)
    """

    # What it learns from is the difference between classes: an image needs one.
    compares_classes = True

    def __init__(self, margin=0.9, name="spread_loss", **kwargs):
        if isinstance(margin, dict):
            margin = keras.saving.deserialize_keras_object(margin)
        if not callable(margin):
            check_number("margin", margin, 0, 1)
        super().__init__(name=name, **kwargs)
        self.margin = margin
        self.step = None
        if callable(margin):
            self.step = keras.Variable(0, dtype="int32", trainable=False, name="step")

    def call(self, y_true, y_pred):
        present = multi_hot(y_true, y_pred.shape[-1])
        margin = self.margin if self.step is None else self.margin(self.step.value)
        if y_pred.shape[-1] == 1:
            present = ops.concatenate([present, 1.0 - present], axis=-1)
            y_pred = ops.concatenate([y_pred, 1.0 - y_pred], axis=-1)
        lead = ops.expand_dims(y_pred, -1) - ops.expand_dims(y_pred, -2)
        counts = ops.expand_dims(present, -1) * ops.expand_dims(1.0 - present, -2)
        counts = counts * (1.0 - ops.eye(y_pred.shape[-1]))
        return ops.sum(counts * ops.square(ops.relu(margin - lead)), axis=(-2, -1))

    def get_config(self):
        margin = self.margin
        if self.step is not None:
            margin = keras.saving.serialize_keras_object(margin)
        return {**super().get_config(), "margin": margin}
