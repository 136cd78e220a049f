"""SparseCapsNet: capsules learnt without labels, of which few are left to make a picture of."""

from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np

from capszoo import routing as routings
from capszoo.kinds import Count
from capszoo.kinds import ImageShape
from capszoo.kinds import NonNegative
from capszoo.kinds import Size2D
from capszoo.layers import ActivationToLength
from capszoo.layers import DenseCapsules
from capszoo.layers import DenseDecoder
from capszoo.layers import PrimaryCapsules
from capszoo.layers import RankMask
from capszoo.models.kinds import ImageNormalization
from capszoo.models.kinds import RoutingLike
from capszoo.models.parts import Parts
from capszoo.models.registry import register_family
from capszoo.models.stem import convolutions
from capszoo.models.stem import primary_initializer
from capszoo.models.stem import stem
from capszoo.models.tasks import CapsuleAutoencoder
from capszoo.validation import check_fits


@register_family("sparse_capsnet")
@keras.saving.register_keras_serializable(package="capszoo")
class SparseCapsNet(CapsuleAutoencoder):
    """The capsule network of dynamic routing, trained without labels on sparse codes.

        image - convolution, ReLU - primary capsules - latent capsules - rank mask - decoder

    The latent capsules stand for no classes. They are ranked by what the primary capsules give
    them, and few ranks are left to the decoder, see `capszoo.layers.RankMask`: without that, all
    capsules take part in every picture, and what the network learnt of digits in one place says
    little of digits that are turned and stretched. `rank_decay=0` gives that dense network.

    The defaults are the paper's sizes. Its loss is the sum of squared errors of a picture, ours
    their mean, which Adam takes for the same.

    Args:
        image_shape: `(height, width, channels)` of the images. Defaults to `(40, 40, 1)`.
        conv_filters: As in `capszoo.models.CapsNet`, as are the others of convolutions and
            primary capsules. Defaults to `256`.
        conv_kernel_size: Size of the window. Defaults to `9`.
        conv_strides: Step between windows. Defaults to `1`.
        primary_types: How many types of primary capsules there are. Defaults to `32`.
        primary_dim: Size of a primary capsule's pose. Defaults to `8`.
        primary_kernel_size: Size of their window. Defaults to `9`.
        primary_strides: Step between their windows. Defaults to `2`.
        padding: `"valid"` or `"same"`, of all convolutions. Defaults to `"valid"`.
        latent_capsules: How many capsules a picture is made of. Defaults to `16`.
        pose_dim: Size of their poses. Defaults to `16`.
        rank_decay: How fast little is left of later ranks; 0 leaves all. Defaults to `12`.
        reading: How children are told by their number, `"positions"` or `"authors"`, see
            `capszoo.ops.strongest_coupling`. Defaults to `"positions"`.
        routing: How latent capsules are computed: a name of `capszoo.routing.names()`, a config
            or a `capszoo.routing.Routing`. Defaults to `"dynamic"`.
        decoder: Hidden units of the decoder. Defaults to `(512, 1024)`.
        normalization: As in `capszoo.models.inputs.ImageInput`. Defaults to `None`.
        **kwargs: Arguments of `capszoo.models.CapsuleAutoencoder` and
            `capszoo.models.inputs.ImageInput`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary: reconstructions `(batch, height, width, channels)` between 0 and 1, poses
        `(batch, latent_capsules, pose_dim)` before the mask, the mask `(batch, latent_capsules)`
        and the coupling `(batch, latent_capsules, children)`; `predict` gives the
        reconstructions.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, the image too small for
            the convolutions, or a routing gives children more than one vote.

    Example:

    >>> model = capszoo.models.SparseCapsNet((28, 28, 1), conv_filters=16, primary_types=4)
    >>> model.compile()
    >>> images = np.zeros((2, 28, 28, 1), "uint8")
    >>> model.encode(images).shape, model.reconstruct(images).shape
    ((2, 16, 16), (2, 28, 28, 1))

    Reference:

    - [Rawlinson, Ahmed, Kowadlo, 2018](https://arxiv.org/abs/1804.06094)
    """

    draws_parts = True

    def __init__(
        self,
        image_shape: ImageShape = (40, 40, 1),
        conv_filters: Count | Sequence[Count] = 256,
        conv_kernel_size: Size2D | Sequence[Size2D] = 9,
        conv_strides: Size2D | Sequence[Size2D] = 1,
        primary_types: Count = 32,
        primary_dim: Count = 8,
        primary_kernel_size: Size2D = 9,
        primary_strides: Size2D = 2,
        padding: Literal["valid", "same"] = "valid",
        latent_capsules: Count = 16,
        pose_dim: Count = 16,
        rank_decay: NonNegative = 12,
        reading: Literal["positions", "authors"] = "positions",
        routing: RoutingLike = "dynamic",
        decoder: Sequence[Count] = (512, 1024),
        normalization: ImageNormalization | None = None,
        **kwargs,
    ):
        layers = convolutions(conv_filters, conv_kernel_size, conv_strides, rank=2)
        if padding == "valid":
            windows = [(one.kernel_size, one.strides) for one in layers]
            check_fits(image_shape, [*windows, (primary_kernel_size, primary_strides)])
        super().__init__(image_shape=image_shape, normalization=normalization, **kwargs)
        self.routing = self.get_layer("latent_capsules").routing

    def body(self, features, dtype):
        routing = routings.get(self.routing, dtype=dtype)
        if routing.votes_per_child > 1:
            raise ValueError(
                "Latent capsules are ranked by the coupling of each child, which is one vote. "
                f"Received: routing={self.routing!r} with {routing.votes_per_child} votes a child"
            )
        layers = convolutions(self.conv_filters, self.conv_kernel_size, self.conv_strides, rank=2)
        initializer = keras.initializers.TruncatedNormal(stddev=0.05)
        features = stem(features, layers, self.padding, initializer, dtype)
        children = PrimaryCapsules(
            self.primary_types,
            self.primary_dim,
            self.primary_kernel_size,
            strides=self.primary_strides,
            padding=self.padding,
            kernel_initializer=primary_initializer(self.primary_kernel_size, layers[-1]),
            bias_initializer=keras.initializers.Constant(0.1),
            dtype=dtype,
            name="primary_capsules",
        )(features)
        *capsules, coupling = DenseCapsules(
            self.latent_capsules,
            self.pose_dim,
            routing=routing,
            dtype=dtype,
            name="latent_capsules",
        )(children, return_coupling=True)
        poses = capsules[0]
        if len(capsules) > 1:
            poses = ActivationToLength(dtype=dtype, name="activation_to_length")(tuple(capsules))
        masked, mask = RankMask(
            self.primary_types, self.rank_decay, self.reading, dtype=dtype, name="rank_mask"
        )(poses, coupling)
        made = DenseDecoder(self.example_shape, self.decoder, dtype=dtype, name="decoder")(masked)
        answer = keras.layers.Activation("linear", dtype="float32", name="answer")(made)
        return {"reconstructions": answer, "poses": poses, "mask": mask, "coupling": coupling}

    def parts(self, x, batch_size: int = 32) -> Parts:
        """Computes what the decoder makes of each latent capsule alone, as far as it is left.

        Args:
            x: Examples, as the input end takes them.
            batch_size: How many are computed at a time. Defaults to `32`.

        Returns:
            `Parts`: how present a capsule is says its mask; there are no places.
        """
        mask = self.predict_output("mask", x, batch_size)
        masked = self.encode(x, batch_size) * mask[..., None]
        alone = masked[:, :, None] * np.eye(masked.shape[1], dtype=masked.dtype)[..., None]
        decoder = self.get_layer("decoder")
        drawn = [keras.ops.convert_to_numpy(decoder(one)).astype("float32") for one in alone]
        return Parts(np.stack(drawn), mask, None)

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        if "decoder_units" in found:
            units = found.pop("decoder_units")
            found["decoder"] = [units, 2 * units]
        return found
