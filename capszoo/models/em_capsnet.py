"""EMCapsNet: matrix capsules with EM routing."""

import keras

from capszoo import routing as routings
from capszoo.layers import ActivatedPrimaryCapsules
from capszoo.layers import ClassCapsules
from capszoo.layers import Conv2D
from capszoo.layers import ConvCapsules2D
from capszoo.losses import SpreadLoss
from capszoo.losses import SpreadMargin
from capszoo.models.classifier import CapsuleClassifier
from capszoo.models.registry import register_family
from capszoo.validation import check_fits
from capszoo.validation import check_image_shape


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
        conv_kernel_size: Size of its window in pixels. Defaults to `5`.
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
        decoder: Hidden units of a decoder, a Keras layer from masked poses
            `(batch, classes, pose_dim)` to images, or `None` for no decoder.
            Defaults to `None`.
        reconstruction_weight: Weight of the sum of squared errors of the reconstruction.
            Defaults to `0.0005`.
        num_objects: How many objects an image holds. Defaults to `1`.
        rescaling: Factor that takes pixel values to between 0 and 1. Defaults to `1 / 255`.
        normalization: What follows the rescaling: `None`, `"per_image"` for mean 0 and
            deviation 1 of each image, or a dictionary of the channels' `mean` and `variance`.
            Defaults to `"per_image"`.
        dtype: Dtype or policy of the model; `None` stands for Keras' global policy.
            Defaults to `None`.
        name: Name of the model. Defaults to `"em_capsnet"`.
        **kwargs: Arguments of `keras.Model`.

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

    def __init__(
        self,
        image_shape=(32, 32, 2),
        num_classes=5,
        conv_filters=32,
        conv_kernel_size=5,
        conv_strides=2,
        primary_types=32,
        capsule_types=(32, 32),
        capsule_kernel_size=3,
        capsule_strides=(2, 1),
        pose_dim=16,
        coordinate_scale=0.04,
        routing="em",
        recompute=False,
        decoder=None,
        reconstruction_weight=0.0005,
        num_objects=1,
        rescaling=1 / 255,
        normalization="per_image",
        dtype=None,
        name="em_capsnet",
        **kwargs,
    ):
        image_shape = check_image_shape(image_shape)
        routing = routings.get(routing, dtype=dtype)
        if not routing.explicit_activations:
            raise ValueError(
                "EMCapsNet needs a routing with explicit activations, such as 'em'. "
                f"Received: {type(routing).__name__}"
            )
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
        images, features = self.image_input(
            image_shape, num_classes, num_objects, rescaling, normalization, dtype
        )
        features = Conv2D(
            conv_filters,
            conv_kernel_size,
            strides=conv_strides,
            activation="relu",
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.05),
            bias_initializer=keras.initializers.Constant(0.1),
            dtype=dtype,
            name="conv",
        )(features)
        capsules = ActivatedPrimaryCapsules(
            primary_types, pose_dim, dtype=dtype, name="primary_capsules"
        )(features)
        for index, (types, strides) in enumerate(zip(capsule_types, capsule_strides, strict=True)):
            capsules = ConvCapsules2D(
                types,
                pose_dim,
                capsule_kernel_size,
                strides=strides,
                votes_from="positions",
                transform="matrix",
                routing=routings.serialize(routing),
                recompute=recompute,
                kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.3),
                dtype=dtype,
                name=f"conv_capsules_{index + 1}",
            )(capsules)
        poses, activations, coupling = ClassCapsules(
            num_classes,
            pose_dim,
            coordinate_scale=coordinate_scale,
            transform="matrix",
            routing=routings.serialize(routing),
            recompute=recompute,
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.3),
            dtype=dtype,
            name="class_capsules",
        )(capsules, return_coupling=True)
        scores = keras.layers.Activation("linear", dtype="float32", name="scores")(activations)
        super().__init__(
            images=images,
            scores=scores,
            poses=poses,
            coupling=coupling,
            image_shape=image_shape,
            num_classes=num_classes,
            decoder=self.make_decoder(decoder, image_shape, dtype),
            num_objects=num_objects,
            rescaling=rescaling,
            normalization=normalization,
            reconstruction_weight=reconstruction_weight,
            dtype=dtype,
            name=name,
            **kwargs,
        )
        self.conv_filters = conv_filters
        self.conv_kernel_size = conv_kernel_size
        self.conv_strides = conv_strides
        self.primary_types = primary_types
        self.capsule_types = tuple(capsule_types)
        self.capsule_kernel_size = capsule_kernel_size
        self.capsule_strides = tuple(capsule_strides)
        self.pose_dim = pose_dim
        self.coordinate_scale = coordinate_scale
        # Each layer has its own, all alike; one that stayed unbuilt would keep Keras building.
        self.routing = self.get_layer("class_capsules").routing
        self.recompute = recompute

    def default_loss(self):
        return SpreadLoss(margin=SpreadMargin())

    def default_optimizer(self):
        return keras.optimizers.Adam(learning_rate=3e-3)

    def get_config(self):
        return {
            **super().get_config(),
            "conv_filters": self.conv_filters,
            "conv_kernel_size": self.conv_kernel_size,
            "conv_strides": self.conv_strides,
            "primary_types": self.primary_types,
            "capsule_types": self.capsule_types,
            "capsule_kernel_size": self.capsule_kernel_size,
            "capsule_strides": self.capsule_strides,
            "pose_dim": self.pose_dim,
            "coordinate_scale": self.coordinate_scale,
            "routing": routings.serialize(self.routing, dtype=self.dtype_policy),
            "recompute": self.recompute,
        }
