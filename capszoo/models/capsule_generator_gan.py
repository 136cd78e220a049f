"""CapsuleGeneratorGAN: pictures made by capsules, for a discriminator of capsules."""

from collections.abc import Sequence

import keras

from capszoo import routing as routings
from capszoo.kinds import Count
from capszoo.kinds import ImageShape
from capszoo.layers import TransposedConvCapsules2D
from capszoo.models.capsule_discriminator_gan import CapsuleDiscriminatorGAN
from capszoo.models.kinds import RoutingLike
from capszoo.models.registry import register_family
from capszoo.models.upsampling import coarse_size
from capszoo.models.upsampling import doubled
from capszoo.models.upsampling import normalized


@register_family("capsule_generator_gan")
@keras.saving.register_keras_serializable(package="capszoo")
class CapsuleGeneratorGAN(CapsuleDiscriminatorGAN):
    """A generative network whose two networks are both of capsules.

        generator:      latent capsules - maps of capsules - finer maps - transposed convolution
        discriminator:  picture - convolutions - primary capsules - one capsule, its length

    The generator is the way of recognition reversed. The latent is cut into a few capsules, each of
    which votes, with transforms of its own for each place, for the capsules of a coarse map; these
    vote for those of a map twice as fine, and a transposed convolution makes the picture of their
    poses. At every place the children's votes are routed to the types of parents.

    After the abstract of the paper: its sizes, routing and losses are not known, these are ours.

    Args:
        image_shape: `(height, width, channels)` of the pictures, height and width multiples of 4.
            Defaults to `(28, 28, 1)`.
        latent_capsules: Into how many capsules a latent is cut. Defaults to `4`.
        generator_types: How many types of capsules the coarse and the fine map have. Defaults to
            `(4, 4)`.
        generator_dims: Sizes of their poses. Defaults to `(16, 8)`.
        generator_routing: How they are computed: a name of `capszoo.routing.names()`, a config or
            a `capszoo.routing.Routing`. Defaults to `"dynamic"`.
        **kwargs: Arguments of `capszoo.models.CapsuleDiscriminatorGAN`, of
            `capszoo.models.CapsuleGenerator` and of `capszoo.models.inputs.ImageInput`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary: realness `(batch, 1)`, samples `(batch, height, width, channels)` between 0
        and 1, and their realness; `predict` gives the realness of the pictures.

    Raises:
        ValueError: If a size is not as said above, an option unknown, or `latent_dim` no multiple
            of `latent_capsules`.

    Example:

    >>> model = capszoo.models.CapsuleGeneratorGAN((16, 16, 1), latent_dim=16)
    >>> model.compile()
    >>> model.generate(3, seed=0).shape
    (3, 16, 16, 1)

    Reference:

    - [Marusaki and Watanabe, 2020](https://arxiv.org/abs/2003.08047)
    """

    def __init__(
        self,
        image_shape: ImageShape = (28, 28, 1),
        latent_capsules: Count = 4,
        generator_types: Sequence[Count] = (4, 4),
        generator_dims: Sequence[Count] = (16, 8),
        generator_routing: RoutingLike = "dynamic",
        **kwargs,
    ):
        super().__init__(image_shape=image_shape, **kwargs)
        self.generator_routing = self.generator.get_layer("coarse_capsules").routing

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        if "generator_types" in found:
            found["generator_types"] = [found["generator_types"]] * 2
        return found

    def make_picture(self, latents, dtype):
        if self.latent_dim % self.latent_capsules:
            raise ValueError(
                "A latent is cut into capsules of one size: expected a `latent_dim` that is a "
                f"multiple of {self.latent_capsules}. Received: latent_dim={self.latent_dim}"
            )
        pose_dim = self.latent_dim // self.latent_capsules
        capsules = keras.layers.Reshape((1, 1, self.latent_capsules, pose_dim), dtype=dtype)(
            latents
        )
        routing = routings.serialize(routings.get(self.generator_routing, dtype=dtype), dtype=dtype)
        routing["config"]["name"] = "routing"  # one that Keras counts up would differ by model
        size = coarse_size(self.image_shape)
        for name, types, dim, kernel_size, strides, padding in zip(
            ("coarse_capsules", "fine_capsules"),
            self.generator_types,
            self.generator_dims,
            (size, 4),
            (size, 2),
            ("valid", "same"),
            strict=True,
        ):
            capsules = TransposedConvCapsules2D(
                types,
                dim,
                kernel_size,
                strides=strides,
                padding=padding,
                routing=routing,
                dtype=dtype,
                name=name,
            )(capsules)
        *fine_size, types, dim = capsules.shape[1:]
        features = keras.layers.Reshape((*fine_size, types * dim), dtype=dtype)(capsules)
        features = normalized(features, "linear", "fine", dtype)
        return doubled(features, self.image_shape[-1], "picture", "float32", "sigmoid")
