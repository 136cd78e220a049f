"""ClusterCapsNet: capsules by non-iterative cluster routing."""

import math
from collections.abc import Sequence

import keras

from capszoo import routing as routings
from capszoo.kinds import Count
from capszoo.kinds import Depth
from capszoo.kinds import ImageShape
from capszoo.kinds import Size2D
from capszoo.layers import CapsuleNormalization
from capszoo.layers import ConvCapsules2D
from capszoo.losses import SoftmaxCrossentropy
from capszoo.models.kinds import RoutingLike
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleClassifier
from capszoo.validation import check_size


@register_family("cluster_capsnet")
@keras.saving.register_keras_serializable(package="capszoo")
class ClusterCapsNet(CapsuleClassifier):
    """Convolutional capsules with cluster routing, from the image on.

        image, as one capsule type - convolutional capsules, normalization x 5 - linear read-out

    Every layer has 3x3 windows; the second and the fourth halve the map. There is no squash and
    no activation: the scores are logits, a linear function of each class's capsules that all
    classes share. The defaults are the paper's network for CIFAR-10 with 3,833,857 parameters;
    `cluster_size=5, pose_dim=6` has 178,993.

    Args:
        image_shape: `(height, width, channels)` of the images. Defaults to `(32, 32, 3)`.
        num_classes: How many classes there are. Defaults to `10`.
        capsule_types: How many types of capsules each layer but the last has.
            Defaults to `4`.
        cluster_size: How many votes a child gives a parent. Defaults to `8`.
        pose_dim: Size of a pose. Defaults to `24`.
        strides: Step between the windows of each layer; as many numbers, or pairs
            `(height, width)`, as layers.
            Defaults to `(1, 2, 1, 2, 1)`.
        routing: How capsules are computed; `None` stands for cluster routing with
            `cluster_size`. Defaults to `None`.
        recompute: Whether the gradient makes the votes of each layer anew, with other routings
            than cluster routing what these compute too, instead of keeping them: less memory,
            more time. Defaults to `False`.
        **kwargs: Arguments of `capszoo.models.CapsuleClassifier` and of
            `capszoo.models.inputs.ImageInput`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary, see `CapsuleClassifier`; `predict` gives the scores
        `(batch, num_classes)`, logits. A class's pose is all its capsules, flattened; the
        coupling has the shape `(batch, height, width, num_classes, capsule_types)`.

    Raises:
        ValueError: If a size is not a positive integer, `cluster_size` below 2, an option
            unknown or the image too small for the strides.

    Example:

    >>> model = capszoo.models.ClusterCapsNet((16, 16, 1), cluster_size=5, pose_dim=6)
    >>> model.predict(np.zeros((2, 16, 16, 1), "uint8"), verbose=0).shape
    (2, 10)

    Reference:

    - [Zhao, Cheng, 2021](https://arxiv.org/abs/2109.09213)
    """

    score_threshold = 0.0  # of logits

    def __init__(
        self,
        image_shape: ImageShape = (32, 32, 3),
        num_classes: Count = 10,
        capsule_types: Depth = 4,
        cluster_size: Count = 8,
        pose_dim: Count = 24,
        strides: Sequence[Size2D] = (1, 2, 1, 2, 1),
        routing: RoutingLike | None = None,
        recompute: bool = False,
        **kwargs,
    ):
        steps = [check_size("strides", step, rank=2) for step in strides]
        height, width = (math.prod(axis) for axis in zip(*steps, strict=True))
        if image_shape[0] < height or image_shape[1] < width:
            raise ValueError(
                f"Images must be at least {height}x{width} for these strides. "
                f"Received: image_shape={image_shape}, strides={tuple(strides)}"
            )
        super().__init__(
            image_shape=image_shape,
            num_classes=num_classes,
            **kwargs,
        )
        # Each layer has its own, all alike; one that stayed unbuilt would keep Keras building.
        self.routing = self.get_layer("capsules_1").routing

    def body(self, features, dtype):
        cluster = {"name": "cluster", "cluster_size": self.cluster_size}
        routing = routings.get(cluster if self.routing is None else self.routing, dtype=dtype)
        # The image is one capsule per pixel; each type of the first layer's children sees it.
        poses = keras.layers.Reshape(
            (*self.image_shape[:2], 1, self.image_shape[2]), name="pixels"
        )(features)
        if self.capsule_types > 1:
            poses = keras.layers.Concatenate(axis=-2, name="pixels_per_type")(
                [poses] * self.capsule_types
            )
        types = [self.capsule_types] * (len(self.strides) - 1) + [self.num_classes]
        for index, (parents, step) in enumerate(zip(types, self.strides, strict=True)):
            limit = (9 * poses.shape[-1]) ** -0.5
            outputs = ConvCapsules2D(
                parents,
                self.pose_dim,
                3,
                strides=step,
                padding="same",
                routing=routings.serialize(routing),
                recompute=self.recompute,
                vote_bias="votes",
                # The bias must be random too: votes of an empty window would be identical.
                kernel_initializer=keras.initializers.RandomUniform(-limit, limit),
                bias_initializer=keras.initializers.RandomUniform(-limit, limit),
                dtype=dtype,
                name=f"capsules_{index + 1}",
            )(poses, return_coupling=True)
            poses, coupling = outputs
            poses = CapsuleNormalization(dtype=dtype, name=f"normalization_{index + 1}")(poses)
        poses = keras.layers.Permute((3, 1, 2, 4), name="classes_first")(poses)
        poses = keras.layers.Reshape(
            (self.num_classes, math.prod(poses.shape[2:])), name="flatten"
        )(poses)
        scores = keras.layers.Dense(1, dtype=dtype, name="read_out")(poses)
        scores = keras.layers.Reshape((self.num_classes,), dtype="float32", name="scores")(scores)
        return scores, poses, coupling

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        if values.get("routing") == "cluster":
            # What the family does by itself.
            del found["routing"]["name"]
            found |= found.pop("routing")
        if "capsule_layers" in found:
            # Half the size at the second and at the fourth layer, as in the paper.
            layers = range(found.pop("capsule_layers"))
            found["strides"] = [2 if layer in (1, 3) else 1 for layer in layers]
        return found

    def default_loss(self):
        return SoftmaxCrossentropy()
