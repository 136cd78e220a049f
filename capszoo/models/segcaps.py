"""SegCaps: capsules that segment pictures, down to coarse maps and up again."""

import functools
import math
from collections.abc import Sequence
from typing import Literal

import keras

from capszoo import routing as routings
from capszoo.kinds import Count
from capszoo.kinds import ImageShape
from capszoo.kinds import NonNegative
from capszoo.kinds import Size2D
from capszoo.layers import ActivationToLength
from capszoo.layers import CapsuleLength
from capszoo.layers import ClassProbabilities
from capszoo.layers import Conv2D
from capszoo.layers import ConvCapsules2D
from capszoo.layers import TransposedConvCapsules2D
from capszoo.models.kinds import RoutingLike
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleSegmenter
from capszoo.validation import check_size

# Of the layers that double the resolution, as in the authors' code.
_UP_KERNEL_SIZE = 4
# A normal distribution that is cut off at two standard deviations has this one.
_STDDEV_OF_TRUNCATED = 0.87962566103423978


@register_family("segcaps")
@keras.saving.register_keras_serializable(package="capszoo")
class SegCaps(CapsuleSegmenter):
    """The capsule network of LaLonde and Bagci, for segmentation.

        image - convolution, ReLU - primary capsules, half as fine
              - [capsules - capsules, half as fine] for each resolution but the coarsest
              - capsules of the coarsest resolution
              - [capsules, twice as fine - beside those of the way down - capsules] back up
              - capsules, twice as fine - beside the convolution - class capsules - lengths

    All capsules have transforms that are shared by positions and child types, and routing is
    locally constrained: a parent's children are those in the window around it. On the way down a
    layer that halves the resolution keeps the types and doubles the size of poses; on the way
    up capsules are like those of the same resolution on the way down, and stand beside them as
    children of the next layer.

    Of two classes there is one class capsule, as in the paper: its length is the probability of
    the foreground. Of more, each class has one, and probabilities are a softmax of ten times the
    lengths; see `capszoo.layers.ClassProbabilities`.

    With the defaults it is the paper's network (SegCaps R3), of 1,416,112 parameters and 9,537 of
    the reconstruction. SegCaps R1 is the one with `routed_layers="resolution_changes"`. What
    differs: pictures are standardized one by one, transforms of layers that double the resolution
    start larger, by what a parent sees, and the default loss adds the soft Dice loss to the
    cross-entropy. The released layer also mixes the capsules of different images of a batch; here
    a batch is many images.

    Args:
        image_shape: `(height, width, channels)` of the images. Height and width must be divisible
            by 2 for each of the resolutions. Defaults to `(512, 512, 1)`.
        num_classes: How many classes there are, the background among them. Defaults to `2`.
        conv_filters: Filters of the convolution. Defaults to `16`.
        kernel_size: Height and width of all windows in positions, but for the transposed
            convolutions' 4x4 and the class capsules' 1x1. Defaults to `5`.
        primary_types: How many types of primary capsules there are. Defaults to `2`.
        primary_dim: Size of a primary capsule's pose. Defaults to `16`.
        capsule_types: How many types of capsules there are at each resolution, the finest, half
            that of the image, first. Defaults to `(4, 8, 8)`.
        capsule_dims: Size of their poses. Defaults to `(16, 32, 32)`.
        decoder_types: How many types of capsules there are after capsules of both ways stand
            beside each other; a sequence shorter by one. Defaults to `(4, 4)`.
        class_dim: Size of a class capsule's pose. Defaults to `16`.
        routing: How capsules are computed: a name of `capszoo.routing.names()`, a config or a
            `capszoo.routing.Routing`. Primary capsules have dynamic routing of one iteration.
            Defaults to `"dynamic"`.
        routed_layers: `"all"`, or `"resolution_changes"` for a single iteration in all layers but
            those that halve or double the resolution. Defaults to `"all"`.
        reconstruction_filters: Filters of the 1x1 convolutions with ReLU that reconstruct the
            picture, before the last; `None` for no reconstruction. Defaults to `(64, 128)`.
        reconstruction_weight: Weight of the mean squared error of the reconstruction on the true
            foreground. Defaults to `None`, for 0.1 where there is a reconstruction.
        recompute: Whether the gradient makes votes and routing anew instead of keeping what they
            computed: less memory, more time. Defaults to `False`.
        **kwargs: Arguments of `capszoo.models.CapsuleSegmenter` and of the input end.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        A dictionary: probabilities and lengths `(batch, height, width, num_classes)`, poses
        `(batch, height, width, capsules, class_dim)`, of one capsule where there are two classes,
        and reconstructions of the shape of the images, pixel values between 0 and 1; `predict`
        gives the probabilities.

    Raises:
        ValueError: If an argument is not as above or the image cannot be halved as often.

    Example:

    >>> model = capszoo.models.SegCaps((32, 32, 1), capsule_types=(2, 2), capsule_dims=(4, 8),
    ...                                decoder_types=(2,))
    >>> model.compile()
    >>> model.predict(np.zeros((1, 32, 32, 1), "float32"), verbose=0).shape
    (1, 32, 32, 2)

    Reference:

    - [LaLonde, Bagci, 2018](https://arxiv.org/abs/1804.04241)
    """

    def __init__(
        self,
        image_shape: ImageShape = (512, 512, 1),
        num_classes: Count = 2,
        conv_filters: Count = 16,
        kernel_size: Size2D = 5,
        primary_types: Count = 2,
        primary_dim: Count = 16,
        capsule_types: Sequence[Count] = (4, 8, 8),
        capsule_dims: Sequence[Count] = (16, 32, 32),
        decoder_types: Sequence[Count] = (4, 4),
        class_dim: Count = 16,
        routing: RoutingLike = "dynamic",
        routed_layers: Literal["all", "resolution_changes"] = "all",
        reconstruction_filters: Sequence[Count] | None = (64, 128),
        reconstruction_weight: NonNegative | None = None,
        recompute: bool = False,
        **kwargs,
    ):
        if reconstruction_weight is None:
            reconstruction_weight = 0.0 if reconstruction_filters is None else 0.1
        resolutions = len(capsule_types)
        lengths = (len(capsule_dims), len(decoder_types) + 1)
        if resolutions == 0 or lengths != (resolutions, resolutions):
            raise ValueError(
                "Arguments `capsule_types` and `capsule_dims` must be of one length, at least 1, "
                f"and `decoder_types` shorter by one. Received: {tuple(capsule_types)}, "
                f"{tuple(capsule_dims)} and {tuple(decoder_types)}"
            )
        step = 2**resolutions
        if any(size % step for size in image_shape[:2]):
            raise ValueError(
                f"SegCaps with {resolutions} resolutions halves the image as often: its height "
                f"and width must be divisible by {step}. Received: image_shape={image_shape}"
            )
        super().__init__(
            image_shape=image_shape,
            num_classes=num_classes,
            reconstruction_weight=reconstruction_weight,
            **kwargs,
        )
        # Each layer has its own, all alike; one that stayed unbuilt would keep Keras building.
        self.routing = self.get_layer("up_1").routing

    def body(self, features, dtype):
        convolved = Conv2D(
            self.conv_filters,
            self.kernel_size,
            padding="same",
            activation="relu",
            kernel_initializer="he_normal",
            dtype=dtype,
            name="conv",
        )(features)
        shape = (*convolved.shape[1:-1], 1, self.conv_filters)
        finest = keras.layers.Reshape(shape, dtype=dtype, name="capsules")(convolved)
        same = functools.partial(self._capsules, ConvCapsules2D, self.kernel_size, 1, dtype)
        half = functools.partial(self._capsules, ConvCapsules2D, self.kernel_size, 2, dtype)
        double = functools.partial(
            self._capsules, TransposedConvCapsules2D, _UP_KERNEL_SIZE, 2, dtype
        )
        resolutions = list(zip(self.capsule_types, self.capsule_dims, strict=True))

        poses = half(finest, self.primary_types, self.primary_dim, "primary_capsules")
        on_the_way_down = []
        for number, (types, pose_dim) in enumerate(resolutions, start=1):
            poses = same(poses, types, pose_dim, f"encoder_{number}")
            if number < len(resolutions):
                on_the_way_down.append(poses)
                poses = half(poses, types, 2 * pose_dim, f"down_{number}")
        for number in range(len(resolutions) - 1, 0, -1):
            types, pose_dim = resolutions[number - 1]
            poses = double(poses, types, pose_dim, f"up_{number + 1}")
            poses = _beside(poses, on_the_way_down.pop(), f"beside_{number + 1}", dtype)
            poses = same(poses, self.decoder_types[number - 1], pose_dim, f"decoder_{number}")
        poses = double(poses, self.primary_types, self.conv_filters, "up_1")
        poses = _beside(poses, finest, "beside_1", dtype)
        return self._outputs(poses, dtype)

    def _capsules(self, layer, kernel_size, strides, dtype, poses, types, pose_dim, name):
        """Makes capsules whose maps are as fine as their children's, half or twice as fine."""
        alone = name == "primary_capsules" or (strides == 1 and self.routed_layers != "all")
        routing = routings.serialize(
            routings.get("uniform" if alone else self.routing, dtype=dtype), dtype=dtype
        )
        routing["config"]["name"] = "routing"  # one that Keras counts up would differ by model
        made = layer(
            types,
            pose_dim,
            kernel_size,
            strides=strides,
            padding="same",
            share_types=True,
            routing=routing,
            kernel_initializer=_he_normal(layer, kernel_size, strides, poses.shape[-1]),
            recompute=self.recompute,
            dtype=dtype,
            name=name,
        )(poses)
        if isinstance(made, (tuple, list)):
            made = ActivationToLength(dtype=dtype, name=f"{name}_length")(tuple(made))
        return made

    def _outputs(self, poses, dtype):
        capsules = 1 if self.num_classes == 2 else self.num_classes
        same = functools.partial(self._capsules, ConvCapsules2D, 1, 1, dtype)
        poses = same(poses, capsules, self.class_dim, "class_capsules")
        lengths = CapsuleLength(dtype="float32", name="lengths")(poses)
        probabilities = ClassProbabilities(dtype="float32", name="probabilities")(lengths)
        outputs = {
            "probabilities": probabilities,
            # Of a single capsule, the background is as present as the foreground is not.
            "lengths": probabilities if capsules == 1 else lengths,
            "poses": poses,
        }
        if self.reconstruction_filters is not None:
            outputs["reconstructions"] = self._reconstructions(poses, probabilities, dtype)
        return outputs

    def _reconstructions(self, poses, probabilities, dtype):
        """Decodes the pose at each position: of several class capsules, as they are probable."""
        if self.num_classes > 2:
            poses = ActivationToLength(dtype=dtype, name="probable_poses")((poses, probabilities))
        size = poses.shape[1:3]
        features = keras.layers.Reshape((*size, -1), dtype=dtype, name="masked_poses")(poses)
        for number, filters in enumerate(self.reconstruction_filters, start=1):
            features = Conv2D(
                filters, 1, activation="relu", dtype=dtype, name=f"reconstruction_{number}"
            )(features)
        channels = self.example_shape[-1]
        return Conv2D(channels, 1, activation="sigmoid", dtype=dtype, name="reconstructions")(
            features
        )

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        if "resolutions" in found:
            # Poses grow from resolution to resolution, types do not.
            resolutions, types = found.pop("resolutions"), found["capsule_types"]
            pose_dim = found.pop("pose_dim")
            found["capsule_dims"] = [pose_dim << down for down in range(resolutions)]
            found["capsule_types"] = [types] * resolutions
            found["decoder_types"] = [types] * (resolutions - 1)
        if isinstance(found.get("reconstruction_filters"), int):
            first = found["reconstruction_filters"]
            found["reconstruction_filters"] = [first, 2 * first]
        return found


def _beside(poses, others, name, dtype):
    return keras.layers.Concatenate(axis=-2, dtype=dtype, name=name)([poses, others])


def _he_normal(layer, kernel_size, strides, child_dim):
    """He's initializer, by what a parent sees of a child type."""
    seen = math.prod(check_size("kernel_size", kernel_size, 2)) * child_dim
    if layer is TransposedConvCapsules2D:
        seen /= strides**2
    stddev = math.sqrt(2.0 / seen) / _STDDEV_OF_TRUNCATED
    return keras.initializers.TruncatedNormal(stddev=stddev)
