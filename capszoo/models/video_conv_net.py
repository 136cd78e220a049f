"""VideoConvNet: 3-D convolutions and the mean over frames, rows and columns, no capsules."""

from collections.abc import Sequence

import keras

from capszoo.kinds import ClipShape
from capszoo.kinds import Count
from capszoo.kinds import Share
from capszoo.kinds import Size3D
from capszoo.losses import NegativeLogLikelihood
from capszoo.models.clip_stem import check_stem
from capszoo.models.clip_stem import clip_stem
from capszoo.models.clip_stem import stem_of_search
from capszoo.models.inputs import VideoInput
from capszoo.models.plain_scores import plain_scores
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleClassifier


@register_family("video_conv_net")
@keras.saving.register_keras_serializable(package="capszoo")
class VideoConvNet(CapsuleClassifier):
    """A 3-D convolutional network, which capsules are measured beside.

        clip - 3-D convolutions, ReLU - mean over frames, rows and columns - linear layer, ReLU
        - dropout - softmax

    It has no capsules and says nothing of where: its scores are the one output. Up to the last map
    it is `VideoCapsNet`. The defaults stand beside the defaults there without the localization
    network: 91,091 trainable parameters beside 91,092.

    Args:
        clip_shape: `(frames, height, width, channels)` of the clips. Defaults to
            `(8, 32, 32, 1)`.
        num_classes: How many classes there are. Defaults to `40`.
        conv_filters: As in `VideoCapsNet`. Defaults to `(12, 24, 36, 48)`.
        conv_kernel_size: As in `VideoCapsNet`. Defaults to `3`.
        conv_strides: As in `VideoCapsNet`. Defaults to
            `((1, 2, 2), (2, 1, 1), (1, 2, 2), 1)`.
        batch_normalization: As in `VideoCapsNet`. Defaults to `True`.
        dense_units: How wide the linear layer before the scores is. Defaults to `143`.
        dropout: Share of its answers left out in training. Defaults to `0.0`.
        **kwargs: Arguments of `capszoo.models.CapsuleClassifier`, without a decoder, and of
            `capszoo.models.inputs.VideoInput`.

    Input shape:
        `(batch, frames, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary of scores `(batch, num_classes)` alone, which sum to 1 (of a single class, a
        number from 0 to 1); `predict` gives them.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, or `conv_filters` and
            `conv_strides` of different length.

    Example:

    >>> model = capszoo.models.VideoConvNet((8, 32, 32, 3), num_classes=2, resize=(32, 32))
    >>> model.predict(np.zeros((1, 12, 64, 48, 3), "uint8"), verbose=0).shape
    (1, 2)

    Reference:

    - [Tran et al., 2015](https://arxiv.org/abs/1412.0767)
    """

    input_end = VideoInput

    def __init__(
        self,
        clip_shape: ClipShape = (8, 32, 32, 1),
        num_classes: Count = 40,
        conv_filters: Sequence[Count] = (12, 24, 36, 48),
        conv_kernel_size: Size3D = 3,
        conv_strides: Sequence[Size3D] = ((1, 2, 2), (2, 1, 1), (1, 2, 2), 1),
        batch_normalization: bool = True,
        dense_units: Count = 143,
        dropout: Share = 0.0,
        **kwargs,
    ):
        check_stem(conv_filters, conv_strides)
        super().__init__(clip_shape=clip_shape, num_classes=num_classes, **kwargs)

    def body(self, features, dtype):
        features = clip_stem(
            features,
            self.conv_filters,
            self.conv_kernel_size,
            self.conv_strides,
            self.batch_normalization,
            dtype,
        )
        features = keras.layers.GlobalAveragePooling3D(
            data_format="channels_last", dtype=dtype, name="mean"
        )(features)
        features = keras.layers.Dense(
            self.dense_units,
            activation="relu",
            kernel_initializer="he_normal",
            dtype=dtype,
            name="dense",
        )(features)
        if self.dropout:
            features = keras.layers.Dropout(self.dropout, dtype=dtype, name="dropout")(features)
        return (plain_scores(features, self.num_classes),)

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        stem_of_search(found)
        return found

    def default_loss(self):
        return NegativeLogLikelihood()
