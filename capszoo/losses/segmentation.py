"""The loss of segmentation: cross-entropy of each position, and overlap of each class."""

import keras
from keras import ops

from capszoo.ops import one_hot_maps
from capszoo.ops import weights_of_maps
from capszoo.validation import check_number
from capszoo.validation import invalid_value_error

# Keeps a class without any probability from an infinite loss.
LEAST_PROBABILITY = 1e-7
# Positions that are added to the overlap and to the sizes: a class that a case lacks costs less
# the less of it is predicted, down to nothing.
SMOOTHING = 1.0


@keras.saving.register_keras_serializable(package="capszoo")
class SegmentationLoss(keras.losses.Loss):
    """Cross-entropy and soft Dice loss of label maps, added up by weights.

    With probabilities `p[v, k]` of class `k` at position `v`, labels `T[v, k]` (one-hot), and
    weights `w[k]` of the classes, 0 the background, for each case

        crossentropy = -sum_vk w[k] T[v, k] log(p[v, k]) / sum_vk w[k] T[v, k]
        dice[k] = (2 sum_v T[v, k] p[v, k] + 1) / (sum_v T[v, k] + sum_v p[v, k] + 1)
        loss = crossentropy_weight * crossentropy + dice_weight * (1 - mean_{k > 0} dice[k])

    and the mean over the cases. The background, most of a picture, has no Dice of its own, so it
    never decides alone.

    Args:
        crossentropy_weight: Weight of the cross-entropy. Defaults to `1.0`.
        dice_weight: Weight of the soft Dice loss. Defaults to `1.0`.
        class_weights: Weight of each class in the cross-entropy, the background first. Defaults
            to `None`, all alike.
        **kwargs: Arguments of `keras.losses.Loss`: `reduction`, `name`, `dtype`.

    Call arguments:
        y_true: Label maps of any form that `capszoo.ops.one_hot_maps` takes.
        y_pred: Probabilities `(batch, *spatial, classes)`.
        sample_weight: Weight of each case, `(batch,)`, or of each position, of the shape of
            integer label maps: positions of weight 0 count nowhere. Defaults to `None`.

    Raises:
        ValueError: If a weight is negative or no number, both are 0, or there are not as many
            `class_weights` as classes.

    Example:

    >>> loss = capszoo.losses.SegmentationLoss(dice_weight=0)
    >>> labels, probabilities = np.zeros((1, 2, 2)), np.full((1, 2, 2, 2), 0.5)
    >>> round(float(loss(labels, probabilities)), 4)
    0.6931

    Reference:

    - [Milletari, Navab, Ahmadi, 2016](https://arxiv.org/abs/1606.04797), soft Dice
    - [Isensee et al., 2018](https://arxiv.org/abs/1809.10486), their sum
    """

    def __init__(
        self,
        crossentropy_weight=1.0,
        dice_weight=1.0,
        class_weights=None,
        name="segmentation_loss",
        **kwargs,
    ):
        check_number("crossentropy_weight", crossentropy_weight, 0)
        check_number("dice_weight", dice_weight, 0)
        if crossentropy_weight == dice_weight == 0:
            allowed = "a number greater than 0 where dice_weight is 0"
            raise invalid_value_error("crossentropy_weight", allowed, crossentropy_weight)
        if class_weights is not None:
            if not isinstance(class_weights, (tuple, list)) or len(class_weights) < 2:
                allowed = "a weight for each class, the background first, or None"
                raise invalid_value_error("class_weights", allowed, class_weights)
            for number, weight in enumerate(class_weights):
                check_number(f"class_weights[{number}]", weight, 0)
            class_weights = list(class_weights)
        super().__init__(name=name, **kwargs)
        self.crossentropy_weight = crossentropy_weight
        self.dice_weight = dice_weight
        self.class_weights = class_weights

    def __call__(self, y_true, y_pred, sample_weight=None):
        of_cases, of_positions = weights_of_maps(sample_weight, len(y_pred.shape) - 2)
        if of_positions is not None:
            y_true = (y_true, of_positions)
        return super().__call__(y_true, y_pred, of_cases)

    def call(self, y_true, y_pred):
        weight = None
        if isinstance(y_true, (tuple, list)):
            y_true, weight = y_true
        truth = one_hot_maps(y_true, y_pred.shape)
        if weight is not None:
            truth = truth * ops.expand_dims(weight, -1)
        losses = 0.0
        if self.crossentropy_weight:
            losses += self.crossentropy_weight * self._crossentropy(truth, y_pred)
        if self.dice_weight:
            predicted = y_pred if weight is None else y_pred * ops.expand_dims(weight, -1)
            losses += self.dice_weight * _dice_loss(truth, y_pred, predicted)
        return losses

    def _crossentropy(self, truth, probabilities):
        classes = truth.shape[-1]
        if self.class_weights is not None:
            if len(self.class_weights) != classes:
                raise ValueError(
                    f"Expected `class_weights` for each of {classes} classes. "
                    f"Received: {len(self.class_weights)} of them"
                )
            truth = truth * ops.convert_to_tensor(self.class_weights, dtype="float32")
        axes = tuple(range(1, len(truth.shape)))
        logs = ops.log(ops.maximum(probabilities, LEAST_PROBABILITY))
        # A case of classes that weigh nothing costs nothing.
        total = ops.maximum(ops.sum(truth, axis=axes), LEAST_PROBABILITY)
        return -ops.sum(truth * logs, axis=axes) / total

    def get_config(self):
        return {
            **super().get_config(),
            "crossentropy_weight": self.crossentropy_weight,
            "dice_weight": self.dice_weight,
            "class_weights": self.class_weights,
        }


def _dice_loss(truth, probabilities, predicted):
    """One less the mean soft Dice of the classes of the foreground, one number a case.

    Args:
        truth: One-hot label maps, times the weights of positions.
        probabilities: Probabilities.
        predicted: The same, times the weights of positions.
    """
    axes = tuple(range(1, len(truth.shape) - 1))
    both = ops.sum((truth * probabilities)[..., 1:], axis=axes)
    sizes = ops.sum((truth + predicted)[..., 1:], axis=axes)
    return 1.0 - ops.mean((2.0 * both + SMOOTHING) / (sizes + SMOOTHING), axis=-1)
