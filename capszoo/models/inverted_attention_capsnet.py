"""InvertedAttentionCapsNet: capsules on a residual network, by inverted attention."""

import functools
import math
from collections.abc import Sequence

import keras

from capszoo import routing as routings
from capszoo.kinds import Count
from capszoo.kinds import Depth
from capszoo.kinds import ImageShape
from capszoo.kinds import Size2D
from capszoo.layers import ConcurrentCapsules
from capszoo.layers import Conv2D
from capszoo.layers import ConvCapsules2D
from capszoo.layers import DenseCapsules
from capszoo.losses import SoftmaxCrossentropy
from capszoo.models.kinds import RoutingLike
from capszoo.models.registry import register_family
from capszoo.models.residual_stem import convolve
from capszoo.models.residual_stem import residual_block
from capszoo.models.tasks import CapsuleClassifier
from capszoo.ops.window_grid import window_grid
from capszoo.validation import check_fits
from capszoo.validation import check_size


@register_family("inverted_attention_capsnet")
@keras.saving.register_keras_serializable(package="capszoo")
class InvertedAttentionCapsNet(CapsuleClassifier):
    """Capsules by inverted dot-product attention on the features of a residual network.

        image - convolution - residual blocks x m - primary capsules, normalized
              - convolutional capsules x n - class capsules - linear read-out

    A residual block is two 3x3 convolutions with batch normalization. Poses are 4x4 matrices,
    transformed by 4x4 matrices, and layer-normalized. The scores are logits, a linear function
    of a class's pose that all classes share. The defaults are the paper's network for CIFAR-10
    with 1,828,817 parameters.

    Args:
        image_shape: `(height, width, channels)` of the images. Defaults to `(32, 32, 3)`.
        num_classes: How many classes there are. Defaults to `10`.
        conv_filters: Filters of the first convolution. Defaults to `64`.
        conv_kernel_size: Size of its window in pixels, one number or `(height, width)`, as are
            the other sizes and steps of windows. Defaults to `3`.
        conv_strides: Step between its windows. Defaults to `1`.
        block_filters: Filters of the residual blocks of each stage. Defaults to `(64, 128)`.
        blocks: How many blocks each stage has. Defaults to `(3, 4)`.
        block_strides: Step of the first block of each stage. Defaults to `(1, 2)`.
        primary_types: How many types of primary capsules there are. Defaults to `32`.
        capsule_types: How many types of capsules each convolutional layer of capsules has.
            Defaults to `(32, 32)`.
        capsule_kernel_size: Size of the window of these layers. Defaults to `3`.
        capsule_strides: Step between the windows of each of them. Defaults to `(2, 1)`.
        pose_dim: Size of a pose; a square. Defaults to `16`.
        routing: How capsules are computed; every layer gets one of its own. `None` stands for
            inverted attention with 2 iterations, the paper's. Defaults to `None`.
        concurrent: Whether the layers of capsules iterate together, see
            `capszoo.layers.ConcurrentCapsules`, as in the paper; otherwise each does all its
            iterations before the next one begins. Defaults to `False`.
        **kwargs: Arguments of `capszoo.models.CapsuleClassifier` and of
            `capszoo.models.inputs.ImageInput`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary, see `CapsuleClassifier`; `predict` gives the scores
        `(batch, num_classes)`, logits.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, sequences that belong
            together of different length, `pose_dim` no square, the image too small or `concurrent`
            asked of another routing.

    Example:

    >>> model = capszoo.models.InvertedAttentionCapsNet(
    ...     (8, 8, 1), conv_filters=8, block_filters=(8,), blocks=(1,), block_strides=(1,),
    ...     primary_types=4, capsule_types=(4,), capsule_strides=(2,)
    ... )
    >>> model.predict(np.zeros((2, 8, 8, 1), "uint8"), verbose=0).shape
    (2, 10)

    Reference:

    - [Tsai, Srivastava, Goh, Salakhutdinov, 2020](https://arxiv.org/abs/2002.04764)
    """

    score_threshold = 0.0  # of logits

    def __init__(
        self,
        image_shape: ImageShape = (32, 32, 3),
        num_classes: Count = 10,
        conv_filters: Count = 64,
        conv_kernel_size: Size2D = 3,
        conv_strides: Size2D = 1,
        block_filters: Sequence[Count] = (64, 128),
        blocks: Sequence[Depth] = (3, 4),
        block_strides: Sequence[Size2D] = (1, 2),
        primary_types: Count = 32,
        capsule_types: Sequence[Count] = (32, 32),
        capsule_kernel_size: Size2D = 3,
        capsule_strides: Sequence[Size2D] = (2, 1),
        pose_dim: Count = 16,
        routing: RoutingLike | None = None,
        concurrent: bool = False,
        **kwargs,
    ):
        if not len(block_filters) == len(blocks) == len(block_strides):
            raise ValueError(
                "Arguments `block_filters`, `blocks` and `block_strides` must be of one length. "
                f"Received: {tuple(block_filters)}, {tuple(blocks)}, {tuple(block_strides)}"
            )
        if len(capsule_types) != len(capsule_strides):
            raise ValueError(
                "Arguments `capsule_types` and `capsule_strides` must be of one length. "
                f"Received: {tuple(capsule_types)} and {tuple(capsule_strides)}"
            )
        # Convolutions are padded: any map is large enough for them.
        check_fits(
            image_shape,
            [(1, strides) for strides in [conv_strides, *block_strides]]
            + [(capsule_kernel_size, strides) for strides in capsule_strides],
        )
        super().__init__(
            image_shape=image_shape,
            num_classes=num_classes,
            **kwargs,
        )
        # Each layer has its own, all alike; one that stayed unbuilt would keep Keras building.
        classes = (
            self.get_layer("capsules").layers[-1]
            if concurrent
            else self.get_layer("class_capsules")
        )
        self.routing = classes.routing

    def body(self, features, dtype):
        of_paper = {"name": "inverted_attention", "iterations": 2}
        routing = routings.get(of_paper if self.routing is None else self.routing, dtype=dtype)
        features = convolve(
            features, self.conv_filters, self.conv_kernel_size, self.conv_strides, dtype, "conv"
        )
        features = keras.layers.ReLU(dtype=dtype, name="conv_relu")(features)
        stages = zip(self.block_filters, self.blocks, self.block_strides, strict=True)
        for stage, (filters, blocks, strides) in enumerate(stages, start=1):
            for block in range(1, blocks + 1):
                name = f"stage_{stage}_block_{block}"
                fitting = functools.partial(
                    convolve,
                    filters=filters,
                    kernel_size=1,
                    strides=strides,
                    dtype=dtype,
                    name=f"{name}_skip",
                )
                features = residual_block(features, filters, strides, dtype, name, fitting)
                strides = 1
        features = Conv2D(
            self.primary_types * self.pose_dim,
            1,
            use_bias=False,
            kernel_initializer="he_normal",
            dtype=dtype,
            name="primary_conv",
        )(features)
        poses = keras.layers.Reshape(
            (*features.shape[1:3], self.primary_types, self.pose_dim), name="primary_poses"
        )(features)
        poses = keras.layers.LayerNormalization(epsilon=1e-5, dtype=dtype, name="primary_capsules")(
            poses
        )
        layers = self._capsule_layers(poses.shape[1:3], routing, dtype)
        if self.concurrent:
            layers = [ConcurrentCapsules(layers, dtype=dtype, name="capsules")]
        capsules = poses
        for layer in layers[:-1]:
            capsules = layer(capsules)
        *capsules, coupling = layers[-1](capsules, return_coupling=True)
        poses = self.poses_alone(capsules, dtype)
        scores = keras.layers.Dense(1, dtype=dtype, name="read_out")(poses)
        scores = keras.layers.Reshape((self.num_classes,), dtype="float32", name="scores")(scores)
        return scores, poses, coupling

    def _capsule_layers(self, size, routing, dtype):
        """The layers of capsules over a map of primary capsules; each has a routing of its own."""
        window = check_size("capsule_kernel_size", self.capsule_kernel_size, rank=2)

        def arguments(parents, children, name):
            # The children of a parent make votes as large as poses, where all count alike.
            scale = math.sqrt(parents / (math.sqrt(self.pose_dim) * children))
            return {
                "transform": "matrix",
                "routing": routings.serialize(routing),
                "kernel_initializer": keras.initializers.RandomNormal(stddev=scale),
                "dtype": dtype,
                "name": name,
            }

        layers, types = [], self.primary_types
        shapes = zip(self.capsule_types, self.capsule_strides, strict=True)
        for index, (parents, strides) in enumerate(shapes, start=1):
            layer = ConvCapsules2D(
                parents,
                self.pose_dim,
                window,
                strides=strides,
                votes_from="positions",
                **arguments(parents, types * math.prod(window), f"conv_capsules_{index}"),
            )
            layers.append(layer)
            size = window_grid("maps", size, window, layer.strides, "valid")
            types = parents
        children = math.prod(size) * types
        of_classes = arguments(self.num_classes, children, "class_capsules")
        return [*layers, DenseCapsules(self.num_classes, self.pose_dim, **of_classes)]

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        if "stages" in found:
            stages, width = found.pop("stages"), found["conv_filters"]
            found["block_filters"] = [width * 2**stage for stage in range(stages)]
            found["blocks"] = [found.pop("stage_blocks")] * stages
            found["block_strides"] = [1] + [2] * (stages - 1)
        if "capsule_layers" in found:
            layers = found.pop("capsule_layers")
            found["capsule_types"] = [found["capsule_types"]] * layers
            found["capsule_strides"] = [1] * layers
        return found

    def default_loss(self):
        return SoftmaxCrossentropy()
