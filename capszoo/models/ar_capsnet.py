"""ARCapsNet: capsules with attention routing and a learned activation in place of the squash."""

from collections.abc import Sequence

import keras

from capszoo import routing as routings
from capszoo.kinds import Count
from capszoo.kinds import DepthOrNone
from capszoo.kinds import ImageShape
from capszoo.kinds import NonNegative
from capszoo.kinds import Share
from capszoo.kinds import Size2D
from capszoo.layers import CapsuleLength
from capszoo.layers import Conv2D
from capszoo.layers import ConvCapsules2D
from capszoo.layers import PrimaryCapsules
from capszoo.models.kinds import Decoder
from capszoo.models.kinds import RoutingLike
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleClassifier
from capszoo.routing import AttentionRouting
from capszoo.validation import check_size


@register_family("ar_capsnet")
@keras.saving.register_keras_serializable(package="capszoo")
class ARCapsNet(CapsuleClassifier):
    """Convolutional capsules up to the classes, combined by attention routing.

        image - [convolution, normalization, ReLU] x 2 - primary capsules
              - convolutional capsules x n - class capsules over the whole map - length - decoder

    A child of a parent is a *type* of capsules, its window seen as a whole. Children are dropped
    at random before each capsule layer; from the second convolutional one on, a layer's input is
    added to what it computes, before the hyperbolic tangent. Scores are lengths divided by the
    root of `class_dim`. The defaults are the network that the authors' code makes for MNIST, with
    5,312,528 trainable parameters, decoder included: 5.31 million, as published.

    Args:
        image_shape: `(height, width, channels)` of the images. Defaults to `(28, 28, 1)`.
        num_classes: How many classes there are. Defaults to `10`.
        conv_filters: Filters of the convolutions. Defaults to `(64, 64)`.
        conv_kernel_size: Size of their windows in pixels, one number or `(height, width)`, as are
            the other sizes and steps of windows. Defaults to `3`.
        primary_types: How many types of primary capsules there are. Defaults to `8`.
        primary_dim: Size of a primary capsule's pose. Defaults to `16`.
        primary_strides: Step between the windows of the primary capsules. Defaults to `2`.
        capsule_layers: How many layers of convolutional capsules there are; `0` for none.
            Defaults to `1`.
        capsule_types: How many types of capsules each of them has. Defaults to `8`.
        capsule_kernel_size: Size of the window of the primary and of these capsules.
            Defaults to `3`.
        capsule_strides: Step between the windows of the first of these layers; the others have 1.
            Defaults to `2`.
        pose_dim: Size of the pose of these capsules. Defaults to `32`.
        class_dim: Size of a class capsule's pose. Defaults to `32`.
        dropout: Share of the numbers that are dropped before each layer of capsules, in training.
            Defaults to `0.5`.
        routing: How capsules are computed; every layer gets one of its own. Defaults to
            `"attention"`.
        decoder: As in `CapsuleClassifier`. Defaults to `(512, 512)`.
        reconstruction_weight: As in `CapsuleClassifier`; `None` stands for 0.3 of the mean
            squared error. Defaults to `None`.
        **kwargs: Arguments of `capszoo.models.CapsuleClassifier` and of
            `capszoo.models.inputs.ImageInput`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary, see `CapsuleClassifier`; `predict` gives the scores
        `(batch, num_classes)`, from 0 to 1. Children are the types of the last map.

    Raises:
        ValueError: If a size is not a positive integer, `dropout` not a share or the routing one
            with explicit activations.

    Example:

    >>> model = capszoo.models.ARCapsNet(conv_filters=(8, 8), pose_dim=4, decoder=None)
    >>> model.compile()
    >>> model.predict(np.zeros((2, 28, 28, 1), "uint8"), verbose=0).shape
    (2, 10)

    Reference:

    - [Choi, Seo, Im, Kang, 2019](https://arxiv.org/abs/1907.01750)
    """

    def __init__(
        self,
        image_shape: ImageShape = (28, 28, 1),
        num_classes: Count = 10,
        conv_filters: Sequence[Count] = (64, 64),
        conv_kernel_size: Size2D = 3,
        primary_types: Count = 8,
        primary_dim: Count = 16,
        primary_strides: Size2D = 2,
        capsule_layers: DepthOrNone = 1,
        capsule_types: Count = 8,
        capsule_kernel_size: Size2D = 3,
        capsule_strides: Size2D = 2,
        pose_dim: Count = 32,
        class_dim: Count = 32,
        dropout: Share = 0.5,
        routing: RoutingLike = "attention",
        decoder: Decoder | None = (512, 512),
        reconstruction_weight: NonNegative | None = None,
        **kwargs,
    ):
        if reconstruction_weight is None:
            height, width, channels = image_shape
            reconstruction_weight = 0.3 / (height * width * channels)
        super().__init__(
            image_shape=image_shape,
            num_classes=num_classes,
            decoder=decoder,
            reconstruction_weight=reconstruction_weight,
            **kwargs,
        )
        # Each layer has its own, all alike; one that stayed unbuilt would keep Keras building.
        self.routing = self.get_layer("class_capsules").routing

    def body(self, features, dtype):
        routing = routings.get(self.routing, dtype=dtype)
        if routing.explicit_activations:
            raise ValueError(
                "ARCapsNet needs a routing without explicit activations, such as 'attention'. "
                f"Received: {type(routing).__name__}"
            )
        for index, filters in enumerate(self.conv_filters, start=1):
            features = Conv2D(
                filters, self.conv_kernel_size, padding="same", dtype=dtype, name=f"conv_{index}"
            )(features)
            features = keras.layers.BatchNormalization(dtype=dtype, name=f"norm_{index}")(features)
            features = keras.layers.ReLU(dtype=dtype, name=f"relu_{index}")(features)
        poses = self._primary_capsules(features, dtype)
        for index in range(1, self.capsule_layers + 1):
            poses = self._conv_capsules(poses, index, routing, dtype)
        return self._class_capsules(poses, routing, dtype)

    def _primary_capsules(self, features, dtype):
        poses = PrimaryCapsules(
            self.primary_types,
            self.primary_dim,
            self.capsule_kernel_size,
            strides=self.primary_strides,
            padding="same",
            squash=None,
            dtype=dtype,
            name="primary_capsules",
        )(features)
        poses = keras.layers.ReLU(dtype=dtype, name="primary_relu")(poses)
        # The capsule activation: a matrix, and a bias, of each type.
        return keras.layers.EinsumDense(
            "bhwtd,tde->bhwte",
            output_shape=poses.shape[1:],
            bias_axes="te",
            activation="tanh",
            dtype=dtype,
            name="primary_activation",
        )(poses)

    def _conv_capsules(self, poses, index, routing, dtype):
        first = index == 1
        config = routings.serialize(routing)
        if not first and isinstance(routing, AttentionRouting):
            # What comes last comes after the sum.
            config["config"]["activation"] = None
        computed = ConvCapsules2D(
            self.capsule_types,
            self.pose_dim,
            self.capsule_kernel_size,
            strides=self.capsule_strides if first else 1,
            padding="same",
            routing=config,
            vote_bias="votes",
            kernel_initializer=_scaled_by_fan_in(self.capsule_kernel_size, poses.shape[-1]),
            dtype=dtype,
            name=f"conv_capsules_{index}",
        )(self._dropped(poses, f"dropout_{index}", dtype))
        if first:
            return computed
        total = keras.layers.Add(dtype=dtype, name=f"sum_{index}")([poses, computed])
        return keras.layers.Activation("tanh", dtype=dtype, name=f"tanh_{index}")(total)

    def _class_capsules(self, poses, routing, dtype):
        size = poses.shape[1:3]
        class_poses, coupling = ConvCapsules2D(
            self.num_classes,
            self.class_dim,
            size,
            routing=routings.serialize(routing),
            vote_bias="votes",
            kernel_initializer=_scaled_by_fan_in(size, poses.shape[-1]),
            dtype=dtype,
            name="class_capsules",
        )(self._dropped(poses, "dropout_of_classes", dtype), return_coupling=True)
        of_class = (self.num_classes, -1)
        class_poses = keras.layers.Reshape(of_class, dtype=dtype, name="class_poses")(class_poses)
        coupling = keras.layers.Reshape(of_class, dtype=dtype, name="coupling")(coupling)
        lengths = CapsuleLength(dtype="float32", name="lengths")(class_poses)
        # Without a squash a pose may be as long as the root of its size.
        longest = self.class_dim**0.5 if isinstance(routing, AttentionRouting) else 1.0
        scores = keras.layers.Rescaling(1 / longest, dtype="float32", name="scores")(lengths)
        return scores, class_poses, coupling

    def _dropped(self, poses, name, dtype):
        return keras.layers.Dropout(self.dropout, dtype=dtype, name=name)(poses)

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        if "conv_width" in found:
            found["conv_filters"] = [found.pop("conv_width")] * 2
        if found.get("decoder"):
            # The authors' layers are alike.
            found["decoder"] = found["decoder"][:1] * 2
        return found

    def default_optimizer(self):
        return keras.optimizers.RMSprop(learning_rate=1e-3)


def _scaled_by_fan_in(kernel_size, child_dim):
    """Votes that are as large as what they are made of, of each type by itself."""
    height, width = check_size("kernel_size", kernel_size, rank=2)
    return keras.initializers.TruncatedNormal(stddev=(height * width * child_dim) ** -0.5)
