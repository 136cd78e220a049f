"""EfficientCapsNet: a small convolutional stem and self-attention routing."""

from collections.abc import Sequence
from typing import Literal

import keras

from capszoo import routing as routings
from capszoo.kinds import Count
from capszoo.kinds import ImageShape
from capszoo.kinds import Size2D
from capszoo.layers import CapsuleLength
from capszoo.layers import DenseCapsules
from capszoo.layers import DepthwisePrimaryCapsules
from capszoo.models.kinds import Decoder
from capszoo.models.kinds import RoutingLike
from capszoo.models.normalized_convolutions import check_convolutions
from capszoo.models.normalized_convolutions import convolutions_of_search
from capszoo.models.normalized_convolutions import normalized_convolutions
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleClassifier


@register_family("efficient_capsnet")
@keras.saving.register_keras_serializable(package="capszoo")
class EfficientCapsNet(CapsuleClassifier):
    """A few convolutions, one capsule type per 8 channels, self-attention routing.

        image - [convolution, activation, normalization] x 4 - depthwise primary capsules -
        class capsules by self-attention - length - decoder

    The primary convolution covers the whole last map unless told otherwise. The defaults are
    the paper's network for MNIST: 161,824 trainable parameters without the decoder. For
    smallNORB (48x48x2: `kernel_sizes=(7, 3, 3, 3), strides=(2, 1, 1, 2), conv_filters=(32, 64,
    64, 128), activation="leaky_relu", conv_normalization="instance"`) there are 151,664, for
    MultiMNIST (36x36x1: `strides=(1, 1, 2, 2), primary_kernel_size=5, primary_strides=2`)
    154,656.

    Args:
        image_shape: `(height, width, channels)` of the images. Defaults to `(28, 28, 1)`.
        num_classes: How many classes there are. Defaults to `10`.
        conv_filters: Filters of the convolutions; `primary_dim` must divide the last.
            Defaults to `(32, 64, 64, 128)`.
        kernel_sizes: Sizes of their windows in pixels, each one number or `(height, width)`, as
            are the other sizes and steps of windows. Defaults to `(5, 3, 3, 3)`.
        strides: Steps between their windows. Defaults to `(1, 1, 1, 2)`.
        activation: `"relu"` or `"leaky_relu"` (slope 0.3). Defaults to `"relu"`.
        conv_normalization: `"batch"` or `"instance"`. Defaults to `"batch"`.
        primary_dim: Size of a primary capsule's pose. Defaults to `8`.
        primary_kernel_size: Size of the window of the primary capsules; `None` stands for the
            whole map. Defaults to `None`.
        primary_strides: Step between these windows. Defaults to `1`.
        class_dim: Size of a class capsule's pose. Defaults to `16`.
        routing: How class capsules are computed. Defaults to `"self_attention"`.
        decoder: As in `CapsuleClassifier`. Defaults to `(512, 1024)`.
        **kwargs: Arguments of `capszoo.models.CapsuleClassifier` and of
            `capszoo.models.inputs.ImageInput`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary, see `CapsuleClassifier`; `predict` gives the scores
        `(batch, num_classes)`, lengths from 0 to 1.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, the three sequences
            of different length or the image too small.

    Example:

    >>> capszoo.models.EfficientCapsNet(decoder=None).count_params()
    162400

    The 576 above 161,824 are the moving means and variances of batch normalization, which are
    not trained.

    Reference:

    - [Mazzia, Salvetti, Chiaberge, 2021](https://arxiv.org/abs/2101.12491)
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
        primary_dim: Count = 8,
        primary_kernel_size: Size2D | None = None,
        primary_strides: Size2D = 1,
        class_dim: Count = 16,
        routing: RoutingLike = "self_attention",
        decoder: Decoder | None = (512, 1024),
        **kwargs,
    ):
        is_given = primary_kernel_size is not None
        primary = [(primary_kernel_size, primary_strides)] if is_given else []
        check_convolutions(image_shape, conv_filters, kernel_sizes, strides, *primary)
        super().__init__(
            image_shape=image_shape,
            num_classes=num_classes,
            decoder=decoder,
            **kwargs,
        )
        self.routing = self.get_layer("class_capsules").routing

    def body(self, features, dtype):
        routing = routings.get(self.routing, dtype=dtype)
        features = normalized_convolutions(features, self, dtype)
        children = DepthwisePrimaryCapsules(
            self.primary_dim,
            features.shape[1:3] if self.primary_kernel_size is None else self.primary_kernel_size,
            strides=self.primary_strides,
            dtype=dtype,
            name="primary_capsules",
        )(features)
        *capsules, coupling = DenseCapsules(
            self.num_classes,
            self.class_dim,
            routing=routing,
            kernel_initializer="he_normal",
            dtype=dtype,
            name="class_capsules",
        )(children, return_coupling=True)
        poses = self.poses_alone(capsules, dtype)
        scores = CapsuleLength(dtype="float32", name="scores")(poses)
        return scores, poses, coupling

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        convolutions_of_search(found)
        return found

    def default_optimizer(self):
        return keras.optimizers.Adam(learning_rate=5e-4)
