"""StackedCapsuleAutoencoder: pictures made of parts, and parts of objects, without labels."""

import functools
from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np
from keras import ops

from capszoo.kinds import Count
from capszoo.kinds import Depth
from capszoo.kinds import ImageShape
from capszoo.kinds import NonNegative
from capszoo.kinds import Positive
from capszoo.kinds import Size2D
from capszoo.layers import NoisyPresence
from capszoo.layers import ObjectCapsules
from capszoo.layers import ObjectEncoder
from capszoo.layers import PartCapsules
from capszoo.layers import PartExplanation
from capszoo.layers import TemplateDecoder
from capszoo.losses import NoLoss
from capszoo.losses import presence_entropies
from capszoo.losses import presence_sparsity
from capszoo.models.kinds import ImageNormalization
from capszoo.models.parts import Parts
from capszoo.models.registry import register_family
from capszoo.models.stem import convolutions
from capszoo.models.stem import stem
from capszoo.models.tasks import CapsuleAutoencoder
from capszoo.ops import picture_likelihood
from capszoo.validation import check_fits

# Weights of the paper's code, in the sum of all losses.
_CHANGES = 10.0
_PRIOR_WITHIN, _PRIOR_BETWEEN = 2.0, 0.35
_POSTERIOR_WITHIN, _POSTERIOR_BETWEEN = 0.7, 0.2


