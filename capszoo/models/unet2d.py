"""UNet2D: a U-Net for pictures, to hold networks of capsules against."""

from collections.abc import Sequence

import keras

from capszoo.kinds import Count
from capszoo.kinds import ImageShape
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleSegmenter
from capszoo.models.unet import check_levels
from capszoo.models.unet import search_filters
from capszoo.models.unet import unet


@register_family("unet2d")
@keras.saving.register_keras_serializable(package="capszoo")
class UNet2D(CapsuleSegmenter):
    """A U-Net for pictures: the control, what a plain network gets from the same recipe.

        pictures - [block - half the size] x levels - [twice the size, joined - block] - classes

    A block is two 3x3 convolutions with instance normalization and ReLU. There are no capsules in
    it: it stands here so that a score of `SegCaps` has one beside it of the same size, data,
    augmentation and loss. The defaults have 487,730 parameters.

    Args:
        image_shape: `(height, width, channels)` of the pictures, or of the windows in which
            larger ones go in. Defaults to `(128, 128, 1)`.
        num_classes: How many classes there are, the background among them. Defaults to `2`.
        filters: Filters of each level, the finest first. Choose them for the number of
            parameters of what is compared. Defaults to `(16, 32, 64, 128)`.
        **kwargs: Arguments of `capszoo.models.CapsuleSegmenter` and of
            `capszoo.models.inputs.MaskedImageInput`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary with `"probabilities"` `(batch, height, width, num_classes)`, which `predict`
        gives.

    Raises:
        ValueError: If a size is not a positive integer, or the pictures are too small for so many
            levels.

    Example:

    >>> model = capszoo.models.UNet2D((32, 32, 1), filters=(4, 8))
    >>> model.compile()
    >>> model.predict(np.zeros((2, 32, 32, 1), "uint8"), verbose=0).shape
    (2, 32, 32, 2)

    Reference:

    - [Ronneberger, Fischer, Brox, 2015](https://arxiv.org/abs/1505.04597)
    """

    def __init__(
        self,
        image_shape: ImageShape = (128, 128, 1),
        num_classes: Count = 2,
        filters: Sequence[Count] = (16, 32, 64, 128),
        **kwargs,
    ):
        check_levels("image_shape", image_shape, filters)
        super().__init__(image_shape=image_shape, num_classes=num_classes, **kwargs)

    def body(self, features, dtype):
        return {"probabilities": unet(features, self.filters, self.num_classes, dtype)}

    @classmethod
    def search_arguments(cls, values):
        return search_filters(super().search_arguments(values))
