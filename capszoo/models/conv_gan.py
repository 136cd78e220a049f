"""ConvGAN: a generator and a discriminator of convolutions, no capsules."""

from collections.abc import Sequence

import keras

from capszoo.kinds import Count
from capszoo.kinds import ImageShape
from capszoo.models.conv_discriminator_gan import ConvDiscriminatorGAN
from capszoo.models.registry import register_family
from capszoo.models.upsampling import picture_of
from capszoo.models.upsampling import with_halved_filters


@register_family("conv_gan")
@keras.saving.register_keras_serializable(package="capszoo")
class ConvGAN(ConvDiscriminatorGAN):
    """A generative network of convolutions, which those of capsules are measured beside.

        generator:      latent - dense - 2 transposed convolutions - picture
        discriminator:  picture - convolutions - dense, sigmoid - realness

    The generator's maps are normalized by batch and rectified. It has no capsules.

    Args:
        image_shape: `(height, width, channels)` of the pictures, height and width multiples of 4.
            Defaults to `(28, 28, 1)`.
        generator_filters: How many maps of a quarter and of half the size the generator makes.
            Defaults to `(64, 32)`.
        **kwargs: Arguments of `capszoo.models.ConvDiscriminatorGAN`, of
            `capszoo.models.CapsuleGenerator` and of `capszoo.models.inputs.ImageInput`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary: realness `(batch, 1)`, samples `(batch, height, width, channels)` between 0
        and 1, and their realness; `predict` gives the realness of the pictures.

    Raises:
        ValueError: If a size is not as said above or an option unknown.

    Example:

    >>> model = capszoo.models.ConvGAN((8, 8, 1), latent_dim=4)
    >>> model.compile()
    >>> model.generate(3, seed=0).shape
    (3, 8, 8, 1)

    Reference:

    - [Radford, Metz, Chintala, 2016](https://arxiv.org/abs/1511.06434)
    """

    def __init__(
        self,
        image_shape: ImageShape = (28, 28, 1),
        generator_filters: Sequence[Count] = (64, 32),
        **kwargs,
    ):
        super().__init__(image_shape=image_shape, **kwargs)

    @classmethod
    def search_arguments(cls, values):
        return with_halved_filters(super().search_arguments(values))

    def make_picture(self, latents, dtype):
        return picture_of(latents, self.image_shape, self.generator_filters, dtype)
