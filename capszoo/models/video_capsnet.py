"""VideoCapsNet: 3-D matrix capsules that say what a clip shows, and where."""

from collections.abc import Sequence
from typing import ClassVar

import keras
from keras import ops

from capszoo import routing as routings
from capszoo.kinds import ClipShape
from capszoo.kinds import Count
from capszoo.kinds import Number
from capszoo.kinds import Size3D
from capszoo.layers import ActivatedPrimaryCapsules3D
from capszoo.layers import CapsulePooling3D
from capszoo.layers import ClassCapsules3D
from capszoo.layers import ConvCapsules3D
from capszoo.layers import LocalizationDecoder
from capszoo.losses import SpreadLoss
from capszoo.losses import SpreadMargin
from capszoo.models.clip_stem import check_stem
from capszoo.models.clip_stem import clip_stem
from capszoo.models.clip_stem import stem_of_search
from capszoo.models.kinds import RoutingLike
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleLocalizer

# Of many classes each is given little: their thresholds are alike, lower than EM routing's own, and
# costs count for more.
EM = {
    "name": "em",
    "inverse_temperature": 0.03,
    "beta_activation_initializer": {"class_name": "Constant", "config": {"value": -500.0}},
}


@register_family("video_capsnet")
@keras.saving.register_keras_serializable(package="capszoo")
class VideoCapsNet(CapsuleLocalizer):
    """Matrix capsules over frames, rows and columns, after VideoCapsuleNet.

        clip - 3-D convolutions, ReLU - primary capsules - capsule pooling - convolutional capsules
        - class capsules - the class's capsule, and the maps below it, to a map for each frame

    Poses are 4x4 matrices with activations. In a window the mean capsule of each type votes, once
    for each parent, and not every capsule; of the votes for the classes frame, row and column are
    added to the first three numbers. The localization network is told the pose of one class, the
    true one in training, and looks at the maps of convolutional and of primary capsules.

    The paper's network, for clips of 8 frames of 112 x 112 in 24 classes, has six convolutions
    (`conv_filters=(64, 128, 256, 256, 512, 512)`, the second and fourth of strides `(1, 2, 2)`,
    without batch normalization), 32 types with windows of `(3, 9, 9)` and a pooling of `(3, 5, 5)`
    by `(1, 2, 2)`. The defaults are a small one. Unlike in the paper's code, EM routing is that of
    `capszoo.routing.EMRouting`, whose activations do not depend on the other parents' costs, and
    the localization network doubles what it is given until it has the size of the clip.

    Args:
        clip_shape: `(frames, height, width, channels)` of the clips. Defaults to
            `(8, 32, 32, 1)`.
        num_classes: How many classes there are. Defaults to `40`.
        conv_filters: Filters of the convolutions. Defaults to `(12, 24, 36, 48)`.
        conv_kernel_size: Size of their windows in frames, rows and columns, one number or three, as
            are the other sizes and steps of windows. Defaults to `3`.
        conv_strides: Steps between their windows. Defaults to
            `((1, 2, 2), (2, 1, 1), (1, 2, 2), 1)`.
        batch_normalization: Whether what a convolution gives is normalized over the batch.
            Defaults to `True`.
        primary_types: How many types of primary capsules there are. Defaults to `8`.
        primary_kernel_size: Size of their windows. Defaults to `1`.
        pooling_size: Size of the windows in which the mean capsule of each type is taken.
            Defaults to `(4, 3, 3)`.
        pooling_strides: Step between these windows. Defaults to `(4, 2, 2)`.
        capsule_types: How many types of convolutional capsules there are. Defaults to `8`.
        pose_dim: Size of a pose; a square of at least 4. Defaults to `16`.
        coordinate_scale: What a step of one position is worth in the votes for the classes.
            Defaults to `0.04`.
        routing: How capsules are computed: a routing with explicit activations. Defaults to `None`,
            `"em"` with a lower threshold, alike for all, and a higher inverse temperature.
        localization_filters: Filters of the localization network after the map of convolutional
            and that of primary capsules. Defaults to `(32, 16)`.
        **kwargs: Arguments of `capszoo.models.CapsuleLocalizer` (`localization_weight`) and of
            `capszoo.models.inputs.VideoInput`.

    Input shape:
        `(batch, frames, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary, see `CapsuleLocalizer`; `predict` gives the scores `(batch, num_classes)`,
        activations from 0 to 1, and `localize` what is seen where,
        `(batch, frames, height, width)`.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, `conv_filters` and
            `conv_strides` of different length, or the routing without explicit activations.

    Example:

    >>> clips, masks = capszoo.data.load("moving_digits", "validation", labels="masks")
    >>> model = capszoo.models.VideoCapsNet(resize=(32, 32))
    >>> model.compile()
    >>> history = model.fit(clips[:8], masks[:8], verbose=0)
    >>> model.predict(clips[:2], verbose=0).shape, model.localize(clips[:2]).shape
    ((2, 40), (2, 8, 32, 32))

    Reference:

    - [Duarte, Rawat, Shah, 2018](https://arxiv.org/abs/1805.08162)
    """

    # Of the transforms at first.
    transform_stddev: ClassVar[float] = 0.3

    def __init__(
        self,
        clip_shape: ClipShape = (8, 32, 32, 1),
        num_classes: Count = 40,
        conv_filters: Sequence[Count] = (12, 24, 36, 48),
        conv_kernel_size: Size3D = 3,
        conv_strides: Sequence[Size3D] = ((1, 2, 2), (2, 1, 1), (1, 2, 2), 1),
        batch_normalization: bool = True,
        primary_types: Count = 8,
        primary_kernel_size: Size3D = 1,
        pooling_size: Size3D = (4, 3, 3),
        pooling_strides: Size3D = (4, 2, 2),
        capsule_types: Count = 8,
        pose_dim: Count = 16,
        coordinate_scale: Number = 0.04,
        routing: RoutingLike | None = None,
        localization_filters: Sequence[Count] = (32, 16),
        **kwargs,
    ):
        check_stem(conv_filters, conv_strides)
        super().__init__(clip_shape=clip_shape, num_classes=num_classes, **kwargs)
        self.routing = self.get_layer("class_capsules").routing

    def body(self, features, dtype):
        routing = routings.get(EM if self.routing is None else self.routing, dtype=dtype)
        if not routing.explicit_activations:
            raise ValueError(
                "VideoCapsNet needs a routing with explicit activations, such as 'em'. "
                f"Received: {type(routing).__name__}"
            )
        features = clip_stem(
            features,
            self.conv_filters,
            self.conv_kernel_size,
            self.conv_strides,
            self.batch_normalization,
            dtype,
        )
        primary = ActivatedPrimaryCapsules3D(
            self.primary_types,
            self.pose_dim,
            kernel_size=self.primary_kernel_size,
            dtype=dtype,
            name="primary_capsules",
        )(features)
        pooled = CapsulePooling3D(
            self.pooling_size, self.pooling_strides, padding="same", dtype=dtype, name="pooling"
        )(primary)
        initializer = keras.initializers.TruncatedNormal(stddev=self.transform_stddev)
        capsules = ConvCapsules3D(
            self.capsule_types,
            self.pose_dim,
            kernel_size=1,
            votes_from="positions",
            transform="matrix",
            routing=routings.serialize(routing),
            kernel_initializer=initializer,
            dtype=dtype,
            name="conv_capsules",
        )(pooled)
        poses, activations, coupling = ClassCapsules3D(
            self.num_classes,
            self.pose_dim,
            coordinate_scale=self.coordinate_scale,
            transform="matrix",
            routing=routings.serialize(routing),
            kernel_initializer=initializer,
            dtype=dtype,
            name="class_capsules",
        )(capsules, return_coupling=True)
        scores = keras.layers.Activation("linear", dtype="float32", name="scores")(activations)
        maps = [
            ops.reshape(one, (-1, *one.shape[1:4], one.shape[4] * one.shape[5]))
            for one in (capsules[0], primary[0])
        ]
        return scores, poses, coupling, maps

    def make_localization(self, dtype):
        return LocalizationDecoder(
            self.clip_shape[:-1], self.localization_filters, dtype=dtype, name="localization"
        )

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        stem_of_search(found)
        if "routing" in found and found["routing"]["name"] == EM["name"]:
            found["routing"] = {**EM, **found["routing"]}
        if "localization_filters" in found:
            found["localization_filters"] = [
                found["localization_filters"],
                found["localization_filters"] // 2,
            ]
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
