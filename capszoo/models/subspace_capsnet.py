"""SubspaceCapsNet: capsules that are projections onto subspaces, without routing."""

import math
from collections.abc import Sequence
from typing import Literal

import keras

from capszoo.kinds import Count
from capszoo.kinds import ImageShape
from capszoo.kinds import Size2D
from capszoo.layers import CapsuleLength
from capszoo.layers import Conv2D
from capszoo.layers import SubspaceConv2D
from capszoo.layers import SubspaceDense
from capszoo.losses import SoftmaxCrossentropy
from capszoo.models.kinds import Decoder
from capszoo.models.kinds import ImageNormalization
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleClassifier


@register_family("subspace_capsnet")
@keras.saving.register_keras_serializable(package="capszoo")
class SubspaceCapsNet(CapsuleClassifier):
    """A network whose capsules hold what of a window lies in their subspace.

        image - convolution, ReLU - [subspace capsules, half as fine] x n
              - a subspace for each class, of the capsules of all positions - lengths

    The layers are those of the paper, see `capszoo.layers.SubspaceConv2D`; how they stand behind
    each other is our own, for the paper's classifiers are not released. Capsules are computed in
    closed form: there is no routing, and for given weights each layer is an ordinary convolution.
    `folded()` gives the network of these, which computes the same without any projection.

    Scores are the lengths of the class capsules, any numbers from 0 on, and the default loss the
    cross-entropy of their softmax.

    Args:
        image_shape: `(height, width, channels)` of the images. Defaults to `(28, 28, 1)`.
        num_classes: How many classes there are. Defaults to `10`.
        conv_filters: Filters of the convolution. Defaults to `32`.
        conv_kernel_size: Height and width of its window. Defaults to `3`.
        capsule_types: How many capsule types each layer of subspace capsules has; each halves
            height and width. Defaults to `(16, 16, 32)`.
        capsule_dims: Size of their poses, a sequence of the same length. Defaults to `(4, 8, 8)`.
        kernel_size: Height and width of their windows. Defaults to `3`.
        class_dim: Size of a class capsule's pose. Defaults to `8`.
        activation: What follows each layer: `"threshold"` or `"squash"`, see
            `capszoo.layers.subspaces`. Defaults to `"threshold"`.
        fold: Whether layers are plain convolutions with kernels that were projected before, as
            `folded()` makes them. Defaults to `False`.
        decoder: As in `capszoo.models.CapsuleClassifier`. Defaults to `None`.
        normalization: As in `capszoo.models.inputs.ImageInput`. Defaults to `"per_image"`.
        **kwargs: Arguments of `capszoo.models.CapsuleClassifier` and
            `capszoo.models.inputs.ImageInput`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        A dictionary: scores `(batch, num_classes)`, poses `(batch, num_classes, class_dim)` and,
        with a decoder, reconstructions; `predict` gives the scores.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, sequences differ in
            length or the image cannot be halved as often.

    Example:

    >>> model = capszoo.models.SubspaceCapsNet((28, 28, 1))
    >>> model.compile()
    >>> model.predict(np.zeros((2, 28, 28, 1), "uint8"), verbose=0).shape
    (2, 10)

    Reference:

    - [Edraki, Rahnavard, Shah, 2020](https://arxiv.org/abs/2002.02924)
    """

    def __init__(
        self,
        image_shape: ImageShape = (28, 28, 1),
        num_classes: Count = 10,
        conv_filters: Count = 32,
        conv_kernel_size: Size2D = 3,
        capsule_types: Sequence[Count] = (16, 16, 32),
        capsule_dims: Sequence[Count] = (4, 8, 8),
        kernel_size: Size2D = 3,
        class_dim: Count = 8,
        activation: Literal["threshold", "squash"] = "threshold",
        fold: bool = False,
        decoder: Decoder | None = None,
        normalization: ImageNormalization | None = "per_image",
        **kwargs,
    ):
        if len(capsule_types) == 0 or len(capsule_types) != len(capsule_dims):
            raise ValueError(
                "Arguments `capsule_types` and `capsule_dims` must be of one length, at least 1. "
                f"Received: {tuple(capsule_types)} and {tuple(capsule_dims)}"
            )
        smallest = 2 ** len(capsule_types)
        if min(image_shape[:2]) < smallest:
            raise ValueError(
                f"{len(capsule_types)} layers halve the image as often: it must be at least "
                f"{smallest}x{smallest}. Received: image_shape={tuple(image_shape)}"
            )
        super().__init__(
            image_shape=image_shape,
            num_classes=num_classes,
            decoder=decoder,
            normalization=normalization,
            **kwargs,
        )

    def body(self, features, dtype):
        features = Conv2D(
            self.conv_filters,
            self.conv_kernel_size,
            padding="same",
            activation="relu",
            kernel_initializer="he_normal",
            dtype=dtype,
            name="conv",
        )(features)
        layers = zip(self.capsule_types, self.capsule_dims, strict=True)
        for number, (types, pose_dim) in enumerate(layers, start=1):
            poses = SubspaceConv2D(
                types,
                pose_dim,
                self.kernel_size,
                strides=2,
                padding="same",
                activation=self.activation,
                folded=self.fold,
                dtype=dtype,
                name=f"capsules_{number}",
            )(features)
            flat = (*poses.shape[1:3], math.prod(poses.shape[3:]))
            features = keras.layers.Reshape(flat, dtype=dtype, name=f"features_{number}")(poses)
        features = keras.layers.Flatten(
            data_format="channels_last", dtype=dtype, name="all_positions"
        )(features)
        poses = SubspaceDense(
            self.num_classes,
            self.class_dim,
            folded=self.fold,
            dtype=dtype,
            name="class_capsules",
        )(features)
        return CapsuleLength(dtype="float32", name="scores")(poses), poses

    def folded(self):
        """Makes the same network of plain convolutions, which project nothing any more.

        Returns:
            A `SubspaceCapsNet` with `fold=True` that computes the same.

        Example:

        >>> model = capszoo.models.SubspaceCapsNet((8, 8, 1), capsule_types=[4], capsule_dims=[4])
        >>> images = np.ones((1, 8, 8, 1), "uint8")
        >>> plain = model.folded().predict(images, verbose=0)
        >>> bool(np.abs(plain - model.predict(images, verbose=0)).max() < 1e-5)
        True
        """
        other = type(self).from_config({**self.get_config(), "fold": True})
        for own, made in zip(self.layers, other.layers, strict=True):
            folds = isinstance(own, (SubspaceConv2D, SubspaceDense))
            made.set_weights(own.folded_weights() if folds else own.get_weights())
        return other

    def default_loss(self):
        return SoftmaxCrossentropy()

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        if "capsule_layers" in found:
            layers = found.pop("capsule_layers")
            found["capsule_types"] = [found["capsule_types"]] * layers
            found["capsule_dims"] = [found.pop("pose_dim")] * layers
        return found
