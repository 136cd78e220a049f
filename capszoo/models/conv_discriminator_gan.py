"""Generative networks whose discriminator is of convolutions."""

from collections.abc import Sequence

import keras

from capszoo.kinds import Count
from capszoo.kinds import ImageShape
from capszoo.layers import Conv2D
from capszoo.models.tasks import CapsuleGenerator
from capszoo.models.upsampling import coarse_size


class ConvDiscriminatorGAN(CapsuleGenerator):
    """What the generative networks with a plain discriminator have in common.

        discriminator:  picture - convolutions - dense, sigmoid - realness

    A family adds the generator, `make_picture`.

    Args:
        image_shape: `(height, width, channels)` of the pictures, height and width multiples of 4.
            Defaults to `(28, 28, 1)`.
        conv_filters: How many filters each convolution of the discriminator has; each halves the
            size. Defaults to `(64, 64)`.
        **kwargs: Arguments of `capszoo.models.CapsuleGenerator` and
            `capszoo.models.inputs.ImageInput`.

    Raises:
        ValueError: If a size is not as said above or an option unknown.

    Reference:

    - [Radford, Metz, Chintala, 2016](https://arxiv.org/abs/1511.06434)
    """

    def __init__(
        self,
        image_shape: ImageShape = (28, 28, 1),
        conv_filters: Sequence[Count] = (64, 64),
        **kwargs,
    ):
        coarse_size(image_shape)
        super().__init__(image_shape=image_shape, **kwargs)

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        if "conv_filters" in found:
            # Of about as many parameters as the capsules have in their place.
            found["conv_filters"] = [found["conv_filters"], 4 * found["conv_filters"] // 3]
        return found

    def make_realness(self, pictures, dtype):
        features = pictures
        for number, filters in enumerate(self.conv_filters, 1):
            features = Conv2D(
                filters, 5, strides=2, padding="same", dtype=dtype, name=f"conv_{number}"
            )(features)
            features = keras.layers.LeakyReLU(0.2, dtype=dtype)(features)
        features = keras.layers.Flatten(data_format="channels_last", dtype=dtype)(features)
        return keras.layers.Dense(1, activation="sigmoid", dtype="float32", name="realness")(
            features
        )
