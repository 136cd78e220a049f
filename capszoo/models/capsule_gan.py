"""CapsuleGAN: a generator that learns from a discriminator of capsules."""

from collections.abc import Sequence

import keras

from capszoo.kinds import Count
from capszoo.kinds import ImageShape
from capszoo.models.capsule_discriminator_gan import CapsuleDiscriminatorGAN
from capszoo.models.registry import register_family
from capszoo.models.upsampling import picture_of
from capszoo.models.upsampling import with_halved_filters


@register_family("capsule_gan")
@keras.saving.register_keras_serializable(package="capszoo")
class CapsuleGAN(CapsuleDiscriminatorGAN):
    """A generative network whose discriminator is a capsule network.

        generator:      latent - dense - 2 transposed convolutions - picture
        discriminator:  picture - convolutions - primary capsules - one capsule, its length

    The length of the last capsule says how real a picture is, and both networks learn by the margin
    loss. One parent leaves routing nothing to decide: the children's votes are summed.

    The generator is that of `capszoo.models.ConvGAN`. The paper's was trained for MNIST and
    CIFAR-10; its sizes are not known, these are ours.

    Args:
        image_shape: `(height, width, channels)` of the pictures, height and width multiples of 4.
            Defaults to `(28, 28, 1)`.
        generator_filters: How many maps of a quarter and of half the size the generator makes.
            Defaults to `(64, 32)`.
        **kwargs: Arguments of `capszoo.models.CapsuleDiscriminatorGAN`, of
            `capszoo.models.CapsuleGenerator` and of `capszoo.models.inputs.ImageInput`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary: realness `(batch, 1)`, samples `(batch, height, width, channels)` between 0
        and 1, and their realness; `predict` gives the realness of the pictures.

    Raises:
        ValueError: If a size is not as said above, or an option unknown.

    Example:

    >>> model = capszoo.models.CapsuleGAN((16, 16, 1), latent_dim=4)
    >>> model.compile()
    >>> model.generate(3, seed=0).shape
    (3, 16, 16, 1)

    Reference:

    - [Jaiswal et al., 2018](https://arxiv.org/abs/1802.06167)
    - [Marusaki and Watanabe, 2020](https://arxiv.org/abs/2003.08047)
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
