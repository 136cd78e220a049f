"""Masks all capsules but those of the classes to be decoded."""

import keras
from keras import ops

from capszoo.ops import multi_hot
from capszoo.ops import present_classes
from capszoo.validation import check_positive_int


@keras.saving.register_keras_serializable(package="capszoo")
class CapsuleMask(keras.layers.Layer):
    """Sets the poses of all classes to zero but the true or the best-scored ones.

    With labels (in training) the true classes' poses stay; without (in evaluation and
    prediction) those of the `num_objects` highest scores. What soft labels (smoothed, mixed) hold
    as present says `capszoo.ops.present_classes`; where they hold no class, none stays.

    Args:
        num_objects: How many objects an image holds: how many poses stay where no labels are
            given. Defaults to `1`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        poses: Tensor of shape `(batch, classes, pose_dim)`.
        scores: Tensor of shape `(batch, classes)`.
        labels: Labels of any form that `capszoo.ops.multi_hot` takes. Defaults to `None`.

    Input shape:
        `(batch, classes, pose_dim)` and `(batch, classes)`.

    Output shape:
        `(batch, classes, pose_dim)`.

    Raises:
        ValueError: If `num_objects` is not a positive integer.

    Example:

    >>> poses = np.ones((1, 3, 2), "float32")
    >>> masked = capszoo.layers.CapsuleMask()(poses, np.array([[0.1, 0.9, 0.2]], "float32"))
    >>> keras.ops.convert_to_numpy(masked)[0].tolist()
    [[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]

    Reference:

    - [Sabour, Frosst, Hinton, 2017](https://arxiv.org/abs/1710.09829), section 4.1
    """

    def __init__(self, num_objects=1, **kwargs):
        num_objects = check_positive_int("num_objects", num_objects)
        super().__init__(**kwargs)
        self.num_objects = num_objects

    def build(self, poses_shape, scores_shape=None, labels_shape=None):
        if self.num_objects > poses_shape[-2]:
            raise ValueError(
                "Argument `num_objects` must not exceed the number of classes. "
                f"Received: num_objects={self.num_objects}, {poses_shape[-2]} classes"
            )

    def call(self, poses, scores, labels=None):
        classes = poses.shape[-2]
        if labels is None:
            _, best = ops.top_k(scores, k=self.num_objects)
            keep = ops.sum(ops.one_hot(best, classes, dtype=poses.dtype), axis=-2)
        else:
            keep = ops.cast(present_classes(multi_hot(labels, classes)), poses.dtype)
        return poses * ops.expand_dims(keep, -1)

    def compute_output_shape(self, poses_shape, scores_shape=None, labels_shape=None):
        return tuple(poses_shape)

    def get_config(self):
        return {**super().get_config(), "num_objects": self.num_objects}
