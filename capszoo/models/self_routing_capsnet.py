"""SelfRoutingCapsNet: a convolutional body and capsules that route themselves."""

import functools
from collections.abc import Sequence
from typing import Literal

import keras
from keras import ops

from capszoo import routing as routings
from capszoo.kinds import Count
from capszoo.kinds import ImageShape
from capszoo.kinds import Size2D
from capszoo.layers import ActivationToLength
from capszoo.layers import CapsuleLength
from capszoo.layers import ConvCapsules2D
from capszoo.layers import DenseCapsules
from capszoo.losses import NegativeLogLikelihood
from capszoo.models.kinds import ImageNormalization
from capszoo.models.kinds import RoutingLike
from capszoo.models.registry import register_family
from capszoo.models.residual_stem import convolve
from capszoo.models.residual_stem import residual_block
from capszoo.models.tasks import CapsuleClassifier

# What a width is multiplied with and the step, of each convolution before the primary capsules.
PLAIN_STEM = ((1, 1), (2, 2), (2, 1), (4, 2), (4, 1), (8, 2))
# The same of each residual block of two convolutions.
RESIDUAL_STEM = ((1, 1),) * 3 + ((2, 2), (2, 1), (2, 1)) + ((4, 2), (4, 1), (4, 1))


@register_family("self_routing_capsnet")
@keras.saving.register_keras_serializable(package="capszoo")
class SelfRoutingCapsNet(CapsuleClassifier):
    """A convolutional body, and capsules that choose their parents by themselves.

        image - convolutions - primary capsules - [convolutional capsules] x n - class capsules

    The body is a ResNet-20 or the six convolutions that make seven with the primary capsules'.
    All convolutions are 3x3 without bias, with batch normalization and ReLU. Primary capsules are
    a convolution for the poses and one for the activations, `sigmoid(batch norm(conv(x)))`; poses
    are normalized over the batch after each layer. The scores are the activations of the class
    capsules, a distribution over the classes.

    Without a decoder nothing would train the transforms of the class capsules, so they have none:
    the pose of a class is the mean of its children's, each weighted with what it gives the class.

    The defaults are the paper's network for CIFAR-10 with 931,664 trainable parameters; for
    smallNORB (`image_shape=(32, 32, 2), num_classes=5, stem="convolutions"`) there are 815,104.

    Args:
        image_shape: `(height, width, channels)` of the images. Defaults to `(32, 32, 3)`.
        num_classes: How many classes there are. Defaults to `10`.
        stem: `"resnet20"` or `"convolutions"`, which make maps of a quarter and of an eighth of the
            image's height and width. Defaults to `"resnet20"`.
        width: Filters of the first convolution; the last has four or eight times as many.
            Defaults to `16`.
        primary_types: How many types of primary capsules there are. Defaults to `32`.
        capsule_types: How many types of capsules each convolutional layer between primary and
            class capsules has. Defaults to `()`.
        capsule_strides: Step between the 3x3 windows of each of them, one number or
            `(height, width)`. Defaults to `()`.
        pose_dim: Size of a pose. Defaults to `16`.
        routing: How capsules are computed; every layer gets one of its own.
            Defaults to `"self_routing"`.
        normalization: As in `ImageInput`. Defaults to `"per_image"`.
        **kwargs: Arguments of `capszoo.models.CapsuleClassifier` and of
            `capszoo.models.inputs.ImageInput`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary, see `CapsuleClassifier`; `predict` gives the scores
        `(batch, num_classes)`, which sum to one.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, or `capsule_types` and
            `capsule_strides` of different length.

    Example:

    >>> model = capszoo.models.SelfRoutingCapsNet((16, 16, 1), stem="convolutions", width=4)
    >>> model.predict(np.zeros((2, 16, 16, 1), "uint8"), verbose=0).sum(axis=-1).round(4).tolist()
    [1.0, 1.0]

    Reference:

    - [Hahn, Pyeon, Kim, 2019](https://papers.nips.cc/paper/2019/hash/e46bc064f8e92ac2c404b9871b2a4ef2-Abstract.html)
    """

    def __init__(
        self,
        image_shape: ImageShape = (32, 32, 3),
        num_classes: Count = 10,
        stem: Literal["resnet20", "convolutions"] = "resnet20",
        width: Count = 16,
        primary_types: Count = 32,
        capsule_types: Sequence[Count] = (),
        capsule_strides: Sequence[Size2D] = (),
        pose_dim: Count = 16,
        routing: RoutingLike = "self_routing",
        normalization: ImageNormalization | None = "per_image",
        **kwargs,
    ):
        if len(capsule_types) != len(capsule_strides):
            raise ValueError(
                "Arguments `capsule_types` and `capsule_strides` must be of one length. "
                f"Received: {tuple(capsule_types)} and {tuple(capsule_strides)}"
            )
        super().__init__(
            image_shape=image_shape,
            num_classes=num_classes,
            normalization=normalization,
            **kwargs,
        )
        # Each layer has its own, all alike; one that stayed unbuilt would keep Keras building.
        self.routing = self.get_layer("class_capsules").routing

    def body(self, features, dtype):
        routing = routings.get(self.routing, dtype=dtype)
        make = self._residual_stem if self.stem == "resnet20" else self._plain_stem
        capsules = self._primary_capsules(make(features, dtype), dtype)
        if not routing.explicit_activations:
            capsules = ActivationToLength(dtype=dtype, name="primary_lengths")(capsules)
        for index, (types, strides) in enumerate(
            zip(self.capsule_types, self.capsule_strides, strict=True)
        ):
            capsules = ConvCapsules2D(
                types,
                self.pose_dim,
                3,
                strides=strides,
                padding="same",
                votes_from="positions",
                routing=routings.serialize(routing),
                kernel_initializer=keras.initializers.RandomNormal(stddev=self.pose_dim**-0.5),
                dtype=dtype,
                name=f"conv_capsules_{index + 1}",
            )(capsules)
            if routing.explicit_activations:
                poses, activations = capsules
                capsules = (self._normalized(poses, f"poses_{index + 1}", dtype), activations)

        of_classes = routings.serialize(routing)
        if self.num_classes == 1 and "leaky" in of_classes["config"]:
            # The one class is held against its absence: none of the parents.
            of_classes["config"]["leaky"] = True
        trained = self.decoder is not None or not routing.needs_poses
        *capsules, coupling = DenseCapsules(
            self.num_classes,
            self.pose_dim,
            transform="full" if trained else None,
            routing=of_classes,
            kernel_initializer=keras.initializers.RandomNormal(stddev=self.pose_dim**-0.5),
            dtype=dtype,
            name="class_capsules",
        )(capsules, return_coupling=True)
        if routing.explicit_activations:
            poses, activations = capsules
            scores = keras.layers.Activation("linear", dtype="float32", name="scores")(activations)
        else:
            (poses,) = capsules
            scores = CapsuleLength(dtype="float32", name="scores")(poses)
        return scores, poses, coupling

    def _plain_stem(self, features, dtype):
        for index, (factor, strides) in enumerate(PLAIN_STEM):
            name = f"conv_{index + 1}"
            features = convolve(features, factor * self.width, 3, strides, dtype, name)
            features = keras.layers.ReLU(dtype=dtype, name=f"{name}_relu")(features)
        return features

    def _residual_stem(self, features, dtype):
        features = convolve(features, self.width, 3, 1, dtype, "conv")
        features = keras.layers.ReLU(dtype=dtype, name="conv_relu")(features)
        for index, (factor, strides) in enumerate(RESIDUAL_STEM):
            filters = factor * self.width
            fitting = functools.partial(_shortcut, filters=filters, strides=strides)
            name = f"block_{index + 1}"
            features = residual_block(features, filters, strides, dtype, name, fitting)
        return features

    def _primary_capsules(self, features, dtype):
        types, pose_dim = self.primary_types, self.pose_dim
        poses = convolve(features, types * pose_dim, 3, 1, dtype, "primary_poses")
        poses = keras.layers.Reshape((*poses.shape[1:3], types, pose_dim), name="primary_capsules")(
            poses
        )
        logits = convolve(features, types, 3, 1, dtype, "primary_activations")
        return poses, keras.layers.Activation("sigmoid", dtype=dtype, name="primary_presence")(
            logits
        )

    @staticmethod
    def _normalized(poses, name, dtype):
        """Normalizes each number of the poses of each type over the batch and positions."""
        *size, types, pose_dim = poses.shape[1:]
        flat = keras.layers.Reshape((*size, types * pose_dim), name=f"{name}_flat")(poses)
        flat = keras.layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, dtype=dtype, name=f"{name}_norm"
        )(flat)
        return keras.layers.Reshape((*size, types, pose_dim), name=name)(flat)

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        if "capsule_layers" in found:
            layers = found.pop("capsule_layers")
            found["capsule_types"] = [found["capsule_types"]] * layers
            found["capsule_strides"] = [1] * layers
        return found

    def default_loss(self):
        return NegativeLogLikelihood()

    def default_optimizer(self):
        return keras.optimizers.SGD(learning_rate=0.1, momentum=0.9, weight_decay=1e-4)


def _shortcut(features, filters, strides):
    """Every second pixel, and zeros for the filters there are too few of: no parameters."""
    missing = filters - features.shape[-1]
    pixels = features[:, ::strides, ::strides]
    return ops.pad(pixels, ((0, 0), (0, 0), (0, 0), (missing // 2, missing - missing // 2)))
