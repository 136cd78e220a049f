"""DeepCapsNet: cells of convolutional capsules, 3-D routing, a decoder that sees no class."""

import math
from collections.abc import Sequence

import keras

from capszoo import routing as routings
from capszoo.kinds import Count
from capszoo.kinds import ImageShape
from capszoo.kinds import NonNegative
from capszoo.kinds import Size2D
from capszoo.layers import CapsuleCell
from capszoo.layers import CapsuleLength
from capszoo.layers import Conv2D
from capszoo.layers import DeconvolutionDecoder
from capszoo.layers import DenseCapsules
from capszoo.models.kinds import Decoder
from capszoo.models.kinds import RoutingLike
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleClassifier


@register_family("deepcaps")
@keras.saving.register_keras_serializable(package="capszoo")
class DeepCapsNet(CapsuleClassifier):
    """Four cells of capsules with skips, the last of them routed.

        image - convolution, ReLU, batch normalization - [cell] x 4 - class capsules - length
                                                              - class-independent decoder

    A cell halves height and width; see `capszoo.layers.CapsuleCell`. The class capsules are voted
    for by those of the last two cells. What the decoder is given is the pose of one class capsule
    alone, so it cannot tell which class it is of.

    The defaults are the network of the paper's code for 28x28 images, with 8,500,337 trainable
    parameters; `image_shape=(64, 64, 3), decoder=(64, 32, 16, 8)` is that for 64x64, with
    13,426,995: it has four times as many children to vote for the classes. `resize=(64, 64)` takes
    smaller pictures as they are.

    Args:
        image_shape: `(height, width, channels)` of the images. Defaults to `(28, 28, 1)`.
        num_classes: How many classes there are. Defaults to `10`.
        conv_filters: Filters of the first convolution. Defaults to `128`.
        conv_kernel_size: Size of its window in pixels, one number or `(height, width)`.
            Defaults to `3`.
        cell_types: How many types of capsules each cell has; at least two cells.
            Defaults to `(32, 32, 32, 32)`.
        cell_dims: Size of the capsules' poses in each cell. Defaults to `(4, 8, 8, 8)`.
        cell_routing: How the skip of the last cell is computed; `None` for a convolution as in
            the other cells. Defaults to `"deepcaps"`.
        class_dim: Size of a class capsule's pose. Defaults to `32`.
        routing: How class capsules are computed. Defaults to `"dynamic"`.
        recompute: Whether the gradient makes the votes of the last cell and of the classes anew
            instead of keeping what they computed: less memory, more time. Defaults to `False`.
        decoder: Filters of a `capszoo.layers.DeconvolutionDecoder`, or as in
            `CapsuleClassifier` a layer, its config or `None`. Defaults to `(64, 32, 16)`.
        reconstruction_weight: As in `CapsuleClassifier`; `None` stands for 0.4 of the mean
            squared error. Defaults to `None`.
        **kwargs: Arguments of `capszoo.models.CapsuleClassifier` and of
            `capszoo.models.inputs.ImageInput`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary, see `CapsuleClassifier`; `predict` gives the scores
        `(batch, num_classes)`, lengths from 0 to 1.

    Raises:
        ValueError: If a size is not a positive integer, `cell_types` and `cell_dims` are of
            different length or of less than two, or an option is unknown.

    Example:

    >>> model = capszoo.models.DeepCapsNet(decoder=None)
    >>> model.count_params()
    8442176

    Reference:

    - [Rajasegaran et al., 2019](https://arxiv.org/abs/1904.09546)
    """

    def __init__(
        self,
        image_shape: ImageShape = (28, 28, 1),
        num_classes: Count = 10,
        conv_filters: Count = 128,
        conv_kernel_size: Size2D = 3,
        cell_types: Sequence[Count] = (32, 32, 32, 32),
        cell_dims: Sequence[Count] = (4, 8, 8, 8),
        cell_routing: RoutingLike | None = "deepcaps",
        class_dim: Count = 32,
        routing: RoutingLike = "dynamic",
        recompute: bool = False,
        decoder: Decoder | None = (64, 32, 16),
        reconstruction_weight: NonNegative | None = None,
        **kwargs,
    ):
        if len(cell_types) != len(cell_dims) or len(cell_types) < 2:
            raise ValueError(
                "Arguments `cell_types` and `cell_dims` must be of one length, at least 2. "
                f"Received: {tuple(cell_types)} and {tuple(cell_dims)}"
            )
        if cell_dims[-1] != cell_dims[-2]:
            raise ValueError(
                "The capsules of the last two cells vote for the classes together, so the last "
                f"two of `cell_dims` must be alike. Received: cell_dims={tuple(cell_dims)}"
            )
        if reconstruction_weight is None:
            reconstruction_weight = 0.4 / math.prod(image_shape)
        super().__init__(
            image_shape=image_shape,
            num_classes=num_classes,
            decoder=decoder,
            reconstruction_weight=reconstruction_weight,
            **kwargs,
        )
        self.routing = self.get_layer("class_capsules").routing

    def body(self, features, dtype):
        routing = routings.get(self.routing, dtype=dtype)
        cell_routing = None
        if self.cell_routing is not None:
            cell_routing = routings.serialize(routings.get(self.cell_routing, dtype=dtype))
            # One that Keras counts up would differ from model to model.
            cell_routing["config"]["name"] = "routing"
        features = Conv2D(
            self.conv_filters,
            self.conv_kernel_size,
            padding="same",
            activation="relu",
            dtype=dtype,
            name="conv",
        )(features)
        # What is squashed thirteen times depends on its scale: the moving one must be there soon.
        features = keras.layers.BatchNormalization(momentum=0.9, dtype=dtype, name="norm")(features)
        poses = keras.layers.Reshape((*features.shape[1:], 1), dtype=dtype, name="capsules")(
            features
        )
        of_cells = []
        for index, (types, pose_dim) in enumerate(
            zip(self.cell_types, self.cell_dims, strict=True)
        ):
            last = index == len(self.cell_types) - 1
            poses = CapsuleCell(
                types,
                pose_dim,
                routing=cell_routing if last else None,
                recompute=self.recompute,
                dtype=dtype,
                name=f"cell_{index + 1}",
            )(poses)
            of_cells.append(poses)
        children = [
            keras.layers.Reshape((-1, poses.shape[-1]), dtype=dtype, name=name)(poses)
            for name, poses in (("last", of_cells[-1]), ("last_but_one", of_cells[-2]))
        ]
        children = keras.layers.Concatenate(axis=-2, dtype=dtype, name="children")(children)
        *capsules, coupling = DenseCapsules(
            self.num_classes,
            self.class_dim,
            routing=routing,
            recompute=self.recompute,
            dtype=dtype,
            name="class_capsules",
        )(children, return_coupling=True)
        poses = self.poses_alone(capsules, dtype)
        scores = CapsuleLength(dtype="float32", name="scores")(poses)
        return scores, poses, coupling

    @classmethod
    def search_arguments(cls, values):
        decoder, width = values.get("decoder"), values.get("decoder_filters")
        given = {name: values[name] for name in values if not name.startswith("decoder")}
        found = super().search_arguments(given)
        if decoder is not None:
            found["decoder"] = [width, width // 2] if decoder else None
        if "cells" in found:
            cells, pose_dim = found.pop("cells"), found.pop("pose_dim")
            found["cell_types"] = [found["cell_types"]] * cells
            # The last two are alike, as both vote for the classes.
            narrow = [pose_dim // 2] if cells > 2 else [pose_dim]
            found["cell_dims"] = narrow + [pose_dim] * (cells - 1)
        return found

    @classmethod
    def make_decoder(cls, decoder, image_shape, dtype):
        if isinstance(decoder, (tuple, list)):
            return DeconvolutionDecoder(image_shape, decoder, dtype=dtype, name="decoder")
        return super().make_decoder(decoder, image_shape, dtype)
