"""Reconstruction loss: the squared error of a decoded image."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="capszoo")
class ReconstructionLoss(keras.losses.Loss):
    """Sum of squared errors over the pixels of an image, mean over the batch.

    `sample_weight` weighs images.

    The paper's unit: `0.0005 * sum of squares` of 784 pixels is `0.392 * mean squared error`,
    the other customary way to write the same weight.

    Args:
        mean: Whether the errors of an image are averaged instead, so that images and volumes of
            any size count alike. Defaults to `False`.
        **kwargs: Arguments of `keras.losses.Loss`: `reduction`, `name`, `dtype`.

    Call arguments:
        y_true: Images `(batch, height, width, channels)`, pixel values between 0 and 1, or volumes.
        y_pred: Reconstructions of the same shape.
        sample_weight: Weight of each sample, `(batch,)`. Defaults to `None`.

    Example:

    >>> loss = capszoo.losses.ReconstructionLoss()
    >>> float(loss(np.zeros((2, 4, 4, 1)), np.ones((2, 4, 4, 1))))
    16.0
    >>> loss = capszoo.losses.ReconstructionLoss(mean=True)
    >>> float(loss(np.zeros((2, 4, 4, 1)), np.ones((2, 4, 4, 1))))
    1.0

    Reference:

    - [Sabour, Frosst, Hinton, 2017](https://arxiv.org/abs/1710.09829), section 4.1
    """

    def __init__(self, mean=False, name="reconstruction_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.mean = mean

    def call(self, y_true, y_pred):
        axes = tuple(range(1, len(y_pred.shape)))
        reduce = ops.mean if self.mean else ops.sum
        return reduce(ops.square(y_true - y_pred), axis=axes)

    def get_config(self):
        return {**super().get_config(), "mean": self.mean}
