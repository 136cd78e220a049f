"""VBCapsNet: matrix capsules with variational Bayes routing."""

from collections.abc import Sequence
from typing import ClassVar

import keras

from capszoo.kinds import Count
from capszoo.kinds import ImageShape
from capszoo.kinds import Number
from capszoo.layers import ActivatedPrimaryCapsules
from capszoo.layers import Conv2D
from capszoo.losses import SoftmaxCrossentropy
from capszoo.models.em_capsnet import EMCapsNet
from capszoo.models.kinds import RoutingLike
from capszoo.models.registry import register_family


@register_family("vb_capsnet")
@keras.saving.register_keras_serializable(package="capszoo")
class VBCapsNet(EMCapsNet):
    """Matrix capsules with variational Bayes routing.

        image - convolution, batch normalization, ReLU - primary capsules, batch normalization
              - convolutional capsules x n - class capsules

    The layers are those of `EMCapsNet`, with a batch normalization after each but the last two
    steps of which the routing has its own, and the scores are the activations of the class
    capsules, held against the labels by a softmax. The defaults are the network of the paper's
    code for smallNORB with 68,714 trainable parameters; with `primary_types=16, capsule_types=
    (32, 32)` it has 244,682.

    Args:
        image_shape: `(height, width, channels)` of the images. Defaults to `(32, 32, 2)`.
        num_classes: How many classes there are. Defaults to `5`.
        conv_filters: Filters of the first convolution. Defaults to `64`.
        primary_types: How many types of primary capsules there are. Defaults to `8`.
        capsule_types: How many types of capsules each convolutional layer has.
            Defaults to `(16, 16)`.
        coordinate_scale: What a step of one position is worth in the votes for the classes.
            Defaults to `0.025`, a tenth over a map of 4 positions.
        routing: How capsules are computed: a routing with explicit activations.
            Defaults to `"variational_bayes"`.
        **kwargs: Arguments of `capszoo.models.EMCapsNet`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary, see `CapsuleClassifier`; `predict` gives the scores
        `(batch, num_classes)`, activations from 0 to 1.

    Raises:
        ValueError: As `EMCapsNet`.

    Example:

    >>> model = capszoo.models.VBCapsNet()
    >>> model.count_params()  # 308 of them are statistics
    69022

    Reference:

    - [De Sousa Ribeiro et al., 2020](https://arxiv.org/abs/1905.11455)
    """

    # A product with such a matrix leaves poses about as long as they were.
    transform_stddev: ClassVar[float] = 0.5

    def __init__(
        self,
        image_shape: ImageShape = (32, 32, 2),
        num_classes: Count = 5,
        conv_filters: Count = 64,
        primary_types: Count = 8,
        capsule_types: Sequence[Count] = (16, 16),
        coordinate_scale: Number = 0.025,
        routing: RoutingLike = "variational_bayes",
        **kwargs,
    ):
        super().__init__(
            image_shape=image_shape,
            num_classes=num_classes,
            conv_filters=conv_filters,
            primary_types=primary_types,
            capsule_types=capsule_types,
            coordinate_scale=coordinate_scale,
            routing=routing,
            **kwargs,
        )

    def primary_capsules(self, features, dtype):
        features = Conv2D(
            self.conv_filters,
            self.conv_kernel_size,
            strides=self.conv_strides,
            use_bias=False,
            kernel_initializer="he_uniform",
            dtype=dtype,
            name="conv",
        )(features)
        features = keras.layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, dtype=dtype, name="conv_normalization"
        )(features)
        features = keras.layers.Activation("relu", dtype=dtype, name="conv_activation")(features)
        return ActivatedPrimaryCapsules(
            self.primary_types,
            self.pose_dim,
            pose_initializer="glorot_uniform",
            activation_initializer="glorot_uniform",
            batch_normalization=True,
            dtype=dtype,
            name="primary_capsules",
        )(features)

    def default_loss(self):
        return SoftmaxCrossentropy()

    def default_optimizer(self):
        return keras.optimizers.Adam(learning_rate=3e-3)
