"""Margin loss: the true class's capsule long, the others short."""

import keras
from keras import ops

from capszoo.ops import multi_hot
from capszoo.validation import check_choice
from capszoo.validation import check_number


@keras.saving.register_keras_serializable(package="capszoo")
class MarginLoss(keras.losses.Loss):
    """Margin loss on the lengths of the class capsules.

    With `T[k] = 1` where class `k` is present and `length[k]` its capsule's length,

        loss = sum_k  T[k] * max(0, positive_margin - length[k])**2
               + negative_weight * (1 - T[k]) * max(0, length[k] - negative_margin)**2

    Classes are judged one by one, so an image may hold several, none, or a share of some (soft
    labels), and there may be a single class, whose labels are 0 and 1.

    The paper sums over the classes (`convention="paper"`). The code that made its checkpoints
    takes half of that and the mean over the classes (`convention="official"`): for ten classes
    1/20 of the sum. Adam does not mind the scale, but beside a reconstruction loss of the same
    weight the pictures then count 20 times as much.

    Args:
        positive_margin: Length above which a present class costs nothing. Defaults to `0.9`.
        negative_margin: Length below which an absent class costs nothing. Defaults to `0.1`.
        negative_weight: Weight of the absent classes. Defaults to `0.5`.
        convention: `"paper"` or `"official"`. Defaults to `"paper"`.
        **kwargs: Arguments of `keras.losses.Loss`: `reduction`, `name`, `dtype`.

    Call arguments:
        y_true: Labels of any form that `capszoo.ops.multi_hot` takes.
        y_pred: Lengths `(batch, classes)`.
        sample_weight: Weight of each sample, `(batch,)`. Defaults to `None`.

    Raises:
        ValueError: If a margin is not a number from 0 to 1 or the convention unknown.

    Example:

    >>> loss = capszoo.losses.MarginLoss()
    >>> round(float(loss(np.array([0]), np.array([[0.8, 0.3]]))), 4)
    0.03

    Reference:

    - [Sabour, Frosst, Hinton, 2017](https://arxiv.org/abs/1710.09829), section 3
    """

    def __init__(
        self,
        positive_margin=0.9,
        negative_margin=0.1,
        negative_weight=0.5,
        convention="paper",
        name="margin_loss",
        **kwargs,
    ):
        check_number("positive_margin", positive_margin, 0, 1)
        check_number("negative_margin", negative_margin, 0, 1)
        check_number("negative_weight", negative_weight, 0)
        check_choice("convention", convention, ("paper", "official"))
        super().__init__(name=name, **kwargs)
        self.positive_margin = positive_margin
        self.negative_margin = negative_margin
        self.negative_weight = negative_weight
        self.convention = convention

    def call(self, y_true, y_pred):
        present = multi_hot(y_true, y_pred.shape[-1])
        missing = ops.square(ops.relu(self.positive_margin - y_pred))
        excess = ops.square(ops.relu(y_pred - self.negative_margin))
        losses = present * missing + self.negative_weight * (1.0 - present) * excess
        if self.convention == "official":
            return 0.5 * ops.mean(losses, axis=-1)
        return ops.sum(losses, axis=-1)

    def get_config(self):
        return {
            **super().get_config(),
            "positive_margin": self.positive_margin,
            "negative_margin": self.negative_margin,
            "negative_weight": self.negative_weight,
            "convention": self.convention,
        }
