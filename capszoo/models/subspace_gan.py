"""SubspaceGAN: pictures made by capsules that are projections onto subspaces."""

import math
from collections.abc import Sequence

import keras

from capszoo.kinds import Count
from capszoo.kinds import ImageShape
from capszoo.kinds import Size2D
from capszoo.layers import Conv2D
from capszoo.layers import SubspaceConv2D
from capszoo.models.conv_discriminator_gan import ConvDiscriminatorGAN
from capszoo.models.registry import register_family
from capszoo.models.upsampling import coarse_maps


@register_family("subspace_gan")
@keras.saving.register_keras_serializable(package="capszoo")
class SubspaceGAN(ConvDiscriminatorGAN):
    """A generative network whose generator is of subspace capsules.

        generator:      latent - dense - [each place four times - subspace capsules] x 2
                        - convolution, sigmoid - picture
        discriminator:  picture - convolutions - dense, sigmoid - realness

    As in the paper's, capsules follow where maps become finer, their poses are shortened by the
    mean square of their numbers, and the discriminator is plain, that of `capszoo.models.ConvGAN`.
    There is no routing. The paper's generator grows while it is trained, up to pictures of 256 x
    256; this one is small and trained as a whole.

    Args:
        image_shape: `(height, width, channels)` of the pictures, height and width multiples of 4.
            Defaults to `(28, 28, 1)`.
        capsule_types: How many types of capsules the maps of half and of the whole size have.
            Defaults to `(8, 4)`.
        capsule_dims: Sizes of their poses. Defaults to `(8, 8)`.
        kernel_size: Height and width of their windows, and of the last convolution's. Defaults to
            `3`.
        **kwargs: Arguments of `capszoo.models.ConvDiscriminatorGAN`, of
            `capszoo.models.CapsuleGenerator` and of `capszoo.models.inputs.ImageInput`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary: realness `(batch, 1)`, samples `(batch, height, width, channels)` between 0
        and 1, and their realness; `predict` gives the realness of the pictures.

    Raises:
        ValueError: If a size is not as said above, or an option unknown.

    Example:

    >>> model = capszoo.models.SubspaceGAN((8, 8, 1), latent_dim=4)
    >>> model.compile()
    >>> model.generate(3, seed=0).shape
    (3, 8, 8, 1)

    Reference:

    - [Edraki, Rahnavard, Shah, 2020](https://arxiv.org/abs/2002.02924)
    """

    def __init__(
        self,
        image_shape: ImageShape = (28, 28, 1),
        capsule_types: Sequence[Count] = (8, 4),
        capsule_dims: Sequence[Count] = (8, 8),
        kernel_size: Size2D = 3,
        **kwargs,
    ):
        if len(capsule_types) != 2 or len(capsule_dims) != 2:
            raise ValueError(
                "A picture is made in two steps: expected two numbers of `capsule_types` and of "
                f"`capsule_dims`. Received: {tuple(capsule_types)} and {tuple(capsule_dims)}"
            )
        super().__init__(image_shape=image_shape, **kwargs)

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        for name in {"capsule_types", "capsule_dims"} & set(found):
            found[name] = [found[name]] * 2
        return found

    def make_picture(self, latents, dtype):
        # As many numbers at a place as the first capsules have.
        numbers = self.capsule_types[0] * self.capsule_dims[0]
        features = coarse_maps(latents, self.image_shape, numbers, dtype)
        layers = zip(self.capsule_types, self.capsule_dims, strict=True)
        for number, (types, pose_dim) in enumerate(layers, start=1):
            finer = keras.layers.UpSampling2D(2, data_format="channels_last", dtype=dtype)(features)
            poses = SubspaceConv2D(
                types,
                pose_dim,
                self.kernel_size,
                padding="same",
                activation="squash",
                dtype=dtype,
                name=f"capsules_{number}",
            )(finer)
            flat = (*poses.shape[1:3], math.prod(poses.shape[3:]))
            features = keras.layers.Reshape(flat, dtype=dtype)(poses)
        return Conv2D(
            self.image_shape[-1],
            self.kernel_size,
            padding="same",
            activation="sigmoid",
            dtype="float32",
            name="picture",
        )(features)
