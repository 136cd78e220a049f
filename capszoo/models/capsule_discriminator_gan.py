"""Generative networks whose discriminator is of capsules."""

from collections.abc import Sequence
from typing import Literal

import keras
from keras import ops

from capszoo import routing as routings
from capszoo.kinds import Count
from capszoo.kinds import ImageShape
from capszoo.kinds import Size2D
from capszoo.layers import ActivationToLength
from capszoo.layers import CapsuleLength
from capszoo.layers import DenseCapsules
from capszoo.layers import PrimaryCapsules
from capszoo.models.kinds import RoutingLike
from capszoo.models.stem import convolutions
from capszoo.models.stem import primary_initializer
from capszoo.models.stem import stem
from capszoo.models.tasks import CapsuleGenerator
from capszoo.models.upsampling import coarse_size
from capszoo.validation import check_fits


class CapsuleDiscriminatorGAN(CapsuleGenerator):
    """What the generative networks with a discriminator of capsules have in common.

        discriminator:  picture - convolutions - primary capsules - one capsule, its length

    The length of the last capsule says how real a picture is, and both networks learn by the margin
    loss. One parent leaves routing nothing to decide: the children's votes are summed. A family
    adds the generator, `make_picture`.

    With `fed_by="discriminator"` the generator learns to make pictures of what the discriminator's
    last capsule holds of real ones, after the abstract of Marusaki and Watanabe. Its numbers are
    normalized over the batch, so that pictures are made of normal noise afterwards as ever, and
    the discriminator learns nothing from what it feeds.

    Args:
        image_shape: `(height, width, channels)` of the pictures, height and width multiples of 4.
            Defaults to `(28, 28, 1)`.
        conv_filters: Number of filters of the discriminator's convolution, or a sequence of them.
            Defaults to `(64,)`.
        conv_kernel_size: Size of its window, one integer or `(height, width)`; one for all, or a
            sequence as long as `conv_filters`. Defaults to `5`.
        conv_strides: Step between its windows, likewise. Defaults to `2`.
        primary_types: How many types of primary capsules there are. Defaults to `8`.
        primary_dim: Size of a primary capsule's pose. Defaults to `8`.
        primary_kernel_size: Size of their window. Defaults to `5`.
        primary_strides: Step between their windows. Defaults to `2`.
        class_dim: Size of the last capsule's pose. Defaults to `16`.
        routing: How it is computed: a name of `capszoo.routing.names()`, a config or a
            `capszoo.routing.Routing`. Defaults to `"dynamic"`.
        fed_by: What the generator learns to make pictures of: `"noise"`, or the poses of the
            `"discriminator"`. Defaults to `"noise"`.
        **kwargs: Arguments of `capszoo.models.CapsuleGenerator` and
            `capszoo.models.inputs.ImageInput`.

    Raises:
        ValueError: If a size is not as said above, an option unknown, or `latent_dim` not
            `class_dim` where the discriminator feeds the generator.

    Reference:

    - [Jaiswal et al., 2018](https://arxiv.org/abs/1802.06167)
    - [Marusaki and Watanabe, 2020](https://arxiv.org/abs/2003.08047)
    """

    def __init__(
        self,
        image_shape: ImageShape = (28, 28, 1),
        conv_filters: Count | Sequence[Count] = (64,),
        conv_kernel_size: Size2D | Sequence[Size2D] = 5,
        conv_strides: Size2D | Sequence[Size2D] = 2,
        primary_types: Count = 8,
        primary_dim: Count = 8,
        primary_kernel_size: Size2D = 5,
        primary_strides: Size2D = 2,
        class_dim: Count = 16,
        routing: RoutingLike = "dynamic",
        fed_by: Literal["noise", "discriminator"] = "noise",
        **kwargs,
    ):
        layers = convolutions(conv_filters, conv_kernel_size, conv_strides, rank=2)
        windows = [(one.kernel_size, one.strides) for one in layers]
        check_fits(image_shape, [*windows, (primary_kernel_size, primary_strides)])
        coarse_size(image_shape)
        super().__init__(image_shape=image_shape, **kwargs)
        self.routing = self.discriminator.get_layer("class_capsules").routing

    def make_latents(self, pictures, discriminator, dtype):
        if self.fed_by == "noise":
            return super().make_latents(pictures, discriminator, dtype)
        if self.latent_dim != self.class_dim:
            raise ValueError(
                "A generator that the discriminator feeds makes pictures of its last capsule: "
                f"expected `latent_dim` to be `class_dim`. Received: latent_dim={self.latent_dim}, "
                f"class_dim={self.class_dim}"
            )
        capsule = discriminator.get_layer("realness").input
        poses = keras.Model(discriminator.input, capsule, name="last_capsule")(pictures)
        poses = keras.layers.Reshape((self.latent_dim,), dtype=dtype)(ops.stop_gradient(poses))
        return keras.layers.BatchNormalization(
            center=False, scale=False, dtype=dtype, name="latents"
        )(poses)

    def make_realness(self, pictures, dtype):
        layers = convolutions(self.conv_filters, self.conv_kernel_size, self.conv_strides, rank=2)
        features = stem(pictures, layers, "valid", "he_normal", dtype)
        children = PrimaryCapsules(
            self.primary_types,
            self.primary_dim,
            self.primary_kernel_size,
            strides=self.primary_strides,
            kernel_initializer=primary_initializer(self.primary_kernel_size, layers[-1]),
            dtype=dtype,
            name="primary_capsules",
        )(features)
        capsules = DenseCapsules(
            1,
            self.class_dim,
            routing=routings.get(self.routing, dtype=dtype),
            dtype=dtype,
            name="class_capsules",
        )(children)
        if isinstance(capsules, (tuple, list)):
            capsules = ActivationToLength(dtype=dtype, name="activation_to_length")(tuple(capsules))
        return CapsuleLength(dtype="float32", name="realness")(capsules)
