"""EMCapsNet: matrix capsules with EM routing."""

from collections.abc import Sequence
from typing import ClassVar

import keras

from capszoo import routing as routings
from capszoo.kinds import Count
from capszoo.kinds import ImageShape
from capszoo.kinds import Number
from capszoo.kinds import Size2D
from capszoo.layers import ActivatedPrimaryCapsules
from capszoo.layers import ClassCapsules
from capszoo.layers import Conv2D
from capszoo.layers import ConvCapsules2D
from capszoo.losses import SpreadLoss
from capszoo.losses import SpreadMargin
from capszoo.models.kinds import ImageNormalization
from capszoo.models.kinds import RoutingLike
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleClassifier
from capszoo.validation import check_fits


@register_family("em_capsnet")
@keras.saving.register_keras_serializable(package="capszoo")
class EMCapsNet(CapsuleClassifier):
    """Matrix capsules with EM routing.

        image - convolution, ReLU - primary capsules - convolutional capsules x n - class capsules

    Poses are 4x4 matrices, transformed by 4x4 matrices; every capsule has an explicit
    activation, and the scores are those of the class capsules. The defaults are the paper's
    network for smallNORB with 316,650 trainable parameters; with `conv_filters=64,
    primary_types=8, capsule_types=(16, 16)` it has 68,618.

    Args:
        image_shape: `(height, width, channels)` of the images. Defaults to `(32, 32, 2)`.
        num_classes: How many classes there are. Defaults to `5`.
        conv_filters: Filters of the first convolution. Defaults to `32`.
        conv_kernel_size: Size of its window in pixels, one number or `(height, width)`, as are
            the other sizes and steps of windows. Defaults to `5`.
        conv_strides: Step between its windows. Defaults to `2`.
        primary_types: How many types of primary capsules there are. Defaults to `32`.
        capsule_types: How many types of capsules each convolutional layer has.
            Defaults to `(32, 32)`.
        capsule_kernel_size: Size of the window of these layers. Defaults to `3`.
        capsule_strides: Step between the windows of each of them. Defaults to `(2, 1)`.
        pose_dim: Size of a pose; a square. Defaults to `16`.
        coordinate_scale: What a step of one position is worth in the votes for the classes.
            Defaults to `0.04`.
        routing: How capsules are computed: a routing with explicit activations.
            Defaults to `"em"`.
        recompute: Whether the gradient makes the votes of each layer and their routing anew
            instead of keeping what they computed: less memory, more time. Of use for other
            routings; EM routing does so in any case. Defaults to `False`.
        normalization: As in `ImageInput`. Defaults to `"per_image"`.
        **kwargs: Arguments of `capszoo.models.CapsuleClassifier` and of
            `capszoo.models.inputs.ImageInput`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary, see `CapsuleClassifier`; `predict` gives the scores
        `(batch, num_classes)`, activations from 0 to 1.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, `capsule_types` and
            `capsule_strides` of different length, the routing without explicit activations or
            the image too small.

    Example:

    >>> model = capszoo.models.EMCapsNet()
    >>> model.count_params()
    316650

    Reference:

    - [Hinton, Sabour, Frosst, 2018](https://openreview.net/forum?id=HJWLfGWRb)
    """

    # Of the transforms at first.
    transform_stddev: ClassVar[float] = 0.3

    def __init__(
        self,
        image_shape: ImageShape = (32, 32, 2),
        num_classes: Count = 5,
        conv_filters: Count = 32,
        conv_kernel_size: Size2D = 5,
        conv_strides: Size2D = 2,
        primary_types: Count = 32,
        capsule_types: Sequence[Count] = (32, 32),
        capsule_kernel_size: Size2D = 3,
        capsule_strides: Sequence[Size2D] = (2, 1),
        pose_dim: Count = 16,
        coordinate_scale: Number = 0.04,
        routing: RoutingLike = "em",
        recompute: bool = False,
        normalization: ImageNormalization | None = "per_image",
        **kwargs,
    ):
        if len(capsule_types) != len(capsule_strides):
            raise ValueError(
                "Arguments `capsule_types` and `capsule_strides` must be of one length. "
                f"Received: {tuple(capsule_types)} and {tuple(capsule_strides)}"
            )
        check_fits(
            image_shape,
            [(conv_kernel_size, conv_strides)]
            + [(capsule_kernel_size, strides) for strides in capsule_strides],
        )
        super().__init__(
            image_shape=image_shape,
            num_classes=num_classes,
            normalization=normalization,
            **kwargs,
        )
        # Each layer has its own, all alike; one that stayed unbuilt would keep Keras building.
        self.routing = self.get_layer("class_capsules").routing

    def primary_capsules(self, features, dtype):
        """The symbolic primary capsules: poses and activations."""
        features = Conv2D(
            self.conv_filters,
            self.conv_kernel_size,
            strides=self.conv_strides,
            activation="relu",
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.05),
            bias_initializer=keras.initializers.Constant(0.1),
            dtype=dtype,
            name="conv",
        )(features)
        return ActivatedPrimaryCapsules(
            self.primary_types, self.pose_dim, dtype=dtype, name="primary_capsules"
        )(features)

    def body(self, features, dtype):
        routing = routings.get(self.routing, dtype=dtype)
        if not routing.explicit_activations:
            raise ValueError(
                f"{type(self).__name__} needs a routing with explicit activations, such as 'em'. "
                f"Received: {type(routing).__name__}"
            )
        capsules = self.primary_capsules(features, dtype)
        for index, (types, strides) in enumerate(
            zip(self.capsule_types, self.capsule_strides, strict=True)
        ):
            capsules = ConvCapsules2D(
                types,
                self.pose_dim,
                self.capsule_kernel_size,
                strides=strides,
                votes_from="positions",
                transform="matrix",
                routing=routings.serialize(routing),
                recompute=self.recompute,
                kernel_initializer=keras.initializers.TruncatedNormal(stddev=self.transform_stddev),
                dtype=dtype,
                name=f"conv_capsules_{index + 1}",
            )(capsules)
        poses, activations, coupling = ClassCapsules(
            self.num_classes,
            self.pose_dim,
            coordinate_scale=self.coordinate_scale,
            transform="matrix",
            routing=routings.serialize(routing),
            recompute=self.recompute,
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=self.transform_stddev),
            dtype=dtype,
            name="class_capsules",
        )(capsules, return_coupling=True)
        scores = keras.layers.Activation("linear", dtype="float32", name="scores")(activations)
        return scores, poses, coupling

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        if "capsule_layers" in found:
            layers = found.pop("capsule_layers")
            found["capsule_types"] = [found["capsule_types"]] * layers
            found["capsule_strides"] = [2] + [1] * (layers - 1)
        return found

    @classmethod
    def search_loss(cls, values, loss):
        if "margin_steps" not in values:
            return super().search_loss(values, loss)
        return {"SpreadLoss": {"margin": {"SpreadMargin": {"steps": values.pop("margin_steps")}}}}

    def default_loss(self):
        return SpreadLoss(margin=SpreadMargin())

    def default_optimizer(self):
        return keras.optimizers.Adam(learning_rate=3e-3)
