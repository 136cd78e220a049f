"""FacePartsCapsNet: pictures shared out among subparts, and these among parts, without labels."""

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
from capszoo.layers import ObjectEncoder
from capszoo.layers import SubpartCapsules
from capszoo.layers import SubpartDecoder
from capszoo.layers import SubpartParsing
from capszoo.losses import NoLoss
from capszoo.losses import presence_entropies
from capszoo.models.kinds import ImageNormalization
from capszoo.models.parts import Parts
from capszoo.models.registry import register_family
from capszoo.models.stem import convolutions
from capszoo.models.stem import stem
from capszoo.models.tasks import CapsuleAutoencoder
from capszoo.ops import picture_likelihood
from capszoo.validation import check_fits

# Weights in the sum of all losses, beside 1 for the likelihood of a pixel.
_PARSING = 0.1
_SHARED = 0.1
_UNDIVIDED = 0.1


@register_family("face_parts_capsnet")
@keras.saving.register_keras_serializable(package="capszoo")
class FacePartsCapsNet(CapsuleAutoencoder):
    """Learns which parts pictures of one kind of thing have, such as faces, from pictures alone.

        image - convolutions - subpart capsules - shapes that compete for pixels - image
                                      └ set transformer - part capsules - votes for their places

    A subpart capsule looks for something around a home of its own. What it finds gives it a place,
    a presence and features; these change a learnt shape and a learnt appearance, and shapes compete
    for each pixel, so that a picture is shared out among those who are visible. A part capsule
    holds some of the subparts: it votes for where each of them is. How much of a pixel is of a
    part is the sum of what its subparts have of it, each as far as it belongs to the part.

    What is trained for is the sum of

    - the negative logarithm of the likelihood of a pixel, drawn by one of the subparts,
    - a tenth of that of the places of the subparts, by the votes of the parts,
    - less a tenth of the entropy of the shares that subparts have of the pixels of a batch, and of
      those that parts have of its subparts: none is to be left with nothing;
    - and a tenth of the entropy of to which part a subpart belongs: it is to be one;

    with the optimizer's own loss, `NoLoss`, zero.

    The idea of two levels, subparts by which pictures are drawn and parts that a transformer
    parses them into, with masks of what is visible, is that of the abstract of HP-Capsule. All
    else is ours, and none of its figures is claimed.

    Args:
        image_shape: `(height, width, channels)` of the images. Defaults to `(64, 64, 1)`.
        conv_filters: Filters of the convolutions, one number for one, or a sequence. Defaults to
            `(16, 32, 32, 32)`.
        conv_kernel_size: Size of their windows. Defaults to `5`.
        conv_strides: Steps between these. Defaults to `(2, 2, 1, 1)`.
        padding: `"valid"` or `"same"`. Defaults to `"same"`.
        num_subparts: How many subpart capsules there are. Defaults to `16`.
        feature_dim: How many features each has. Defaults to `4`.
        reach: How far from its home a subpart looks, on a picture of side 2. Defaults to `0.25`.
        subpart_size: Half the side of a subpart of scale 1. Defaults to `0.4`.
        shape_size: Rows and columns of the templates of shapes. Defaults to `9`.
        appearance_size: Those of the templates of appearances; `1` is one colour. Defaults to `1`.
        steepness: As in `capszoo.layers.SubpartDecoder`. Defaults to `2.0`.
        pixel_deviation: How far a pixel may be from what was drawn. Defaults to `0.1`.
        num_parts: How many part capsules there are. Defaults to `6`.
        part_dim: How many numbers the set transformer gives each. Defaults to `32`.
        attention_layers: How many layers it has. Defaults to `2`.
        attention_dim: Size of a subpart in these. Defaults to `32`.
        part_reach: How far from a part its subparts may lie. Defaults to `0.3`.
        noise: Of the presences in training, see `capszoo.layers.NoisyPresence`. Defaults to `1.0`.
        normalization: As in `capszoo.models.inputs.ImageInput`. Defaults to `"per_image"`.
        **kwargs: Arguments of `capszoo.models.CapsuleAutoencoder` and
            `capszoo.models.inputs.ImageInput`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary: reconstructions `(batch, height, width, channels)` between 0 and 1, poses of
        the subparts `(batch, subparts, 6 + feature_dim)`, their place and features, and their
        presence `(batch, subparts)`; what they drew and how visible it is; places and presence of
        the parts, and what belongs to each, `(batch, parts, subparts)`; `predict` gives the
        reconstructions.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown or the image too small
            for the convolutions.

    Example:

    >>> model = capszoo.models.FacePartsCapsNet(
    ...     (16, 16, 1), conv_filters=(8, 8), conv_strides=2, num_subparts=6, num_parts=3
    ... )
    >>> model.compile()
    >>> parts = model.parts(np.zeros((2, 16, 16, 1), "uint8"))
    >>> parts.masks.shape, parts.presence.shape
    ((2, 3, 16, 16), (2, 3))

    Reference:

    - [Yu et al., 2022](https://arxiv.org/abs/2203.10699), after its abstract
    """

    draws_parts = True

    def __init__(
        self,
        image_shape: ImageShape = (64, 64, 1),
        conv_filters: Count | Sequence[Count] = (16, 32, 32, 32),
        conv_kernel_size: Size2D | Sequence[Size2D] = 5,
        conv_strides: Size2D | Sequence[Size2D] = (2, 2, 1, 1),
        padding: Literal["valid", "same"] = "same",
        num_subparts: Count = 16,
        feature_dim: Count = 4,
        reach: Positive = 0.25,
        subpart_size: Positive = 0.4,
        shape_size: Size2D = 9,
        appearance_size: Size2D = 1,
        steepness: NonNegative = 2.0,
        pixel_deviation: Positive = 0.1,
        num_parts: Count = 6,
        part_dim: Count = 32,
        attention_layers: Depth = 2,
        attention_dim: Count = 32,
        part_reach: Positive = 0.3,
        noise: NonNegative = 1.0,
        normalization: ImageNormalization | None = "per_image",
        **kwargs,
    ):
        layers = convolutions(conv_filters, conv_kernel_size, conv_strides, rank=2)
        if padding == "valid":
            check_fits(image_shape, [(one.kernel_size, one.strides) for one in layers])
        super().__init__(image_shape=image_shape, normalization=normalization, **kwargs)

    def body(self, features, dtype):
        layers = convolutions(self.conv_filters, self.conv_kernel_size, self.conv_strides, rank=2)
        features = stem(features, layers, self.padding, "he_normal", dtype)
        places, logits, special = SubpartCapsules(
            self.num_subparts,
            self.feature_dim,
            self.reach,
            self.subpart_size,
            dtype=dtype,
            name="subpart_capsules",
        )(features)
        presence = NoisyPresence(self.noise, dtype=dtype, name="presence")(logits)
        answer, drawn, visible = SubpartDecoder(
            self.example_shape,
            self.shape_size,
            self.appearance_size,
            self.steepness,
            dtype=dtype,
            name="decoder",
        )(places, presence, special)
        described = ObjectEncoder(
            self.num_parts,
            self.part_dim,
            self.attention_layers,
            self.attention_dim,
            dtype=dtype,
            name="part_encoder",
        )(places, presence, special)
        part_places, part_presence, density, belongs = SubpartParsing(
            self.num_subparts, reach=self.part_reach, dtype=dtype, name="parsing"
        )(described, places, presence)
        flat = keras.layers.Reshape((self.num_subparts, 6), dtype="float32", name="flat")(places)
        return {
            "reconstructions": answer,
            "poses": keras.layers.Concatenate(dtype="float32", name="poses")([flat, special]),
            "presence": presence,
            "drawn": drawn,
            "visible": visible,
            "part_places": part_places,
            "part_presence": part_presence,
            "place_density": density,
            "belongs": belongs,
        }

    def default_loss(self):
        return NoLoss()

    def extra_loss(self, x, y, outputs, sample_weight, training):
        mean = functools.partial(self.mean_of_examples, sample_weight=sample_weight)
        visible = outputs["visible"]
        pixels = picture_likelihood(y, outputs["drawn"], visible, self.pixel_deviation)
        present = ops.stop_gradient(outputs["presence"])
        of_places = ops.mean(present * outputs["place_density"], axis=1)
        # How shares are spread is a matter of all examples, whatever their weights.
        areas = ops.mean(ops.exp(visible), axis=(2, 3, 4))
        _, areas_of_batch = presence_entropies(areas)
        belongs = ops.reshape(ops.transpose(outputs["belongs"], (0, 2, 1)), (-1, self.num_parts))
        of_each, of_batch = presence_entropies(belongs)
        return (
            -mean(ops.mean(pixels, axis=(1, 2, 3)))
            - _PARSING * mean(of_places)
            - _SHARED * (areas_of_batch + of_batch)
            + _UNDIVIDED * of_each
        )

    def subparts(self, x, batch_size: int = 32) -> Parts:
        """Computes what each subpart capsule has of a picture, and what it drew there.

        Args:
            x: Examples, as the input end takes them.
            batch_size: How many are computed at a time. Defaults to `32`.

        Returns:
            `capszoo.models.Parts`, of the subparts; their pictures sum to the reconstruction.
        """
        masks = np.exp(self.predict_output("visible", x, batch_size))
        places = self.encode(x, batch_size)[..., :6]
        return Parts(
            masks * self.predict_output("drawn", x, batch_size),
            self.predict_output("presence", x, batch_size),
            places.reshape(*places.shape[:2], 2, 3),
            masks[..., 0],
        )

    def parts(self, x, batch_size: int = 32) -> Parts:
        """Computes what each part capsule has of a picture, by its subparts, and what these drew.

        Args:
            x: Examples, as the input end takes them.
            batch_size: How many are computed at a time. Defaults to `32`.

        Returns:
            `capszoo.models.Parts`; the pictures sum to the reconstruction and the masks to 1.
        """
        belongs = self.predict_output("belongs", x, batch_size)
        subparts = self.subparts(x, batch_size)
        return Parts(
            np.einsum("bkn,bnhwc->bkhwc", belongs, subparts.pictures),
            self.predict_output("part_presence", x, batch_size),
            self.predict_output("part_places", x, batch_size),
            np.einsum("bkn,bnhw->bkhw", belongs, np.asarray(subparts.masks)),
        )

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        if "conv_layers" in found:
            layers = found.pop("conv_layers")
            found["conv_filters"] = [found["conv_filters"]] * layers
            # One halves the picture: a map on which homes of many subparts stay apart.
            found["conv_strides"] = [2, *[1] * (layers - 1)]
        return found