@register_family("scae")
@keras.saving.register_keras_serializable(package="capszoo")
class StackedCapsuleAutoencoder(CapsuleAutoencoder):
    """Finds parts of pictures, and objects that explain the poses of the parts.

        image - convolutions - part capsules - templates placed by their poses - image
                                     └ set transformer - object capsules - votes for those poses

    A part capsule has a template of its own, a pose that places it on the picture, a presence and
    special features that colour it; pictures are a mixture of what the parts drew and a
    background. An object capsule votes for the pose of each part; poses of the parts are a mixture
    of these votes. Which objects are present is the code that clusters are looked for in:
    `codes` gives it.

    What is trained for is the sum of

    - the negative logarithm of the likelihood of the pixels, and that of the poses of the parts,
    - ten times half the squares of what changes the learnt relations of objects and parts,
    - how far objects are from each being present in one of `classes` (weights 2 and 0.35), and the
      entropy of what they explain in a picture (0.7), less that in a batch (0.2);

    with the optimizer's own loss, `NoLoss`, zero. See `capszoo.losses.presence_sparsity` and
    `presence_entropies`, which need batches of many pictures. Ours differs from the paper's code
    in weights of mixtures that sum to one, in a part that has no say where its template does not
    reach, and in a vector for each part where objects are told its template.

    Args:
        image_shape: `(height, width, channels)` of the images. Defaults to `(40, 40, 1)`.
        conv_filters: Filters of the convolutions, one number for one, or a sequence. Defaults to
            `(128, 128, 128, 128)`.
        conv_kernel_size: Size of their windows. Defaults to `3`.
        conv_strides: Steps between these. Defaults to `(2, 2, 1, 1)`.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.
        num_parts: How many part capsules there are. Defaults to `40`.
        feature_dim: How many special features each has. Defaults to `16`.
        template_size: Rows and columns of the templates. Defaults to `11`.
        pixel_deviation: How far a pixel may be from what was drawn. Defaults to `1.0`.
        num_objects: How many object capsules there are. Defaults to `32`.
        object_dim: How many numbers the set transformer gives each. Defaults to `256`.
        attention_layers: How many layers it has. Defaults to `3`.
        attention_dim: Size of a part in these. Defaults to `16`.
        object_units: Hidden units of the object capsules. Defaults to `128`.
        classes: How many kinds of pictures there are thought to be. Defaults to `10`.
        noise: Of the presences in training, see `capszoo.layers.NoisyPresence`. Defaults to `2.0`.
        normalization: As in `capszoo.models.inputs.ImageInput`. Defaults to `None`.
        **kwargs: Arguments of `capszoo.models.CapsuleAutoencoder` and
            `capszoo.models.inputs.ImageInput`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary: reconstructions `(batch, height, width, channels)` between 0 and 1, poses of
        the objects `(batch, objects, 6)` and their presence `(batch, objects)`, what explains
        which part, its posterior `(batch, objects, parts)`, and what its losses are about;
        `predict` gives the reconstructions.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown or the image too small
            for the convolutions.

    Example:

    >>> model = capszoo.models.StackedCapsuleAutoencoder(
    ...     (28, 28, 1), conv_filters=(8, 8), conv_strides=2, num_parts=6, num_objects=4
    ... )
    >>> model.compile()
    >>> images = np.zeros((2, 28, 28, 1), "uint8")
    >>> model.codes(images).shape, model.parts(images).pictures.shape
    ((2, 4), (2, 6, 28, 28, 1))

    Reference:

    - [Kosiorek et al., 2019](https://arxiv.org/abs/1906.06818)
    """

    draws_parts = True

    def __init__(
        self,
        image_shape: ImageShape = (40, 40, 1),
        conv_filters: Count | Sequence[Count] = (128, 128, 128, 128),
        conv_kernel_size: Size2D | Sequence[Size2D] = 3,
        conv_strides: Size2D | Sequence[Size2D] = (2, 2, 1, 1),
        padding: Literal["valid", "same"] = "valid",
        num_parts: Count = 40,
        feature_dim: Count = 16,
        template_size: Size2D = 11,
        pixel_deviation: Positive = 1.0,
        num_objects: Count = 32,
        object_dim: Count = 256,
        attention_layers: Depth = 3,
        attention_dim: Count = 16,
        object_units: Count = 128,
        classes: Count = 10,
        noise: NonNegative = 2.0,
        normalization: ImageNormalization | None = None,
        **kwargs,
    ):
        layers = convolutions(conv_filters, conv_kernel_size, conv_strides, rank=2)
        if padding == "valid":
            check_fits(image_shape, [(one.kernel_size, one.strides) for one in layers])
        super().__init__(image_shape=image_shape, normalization=normalization, **kwargs)

    def body(self, features, dtype):
        layers = convolutions(self.conv_filters, self.conv_kernel_size, self.conv_strides, rank=2)
        features = stem(features, layers, self.padding, "he_normal", dtype)
        places, logits, special = PartCapsules(
            self.num_parts, self.feature_dim, dtype=dtype, name="part_capsules"
        )(features)
        part_presence = NoisyPresence(self.noise, dtype=dtype, name="part_presence")(logits)
        answer, drawn, drawn_logits = TemplateDecoder(
            self.example_shape, self.template_size, dtype=dtype, name="decoder"
        )(places, part_presence, special)
        described = ObjectEncoder(
            self.num_objects,
            self.object_dim,
            self.attention_layers,
            self.attention_dim,
            dtype=dtype,
            name="object_encoder",
        )(places, part_presence, special)
        poses, votes, deviations, logits, in_objects, changes = ObjectCapsules(
            self.num_parts, self.object_units, dtype=dtype, name="object_capsules"
        )(described)
        presence = NoisyPresence(self.noise, dtype=dtype, name="presence")(logits)
        in_objects = NoisyPresence(self.noise, dtype=dtype, name="vote_presence")(in_objects)
        density, posterior = PartExplanation(dtype=dtype, name="explanation")(
            places, votes, deviations, presence, in_objects
        )
        return {
            "reconstructions": answer,
            "poses": poses,
            "presence": presence,
            "posterior": posterior,
            "part_places": places,
            "part_presence": part_presence,
            "part_density": density,
            "drawn": drawn,
            "drawn_logits": drawn_logits,
            "changes": changes,
        }

    def default_loss(self):
        return NoLoss()

    def extra_loss(self, x, y, outputs, sample_weight, training):
        mean = functools.partial(self.mean_of_examples, sample_weight=sample_weight)
        drawn, logits = outputs["drawn"], outputs["drawn_logits"]
        pixels = picture_likelihood(y, drawn, logits, self.pixel_deviation)
        part_presence = ops.stop_gradient(outputs["part_presence"])
        of_parts = ops.sum(part_presence * outputs["part_density"], axis=1)
        likelihood = mean(ops.sum(pixels, axis=(1, 2, 3))) + mean(of_parts)
        changes = 0.5 * mean(ops.sum(ops.square(outputs["changes"]), axis=(1, 2, 3)))
        # How examples of a batch differ is a matter of all of them, whatever their weights.
        within, between = presence_sparsity(outputs["presence"], self.classes)
        explained = ops.sum(outputs["posterior"] * part_presence[:, None], axis=2)
        of_each, of_batch = presence_entropies(explained)
        return (
            -likelihood
            + _CHANGES * changes
            + _PRIOR_WITHIN * within
            + _PRIOR_BETWEEN * between
            + _POSTERIOR_WITHIN * of_each
            - _POSTERIOR_BETWEEN * of_batch
        )

    def codes(self, x, batch_size: int = 32) -> np.ndarray:
        """Computes how present each object is in examples.

        Args:
            x: Examples, as the input end takes them.
            batch_size: How many are computed at a time. Defaults to `32`.

        Returns:
            NumPy array `(n, num_objects)`.
        """
        return self.predict_output("presence", x, batch_size)

    def parts(self, x, batch_size: int = 32) -> Parts:
        """Computes what each part capsule drew, where and how present it is.

        Args:
            x: Examples, as the input end takes them.
            batch_size: How many are computed at a time. Defaults to `32`.

        Returns:
            `capszoo.models.Parts`.
        """
        drawn = self.predict_output("drawn", x, batch_size)[:, :-1]
        presence = self.predict_output("part_presence", x, batch_size)
        return Parts(drawn, presence, self.predict_output("part_places", x, batch_size))

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        if "conv_layers" in found:
            layers = found.pop("conv_layers")
            found["conv_filters"] = [found["conv_filters"]] * layers
            # The first two halve the picture.
            found["conv_strides"] = [2 if number < 2 else 1 for number in range(layers)]
        return found
