"""ConvNet: convolutions and the largest answer of each filter, no capsules."""

from collections.abc import Sequence
from typing import Literal

import keras

from capszoo.kinds import Count
from capszoo.kinds import ImageShape
from capszoo.kinds import Size2D
from capszoo.losses import NegativeLogLikelihood
from capszoo.models.normalized_convolutions import check_convolutions
from capszoo.models.normalized_convolutions import convolutions_of_search
from capszoo.models.normalized_convolutions import normalized_convolutions
from capszoo.models.plain_scores import plain_scores
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleClassifier


@register_family("conv_net")
@keras.saving.register_keras_serializable(package="capszoo")
class ConvNet(CapsuleClassifier):
    """A convolutional network, which capsules are measured beside.

        image - [convolution, activation, normalization] x 4 - largest of each filter over the
        image - linear layer, ReLU - softmax

    It has no capsules: its scores are the one output. Up to the last map it is
    `EfficientCapsNet`; where that makes capsules of the map, a linear layer as wide as it takes
    has as many parameters. The defaults stand beside the paper's network for MNIST: 161,834
    trainable parameters beside 161,824.

    Args:
        image_shape: `(height, width, channels)` of the images. Defaults to `(28, 28, 1)`.
        num_classes: How many classes there are. Defaults to `10`.
        conv_filters: Filters of the convolutions. Defaults to `(32, 64, 64, 128)`.
        kernel_sizes: Sizes of their windows in pixels, each one number or `(height, width)`, as
            are their steps. Defaults to `(5, 3, 3, 3)`.
        strides: Steps between their windows. Defaults to `(1, 1, 1, 2)`.
        activation: `"relu"` or `"leaky_relu"` (slope 0.3). Defaults to `"relu"`.
        conv_normalization: `"batch"` or `"instance"`. Defaults to `"batch"`.
        dense_units: How wide the linear layer before the scores is. Defaults to `224`.
        **kwargs: Arguments of `capszoo.models.CapsuleClassifier`, without a decoder, and of
            `capszoo.models.inputs.ImageInput`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary of scores `(batch, num_classes)` alone, which sum to 1 (of a single class, a
        number from 0 to 1); `predict` gives them.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, the three sequences
            of different length or the image too small.

    Example:

    >>> capszoo.models.ConvNet().count_params()
    162410

    The 576 above 161,834 are the moving means and variances of batch normalization, which are
    not trained.

    Reference:

    - [LeCun, Bottou, Bengio, Haffner, 1998](https://doi.org/10.1109/5.726791)
    """

    def __init__(
        self,
        image_shape: ImageShape = (28, 28, 1),
        num_classes: Count = 10,
        conv_filters: Sequence[Count] = (32, 64, 64, 128),
        kernel_sizes: Sequence[Size2D] = (5, 3, 3, 3),
        strides: Sequence[Size2D] = (1, 1, 1, 2),
        activation: Literal["relu", "leaky_relu"] = "relu",
        conv_normalization: Literal["batch", "instance"] = "batch",
        dense_units: Count = 224,
        **kwargs,
    ):
        check_convolutions(image_shape, conv_filters, kernel_sizes, strides)
        super().__init__(image_shape=image_shape, num_classes=num_classes, **kwargs)

    def body(self, features, dtype):
        features = normalized_convolutions(features, self, dtype)
        # In one window: XLA, told not to optimize, has no slope of the maximum of all positions.
        features = keras.layers.MaxPooling2D(
            features.shape[1:3], data_format="channels_last", dtype=dtype, name="largest"
        )(features)
        features = keras.layers.Flatten(data_format="channels_last", dtype=dtype)(features)
        features = keras.layers.Dense(
            self.dense_units,
            activation="relu",
            kernel_initializer="he_normal",
            dtype=dtype,
            name="dense",
        )(features)
        return (plain_scores(features, self.num_classes),)

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        convolutions_of_search(found)
        return found

    def default_loss(self):
        return NegativeLogLikelihood()

    def default_optimizer(self):
        return keras.optimizers.Adam(learning_rate=5e-4)
