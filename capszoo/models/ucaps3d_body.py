"""The body of 3D-UCaps, whatever its task: a capsule encoder and a convolutional decoder."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import ClassVar

import keras

from capszoo import routing as routings
from capszoo.kinds import Count
from capszoo.kinds import Size3D
from capszoo.layers import ActivationToLength
from capszoo.layers import ConvCapsules3D
from capszoo.layers import PrimaryCapsules3D
from capszoo.models import arguments
from capszoo.models.inputs import InputEnd
from capszoo.models.inputs import VolumeInput
from capszoo.models.kinds import RoutingLike
from capszoo.models.volume_convolutions import convolve
from capszoo.validation import invalid_value_error

# Windows of capsules and of the decoder's convolutions, as in the paper's code.
KERNEL_SIZE = 3


class UCaps3DBody:
    """The graph that the families of 3D-UCaps share; a mix-in, to stand before their task.

        volume - dilated convolutions - primary capsules - [capsules, half the size] x 3
                         |                    |                |          |
                      (skip) ------------- (skip) --------- (skip)  class capsules
                         |                    |                |          |
                      features - - - - - upsampling - - - upsampling - upsampling

    The encoder is made of capsules, the decoder of convolutions alone. Each level halves the grid
    by one layer of capsules and goes on with a second; the second of the last level are the class
    capsules. The decoder doubles the grid of their poses again, joins the poses of the encoder on
    that grid and convolves both.

    Args:
        conv_filters: Filters of the convolutions before the primary capsules.
            Defaults to `(16, 32, 64)`.
        conv_kernel_size: Size of their windows in voxels, one number or three. Defaults to `5`.
        conv_dilations: Distance of the voxels that a window sees, for each convolution.
            Defaults to `(1, 2, 2)`.
        primary_types: How many types of primary capsules there are. Defaults to `16`.
        primary_dim: Size of a primary capsule's pose. Defaults to `4`.
        primary_strides: `1` for primary capsules on the grid of the voxels, as in the paper, or
            `2` for half of it: then the convolutions are all that is computed at full size, and
            the decoder joins their features last. Defaults to `1`.
        capsule_types: How many types of capsules each level of the encoder has, its second layer
            too, where that is not the class capsules. Defaults to `(16, 8, 8)`.
        capsule_dims: Size of the poses in each level. Defaults to `(8, 16, 32)`.
        class_dim: Size of a class capsule's pose. Defaults to `64`.
        decoder_filters: Filters of the decoder for each doubling of the grid, coarsest first: one
            number for each level, and one more where `primary_strides` is 2.
            Defaults to `(256, 128, 64)`.
        share_types: Whether all types of children use the same transforms. Defaults to `False`.
        routing: How capsules are computed: a name of `capszoo.routing.names()`, a config or a
            `capszoo.routing.Routing`.
            Defaults to `{"name": "dynamic", "agreement": "cosine"}`.
        **kwargs: Arguments of the task.

    Raises:
        ValueError: If an argument is not as above, sequences differ in length, or the sizes of
            the volume cannot be halved as often as there are levels.
    """

    input_end: ClassVar[type[InputEnd]] = VolumeInput
    # Of the model that it is mixed into.
    get_layer: Callable

    # A task does so with the constructors of those that inherit from it.
    @arguments.kept
    def __init__(
        self,
        conv_filters: Sequence[Count] = (16, 32, 64),
        conv_kernel_size: Size3D = 5,
        conv_dilations: Sequence[Count] = (1, 2, 2),
        primary_types: Count = 16,
        primary_dim: Count = 4,
        primary_strides: Count = 1,
        capsule_types: Sequence[Count] = (16, 8, 8),
        capsule_dims: Sequence[Count] = (8, 16, 32),
        class_dim: Count = 64,
        decoder_filters: Sequence[Count] = (256, 128, 64),
        share_types: bool = False,
        routing: RoutingLike = {"name": "dynamic", "agreement": "cosine"},  # noqa: B006
        **kwargs,
    ):
        if primary_strides not in (1, 2):
            raise invalid_value_error("primary_strides", "1 or 2", primary_strides)
        levels = len(capsule_types)
        if not levels or len(capsule_dims) != levels:
            raise ValueError(
                "Arguments `capsule_types` and `capsule_dims` must be of one length, at least 1. "
                f"Received: {tuple(capsule_types)} and {tuple(capsule_dims)}"
            )
        if not conv_filters or len(conv_filters) != len(conv_dilations):
            raise ValueError(
                "Arguments `conv_filters` and `conv_dilations` must be of one length, at least 1. "
                f"Received: {tuple(conv_filters)} and {tuple(conv_dilations)}"
            )
        doublings = levels + (primary_strides == 2)
        if len(decoder_filters) != doublings:
            raise ValueError(
                f"With {levels} levels and primary_strides={primary_strides}, argument "
                f"`decoder_filters` must hold {doublings} numbers. "
                f"Received: {tuple(decoder_filters)}"
            )
        super().__init__(**kwargs)
        # Each layer has its own, all alike; one that stayed unbuilt would keep Keras building.
        self.routing = self.get_layer("class_capsules").routing

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        if "conv_layers" in found:
            # Twice as many from layer to layer.
            layers, last = found.pop("conv_layers"), found["conv_filters"]
            found["conv_filters"] = [max(1, last >> left) for left in reversed(range(layers))]
            found["conv_dilations"] = [1] + [2] * (layers - 1)
        if "levels" in found:
            levels, pose_dim = found.pop("levels"), found.pop("pose_dim")
            found["capsule_types"] = [found["capsule_types"]] * levels
            found["capsule_dims"] = [pose_dim << level for level in range(levels)]
            doublings = levels + (found.get("primary_strides") == 2)
            last = found["decoder_filters"]
            found["decoder_filters"] = [last << left for left in reversed(range(doublings))]
        if isinstance(found.get("reconstruction_filters"), int):
            first = found["reconstruction_filters"]
            found["reconstruction_filters"] = [first, 2 * first]
        return found

    def open_input(self, given, dtype=None):
        input_end = super().open_input(given, dtype)
        factor = 2 ** len(self.decoder_filters)
        *size, _ = self.example_shape
        if any(axis % factor for axis in size):
            raise ValueError(
                f"The grid is halved {len(self.decoder_filters)} times, so depth, height and "
                f"width must be multiples of {factor}. "
                f"Received: {self.input_end.shape_argument}={self.example_shape}"
            )
        return input_end

    def encode_and_decode(self, features, last_types, dtype):
        """Makes the graph up to where tasks differ.

        Args:
            features: Symbolic volumes `(batch, depth, height, width, channels)`.
            last_types: How many types of capsules end the last level, those of the classes where
                there are classes.
            dtype: Dtype or policy for every layer.

        Returns:
            The poses of the last capsules, `(batch, *coarse_size, last_types, class_dim)`, and the
            decoder's features, on the grid of the volumes.
        """
        features = self._convolutions(features, dtype)
        primary = PrimaryCapsules3D(
            self.primary_types,
            self.primary_dim,
            KERNEL_SIZE,
            strides=self.primary_strides,
            padding="same",
            # One iteration of routing: the only child gives each parent an equal share.
            scale=1 / self.primary_types,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.1),
            bias_initializer=keras.initializers.Constant(0.1),
            dtype=dtype,
            name="primary_capsules",
        )(features)
        levels = self._capsules(primary, last_types, dtype)
        skips = [_as_channels(poses, dtype) for poses in (primary, *levels)]
        if self.primary_strides == 2:
            skips.insert(0, features)
        return levels[-1], self._decode(skips, dtype)

    def _convolutions(self, features, dtype):
        """The features at full size; the last activation is the hyperbolic tangent."""
        stages = list(zip(self.conv_filters, self.conv_dilations, strict=True))
        for number, (filters, dilation) in enumerate(stages, start=1):
            features = convolve(
                features,
                filters,
                self.conv_kernel_size,
                f"conv_{number}",
                dtype,
                dilation=dilation,
                activation="tanh" if number == len(stages) else None,
            )
        return features

    def _capsules(self, primary, last_types, dtype):
        """The poses at the end of each level."""
        routing = routings.serialize(routings.get(self.routing, dtype=dtype))
        routing["config"]["name"] = "routing"  # one that Keras counts up would differ by model

        def capsules(children, types, pose_dim, name, strides=1):
            return ConvCapsules3D(
                types,
                pose_dim,
                KERNEL_SIZE,
                strides=strides,
                padding="same",
                share_types=self.share_types,
                vote_bias="parents" if self.share_types else "votes",
                routing=routing,
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.1),
                dtype=dtype,
                name=name,
            )(children)

        found, levels = [], len(self.capsule_types)
        capsule_shapes = zip(self.capsule_types, self.capsule_dims, strict=True)
        children = primary
        for level, (types, pose_dim) in enumerate(capsule_shapes, start=1):
            children = capsules(children, types, pose_dim, f"capsules_{level}_halved", strides=2)
            if level < levels:
                children = capsules(children, types, pose_dim, f"capsules_{level}")
            else:
                children = capsules(children, last_types, self.class_dim, "class_capsules")
            poses = children
            if isinstance(children, (tuple, list)):
                to_length = ActivationToLength(dtype=dtype, name=f"activation_to_length_{level}")
                poses = to_length(tuple(children))
            found.append(poses)
        return found

    def _decode(self, skips, dtype):
        """Doubles the grid of the last of the maps until it is that of the first."""
        *skips, features = skips
        for number, filters in enumerate(self.decoder_filters, start=1):
            if number > 1:
                name = f"decoder_conv_{number - 1}"
                features = convolve(features, filters, KERNEL_SIZE, name, dtype)
            features = keras.layers.Conv3DTranspose(
                filters,
                2,
                strides=2,
                data_format="channels_last",
                dtype=dtype,
                name=f"upsampling_{number}",
            )(features)
            join = keras.layers.Concatenate(dtype=dtype, name=f"joined_{number}")
            features = join([features, skips.pop()])
        return features


def _as_channels(poses, dtype):
    """The poses of all types at a position, one after another."""
    *size, types, pose_dim = poses.shape[1:]
    name = poses._keras_history.operation.name
    return keras.layers.Reshape((*size, types * pose_dim), dtype=dtype, name=f"{name}_poses")(poses)
