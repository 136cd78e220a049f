"""UNet3D: a U-Net for volumes, to hold networks of capsules against."""

from collections.abc import Sequence

import keras

from capszoo.kinds import Count
from capszoo.kinds import VolumeShape
from capszoo.models.inputs import VolumeInput
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleSegmenter
from capszoo.models.unet import check_levels
from capszoo.models.unet import search_filters
from capszoo.models.unet import unet


@register_family("unet3d")
@keras.saving.register_keras_serializable(package="capszoo")
class UNet3D(CapsuleSegmenter):
    """A U-Net for volumes: the control, what a plain network gets from the same recipe.

        volumes - [block - half the size] x levels - [twice the size, joined - block] - classes

    `UNet2D` in space: a block is two 3x3x3 convolutions with instance normalization and ReLU. The
    defaults, for whole volumes of the hippocampus, have 289,459 parameters.

    Args:
        volume_shape: `(depth, height, width, channels)` of the volumes, or of the windows in which
            larger ones go in. Defaults to `(48, 64, 48, 1)`.
        num_classes: How many classes there are, the background among them. Defaults to `3`.
        filters: Filters of each level, the finest first. Choose them for the number of
            parameters of what is compared. Defaults to `(8, 16, 32, 48)`.
        **kwargs: Arguments of `capszoo.models.CapsuleSegmenter` and of
            `capszoo.models.inputs.VolumeInput`.

    Input shape:
        `(batch, depth, height, width, channels)`, numbers on any scale.

    Output shape:
        A dictionary with `"probabilities"` `(batch, depth, height, width, num_classes)`, which
        `predict` gives.

    Raises:
        ValueError: If a size is not a positive integer, or the volumes are too small for so many
            levels.

    Example:

    >>> model = capszoo.models.UNet3D((16, 16, 16, 1), filters=(4, 8))
    >>> model.compile()
    >>> model.predict(np.zeros((2, 16, 16, 16, 1), "float32"), verbose=0).shape
    (2, 16, 16, 16, 3)

    Reference:

    - [Cicek et al., 2016](https://arxiv.org/abs/1606.06650)
    """

    input_end = VolumeInput

    def __init__(
        self,
        volume_shape: VolumeShape = (48, 64, 48, 1),
        num_classes: Count = 3,
        filters: Sequence[Count] = (8, 16, 32, 48),
        **kwargs,
    ):
        check_levels("volume_shape", volume_shape, filters)
        super().__init__(volume_shape=volume_shape, num_classes=num_classes, **kwargs)

    def body(self, features, dtype):
        return {"probabilities": unet(features, self.filters, self.num_classes, dtype)}

    @classmethod
    def search_arguments(cls, values):
        return search_filters(super().search_arguments(values))
