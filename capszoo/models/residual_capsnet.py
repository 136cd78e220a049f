"""ResidualCapsNet: deep stacks of capsule layers with residual connections."""

from typing import Literal

import keras

from capszoo import routing as routings
from capszoo.kinds import Count
from capszoo.kinds import Depth
from capszoo.kinds import ImageShape
from capszoo.kinds import NonNegative
from capszoo.kinds import Size2D
from capszoo.layers import CapsuleLength
from capszoo.layers import Conv2D
from capszoo.layers import ConvCapsules2D
from capszoo.layers import DenseCapsules
from capszoo.layers import PrimaryCapsules
from capszoo.layers import ResidualCapsules
from capszoo.models.kinds import Decoder
from capszoo.models.kinds import ImageNormalization
from capszoo.models.kinds import RoutingLike
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleClassifier
from capszoo.validation import check_fits


@register_family("residual_capsnet")
@keras.saving.register_keras_serializable(package="capszoo")
class ResidualCapsNet(CapsuleClassifier):
    """A stack of capsule layers of any depth, with residual connections.

        image - convolution, ReLU - primary capsules - [capsules + skip] x (depth - 1) - classes

    Two variants: `"dense"`, where every layer is fully connected, and `"convolutional"`, where
    one convolution gives a capsule per pixel, the layers of the stack are 3x3 convolutional
    capsules that share their transforms over child types, and only the classes are dense. With
    the default sizes and no decoder the dense variant has 6,419,616 parameters at depth 2,
    6,814,368 at depth 8 and 7,340,704 at depth 16.

    Args:
        image_shape: `(height, width, channels)` of the images. Defaults to `(24, 24, 1)`.
        num_classes: How many classes there are. Defaults to `10`.
        depth: Number of capsule layers after the primary capsules, the class capsules
            included. Defaults to `16`.
        num_capsules: How many capsules (or types of capsules) a hidden layer has.
            Defaults to `32`.
        pose_dim: Size of the pose of primary and hidden capsules. Defaults to `8`.
        class_dim: Size of a class capsule's pose. Defaults to `16`.
        conv_filters: Filters of the first convolution. Defaults to `256`.
        conv_kernel_size: Size of its window in pixels, one number or `(height, width)`, as is
            the step between windows. Defaults to `9`.
        primary_types: How many types of primary capsules there are; of the variant `"dense"`.
            Defaults to `32`.
        variant: `"dense"` or `"convolutional"`. Defaults to `"dense"`.
        conv_strides: Step between the windows of the first convolution; the primary capsules
            take a step of 2 besides. Defaults to `1`.
        mode: Residual mode, see `capszoo.layers.ResidualCapsules`; `None` for a plain stack.
            Defaults to `"identity"`.
        skip_distance: How many layers a skip passes. Defaults to `2`.
        squash_sums: Whether poses are squashed again after each addition.
            Defaults to `False`.
        routing: How capsules are computed; every layer gets one of its own. `None` stands for
            dynamic routing with 2 iterations, the paper's. Defaults to `None`.
        decoder: As in `CapsuleClassifier`. Defaults to `(512, 1024)`.
        reconstruction_weight: As in `CapsuleClassifier`. Defaults to `1e-5`.
        normalization: As in `ImageInput`. Defaults to `"per_image"`.
        **kwargs: Arguments of `capszoo.models.CapsuleClassifier` and of
            `capszoo.models.inputs.ImageInput`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary, see `CapsuleClassifier`; `predict` gives the scores
        `(batch, num_classes)`, lengths from 0 to 1.

    Raises:
        ValueError: If a size or `depth` is not a positive integer, an option unknown or the
            image too small.

    Example:

    >>> model = capszoo.models.ResidualCapsNet(depth=8, decoder=None)
    >>> model.count_params()
    6814368

    Reference:

    - [Gugglberger, Peer, Rodriguez-Sanchez, 2021](https://arxiv.org/abs/2104.07393)
    """

    def __init__(
        self,
        image_shape: ImageShape = (24, 24, 1),
        num_classes: Count = 10,
        depth: Depth = 16,
        num_capsules: Count = 32,
        pose_dim: Count = 8,
        class_dim: Count = 16,
        conv_filters: Count = 256,
        conv_kernel_size: Size2D = 9,
        primary_types: Count = 32,
        variant: Literal["dense", "convolutional"] = "dense",
        conv_strides: Size2D = 1,
        mode: Literal["identity", "paper", "paper_convolutional"] | None = "identity",
        skip_distance: Count = 2,
        squash_sums: bool = False,
        routing: RoutingLike | None = None,
        decoder: Decoder | None = (512, 1024),
        reconstruction_weight: NonNegative = 1e-5,
        normalization: ImageNormalization | None = "per_image",
        **kwargs,
    ):
        of_primary = [(conv_kernel_size, 2)] if variant == "dense" else []
        windows = [(conv_kernel_size, conv_strides), *of_primary]
        check_fits(image_shape, windows)
        super().__init__(
            image_shape=image_shape,
            num_classes=num_classes,
            decoder=decoder,
            reconstruction_weight=reconstruction_weight,
            normalization=normalization,
            **kwargs,
        )
        # Each layer has its own, all alike; one that stayed unbuilt would keep Keras building.
        self.routing = self.get_layer("class_capsules").routing

    def body(self, features, dtype):
        of_paper = {"name": "dynamic", "iterations": 2}
        routing = routings.get(of_paper if self.routing is None else self.routing, dtype=dtype)
        dense = self.variant == "dense"
        features = Conv2D(
            self.conv_filters,
            self.conv_kernel_size,
            strides=self.conv_strides,
            activation="relu",
            kernel_initializer="he_normal",
            dtype=dtype,
            name="conv",
        )(features)
        if dense:
            poses = PrimaryCapsules(
                self.primary_types,
                self.pose_dim,
                self.conv_kernel_size,
                strides=2,
                kernel_initializer="he_normal",
                dtype=dtype,
                name="primary_capsules",
            )(features)
            poses = keras.layers.Reshape((-1, self.pose_dim), name="children")(poses)
        else:
            shape = (*features.shape[1:3], 1, self.conv_filters)
            poses = keras.layers.Reshape(shape, name="children")(features)

        def hidden_layer(index):
            arguments = {
                "routing": routings.serialize(routing),
                "kernel_initializer": keras.initializers.RandomNormal(stddev=0.2),
                "dtype": dtype,
                "name": f"capsules_{index + 1}",
            }
            if dense:
                return DenseCapsules(self.num_capsules, self.pose_dim, **arguments)
            return ConvCapsules2D(
                self.num_capsules, self.pose_dim, 3, padding="same", share_types=True, **arguments
            )

        if self.depth > 1:
            poses = ResidualCapsules(
                [hidden_layer(index) for index in range(self.depth - 1)],
                mode=self.mode,
                skip_distance=self.skip_distance,
                squash=self.squash_sums,
                dtype=dtype,
                name="hidden_capsules",
            )(poses)
        *capsules, coupling = DenseCapsules(
            self.num_classes,
            self.class_dim,
            routing=routings.serialize(routing),
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.2),
            dtype=dtype,
            name="class_capsules",
        )(poses, return_coupling=True)
        poses = self.poses_alone(capsules, dtype)
        scores = CapsuleLength(dtype="float32", name="scores")(poses)
        return scores, poses, coupling

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        if found.get("mode") == "plain":  # KerasTuner's choices cannot be None
            found["mode"] = None
        return found

    def default_optimizer(self):
        return keras.optimizers.Adam(learning_rate=1e-4)
