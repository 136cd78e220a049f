"""CapsNet: two convolutions, primary capsules, class capsules by dynamic routing."""

from collections.abc import Sequence
from typing import Annotated
from typing import Any
from typing import ClassVar
from typing import Literal

import keras

from capszoo import routing as routings
from capszoo.kinds import Count
from capszoo.kinds import ImageShape
from capszoo.kinds import NonNegative
from capszoo.kinds import Positive
from capszoo.kinds import Size2D
from capszoo.layers import CapsuleLength
from capszoo.layers import DenseCapsules
from capszoo.layers import PrimaryCapsules
from capszoo.models.kinds import Decoder
from capszoo.models.kinds import ImageNormalization
from capszoo.models.kinds import RoutingLike
from capszoo.models.registry import register_family
from capszoo.models.stem import convolutions
from capszoo.models.stem import primary_initializer
from capszoo.models.stem import stem
from capszoo.models.tasks import CapsuleClassifier
from capszoo.ops.norms import check_squash_power
from capszoo.validation import check_fits


@register_family("capsnet")
@keras.saving.register_keras_serializable(package="capszoo")
class CapsNet(CapsuleClassifier):
    """The capsule network of dynamic routing.

        image - convolution, ReLU - primary capsules - class capsules - length
                                                             └ mask - decoder

    The defaults are the paper's network for MNIST but for the normalization of pictures:
    8,215,728 parameters, 6,804,384 without the decoder. `reconstruction_weight=0.0005` for 784
    pixels is the customary 0.392 times the mean squared error beside the margin loss. The code
    that made the paper's checkpoints weighs pictures 20 times as much: give `compile` the loss
    `MarginLoss(convention="official")` for that.

    Without normalization the network may stay at chance on few classes of colour photos: both
    lengths near 1, in all 3 seeds. Test accuracy after six epochs (MNIST four), mean of three
    seeds, with 32 filters, 8 primary types, no decoder and Adam at 0.001, on digits, 1,000
    pictures of MNIST, 1,000 of two classes and 1,500 of ten classes of CIFAR-10:

    | | digits | MNIST | CIFAR-10, two | CIFAR-10, ten |
    |---|---|---|---|---|
    | `"per_image"` | 0.959 | 0.937 | 0.882 | 0.341 |
    | `None` | 0.933 | 0.924 | 0.507 | 0.337 |
    | `None`, `primary_scale=1 / primary_types` | 0.906 | 0.840 | 0.882 | 0.345 |
    | `None`, Adam at 0.0003 | 0.860 | 0.833 | 0.896 | 0.367 |

    The default sizes learn them too: 0.89 on 800 training pictures of two classes, cut to 20x20,
    after four epochs of one seed.

    Args:
        image_shape: `(height, width, channels)` of the images. Defaults to `(28, 28, 1)`.
        num_classes: How many classes there are. Defaults to `10`.
        conv_filters: Filters of the convolution before the primary capsules, or a sequence, one
            for each of several. Defaults to `256`.
        conv_kernel_size: Size of its window in pixels, one number or `(height, width)`, as are
            the other sizes and steps of windows; for several convolutions one number or a
            sequence of such. Defaults to `9`.
        primary_types: How many types of primary capsules there are. Defaults to `32`.
        primary_dim: Size of a primary capsule's pose. Defaults to `8`.
        primary_kernel_size: Size of the window of the primary capsules. Defaults to `9`.
        primary_strides: Step between the windows of the primary capsules. Defaults to `2`.
        primary_scale: Factor on the convolution of the primary capsules, before bias and
            squash. The paper's code has `1 / primary_types`, which makes the optimizer's steps
            there small; the kernel starts so that the capsules start alike whatever the
            factor. Defaults to `1.0`.
        padding: `"valid"` or `"same"`, of all convolutions. Defaults to `"valid"`.
        class_dim: Size of a class capsule's pose. Defaults to `16`.
        routing: How class capsules are computed: a name of `capszoo.routing.names()`, a config
            or a `capszoo.routing.Routing`. Defaults to `"dynamic"`.
        decoder: As in `CapsuleClassifier`. Defaults to `(512, 1024)`.
        normalization: As in `ImageInput`; the paper's network has none. Defaults to
            `"per_image"`.
        conv_strides: Step between the windows of the convolution; for several as
            `conv_kernel_size`. Defaults to `1`.
        primary_squash_power: Power of the length in the squash of the primary capsules, as
            `squash_power` of `capszoo.layers.PrimaryCapsules`. Defaults to `2`.
        primary_length_penalty: Weight, in the loss, of the sum of a picture's lengths of primary
            capsules, as `activity_regularizer` there. Defaults to `0.0`.
        **kwargs: Arguments of `capszoo.models.CapsuleClassifier` and of
            `capszoo.models.inputs.ImageInput`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary: scores `(batch, num_classes)`, poses `(batch, num_classes, class_dim)`,
        coupling `(batch, num_classes, children)` and reconstructions
        `(batch, height, width, channels)`; `predict` gives the scores.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown or the image too
            small for the convolutions.

    Example:

    >>> model = capszoo.models.CapsNet((28, 28, 1), num_classes=10)
    >>> model.count_params()
    8215728
    >>> model.compile()
    >>> scores = model.predict(np.zeros((2, 28, 28, 1), "uint8"), verbose=0)
    >>> scores.shape
    (2, 10)

    Reference:

    - [Sabour, Frosst, Hinton, 2017](https://arxiv.org/abs/1710.09829)
    """

    decoder_arguments: ClassVar[dict[str, Any]] = {
        "kernel_initializer": keras.initializers.TruncatedNormal(stddev=0.1),
        "bias_initializer": keras.initializers.Constant(0.1),
    }

    def __init__(
        self,
        image_shape: ImageShape = (28, 28, 1),
        num_classes: Count = 10,
        conv_filters: Count | Sequence[Count] = 256,
        conv_kernel_size: Size2D | Sequence[Size2D] = 9,
        primary_types: Count = 32,
        primary_dim: Count = 8,
        primary_kernel_size: Size2D = 9,
        primary_strides: Size2D = 2,
        primary_scale: Positive = 1.0,
        padding: Literal["valid", "same"] = "valid",
        class_dim: Count = 16,
        routing: RoutingLike = "dynamic",
        decoder: Decoder | None = (512, 1024),
        normalization: ImageNormalization | None = "per_image",
        conv_strides: Size2D | Sequence[Size2D] = 1,
        primary_squash_power: Annotated[float, check_squash_power] = 2,
        primary_length_penalty: NonNegative = 0.0,
        **kwargs,
    ):
        layers = convolutions(conv_filters, conv_kernel_size, conv_strides, rank=2)
        if padding == "valid":
            windows = [(one.kernel_size, one.strides) for one in layers]
            check_fits(image_shape, [*windows, (primary_kernel_size, primary_strides)])
        super().__init__(
            image_shape=image_shape,
            num_classes=num_classes,
            decoder=decoder,
            normalization=normalization,
            **kwargs,
        )
        self.routing = self.get_layer("class_capsules").routing

    def body(self, features, dtype):
        routing = routings.get(self.routing, dtype=dtype)
        layers = convolutions(self.conv_filters, self.conv_kernel_size, self.conv_strides, rank=2)
        initializer = keras.initializers.TruncatedNormal(stddev=0.05)
        features = stem(features, layers, self.padding, initializer, dtype)
        penalty = self.primary_length_penalty
        children = PrimaryCapsules(
            self.primary_types,
            self.primary_dim,
            self.primary_kernel_size,
            strides=self.primary_strides,
            padding=self.padding,
            scale=self.primary_scale,
            squash_power=self.primary_squash_power,
            activity_regularizer=keras.regularizers.L1(penalty) if penalty else None,
            kernel_initializer=primary_initializer(
                self.primary_kernel_size, layers[-1], self.primary_scale
            ),
            bias_initializer=keras.initializers.Constant(0.1),
            dtype=dtype,
            name="primary_capsules",
        )(features)
        *capsules, coupling = DenseCapsules(
            self.num_classes, self.class_dim, routing=routing, dtype=dtype, name="class_capsules"
        )(children, return_coupling=True)
        poses = self.poses_alone(capsules, dtype)
        scores = CapsuleLength(dtype="float32", name="scores")(poses)
        return scores, poses, coupling
