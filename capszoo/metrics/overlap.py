"""How well segmented regions overlap the true ones: Dice score and intersection over union."""

import keras
from keras import ops

from capszoo.ops import one_hot_maps
from capszoo.ops import weights_of_maps
from capszoo.validation import check_positive_int


class _Overlap(keras.metrics.Mean):
    """Mean over cases of how well regions overlap; what each class scores is the subclass's."""

    def __init__(self, class_id=None, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        if class_id is not None:
            class_id = check_positive_int("class_id", class_id)
        self.class_id = class_id

    @staticmethod
    def scores(both, sizes):
        """Gives scores from the positions that regions have in common and their sizes, added."""
        raise NotImplementedError

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.convert_to_tensor(y_pred)
        y_true = ops.convert_to_tensor(y_true)
        classes = y_pred.shape[-1]
        if self.class_id is not None and self.class_id >= classes:
            raise ValueError(
                f"Expected `class_id` to be one of the classes 1 to {classes - 1}. "
                f"Received: class_id={self.class_id}"
            )
        truth = one_hot_maps(y_true, y_pred.shape)
        predicted = ops.one_hot(ops.argmax(y_pred, axis=-1), classes, dtype="float32")
        of_cases, of_positions = weights_of_maps(sample_weight, len(y_pred.shape) - 2)
        if of_positions is not None:
            of_positions = ops.expand_dims(of_positions, -1)
            truth, predicted_there = truth * of_positions, predicted * of_positions
        else:
            predicted_there = predicted
        axes = tuple(range(1, len(y_pred.shape) - 1))
        both = ops.sum(truth * predicted, axis=axes)[:, 1:]
        sizes = ops.sum(truth + predicted_there, axis=axes)[:, 1:]
        # What is not a number is counted, to be seen.
        is_there = ops.logical_not(sizes <= 0)
        scores = self.scores(both, ops.where(is_there, sizes, 1.0))
        if self.class_id is None:
            count = ops.sum(ops.cast(is_there, "float32"), axis=-1)
            total = ops.sum(ops.where(is_there, scores, 0.0), axis=-1)
            values = ops.where(count > 0, total / ops.maximum(count, 1.0), 1.0)
        else:
            own = self.class_id - 1
            values, is_there = scores[:, own], ops.cast(is_there[:, own], "float32")
            of_cases = is_there if of_cases is None else is_there * of_cases
        super().update_state(values, of_cases)

    def get_config(self):
        return {**super().get_config(), "class_id": self.class_id}


@keras.saving.register_keras_serializable(package="capszoo")
class DiceScore(_Overlap):
    """Dice score of whole cases: twice the common positions over the sizes of both regions.

    With `A[k]` the true and `B[k]` the predicted region of class `k`, where its probability is
    the highest, `dice[k] = 2 |A[k] and B[k]| / (|A[k]| + |B[k]|)`: of each case the mean over the
    classes of the foreground, and then the mean over the cases. Each example is a case.

    The rule for what is empty: a class that a case neither has nor is given is left out of its
    mean; one that it has or is given, but not both, scores 0. A case that has no foreground and is
    given none scores 1.

    Args:
        class_id: The one class to measure, from 1 on; cases that neither have nor are given it are
            left out. Defaults to `None`, the mean of all but the background.
        name: Name in the logs. Defaults to `"dice"`.
        **kwargs: Arguments of `keras.metrics.Metric`.

    Call arguments:
        y_true: Label maps of any form that `capszoo.ops.one_hot_maps` takes.
        y_pred: Probabilities, or any scores of the classes, `(batch, *spatial, classes)`.
        sample_weight: Weight of each case, `(batch,)`, or of each position. Defaults to `None`.

    Raises:
        ValueError: If `class_id` is the background or no class.

    Example:

    >>> true, found = np.array([[0, 1, 1, 1]]), np.array([[0, 0, 1, 1]])
    >>> float(capszoo.metrics.DiceScore()(true, np.eye(2)[found]))
    0.800000011920929

    Reference:

    - [Maier-Hein, Reinke et al., 2024](https://arxiv.org/abs/2206.01653), which measure for what
    """

    def __init__(self, class_id=None, name="dice", **kwargs):
        super().__init__(class_id, name=name, **kwargs)

    @staticmethod
    def scores(both, sizes):
        return 2.0 * both / sizes


@keras.saving.register_keras_serializable(package="capszoo")
class IntersectionOverUnion(_Overlap):
    """Intersection over union of whole cases, the Jaccard index.

    `iou[k] = |A[k] and B[k]| / |A[k] or B[k]|`; means, and the rule for what is empty, are those of
    `DiceScore`. `keras.metrics.MeanIoU` is another measure: it adds up the positions of all cases,
    and counts the background.

    Args:
        class_id: The one class to measure, as in `DiceScore`. Defaults to `None`.
        name: Name in the logs. Defaults to `"iou"`.
        **kwargs: Arguments of `keras.metrics.Metric`.

    Call arguments:
        y_true: As in `DiceScore`.
        y_pred: As in `DiceScore`.
        sample_weight: As in `DiceScore`. Defaults to `None`.

    Raises:
        ValueError: If `class_id` is the background or no class.

    Example:

    >>> true, found = np.array([[0, 1, 1, 1]]), np.array([[0, 0, 1, 1]])
    >>> round(float(capszoo.metrics.IntersectionOverUnion()(true, np.eye(2)[found])), 4)
    0.6667
    """

    def __init__(self, class_id=None, name="iou", **kwargs):
        super().__init__(class_id, name=name, **kwargs)

    @staticmethod
    def scores(both, sizes):
        return both / (sizes - both)
