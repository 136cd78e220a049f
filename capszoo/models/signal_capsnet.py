"""SignalCapsNet: convolutions, primary capsules and class capsules, along one axis."""

from collections.abc import Sequence
from typing import Literal

import keras

from capszoo import routing as routings
from capszoo.kinds import Count
from capszoo.kinds import SignalShape
from capszoo.kinds import Size1D
from capszoo.layers import CapsuleLength
from capszoo.layers import DenseCapsules
from capszoo.layers import PrimaryCapsules1D
from capszoo.models.inputs import SignalInput
from capszoo.models.kinds import RoutingLike
from capszoo.models.registry import register_family
from capszoo.models.stem import convolutions
from capszoo.models.stem import primary_initializer
from capszoo.models.stem import stem
from capszoo.models.tasks import CapsuleClassifier
from capszoo.validation import check_fits


@register_family("signal_capsnet")
@keras.saving.register_keras_serializable(package="capszoo")
class SignalCapsNet(CapsuleClassifier):
    """The capsule network of dynamic routing, for signals.

        signal - convolutions, ReLU - primary capsules - class capsules - length

    `CapsNet` along one axis: everything but the input end and the rank of windows is the same.
    The defaults have 142,096 parameters. Each window of a primary capsule should see a whole event
    (of the defaults, 57 samples), and few windows are learnt from fewer signals than many: class
    capsules have a transform for each.

    Args:
        signal_shape: `(length, channels)` of the signals. Defaults to `(500, 2)`.
        num_classes: How many classes there are. Defaults to `3`.
        conv_filters: Filters of the convolutions before the primary capsules, one number for a
            single one. Defaults to `(32, 64)`.
        conv_kernel_size: Length of their windows in samples, one number for all or a sequence.
            Defaults to `9`.
        conv_strides: Step between their windows, likewise. Defaults to `2`.
        primary_types: How many types of primary capsules there are. Defaults to `8`.
        primary_dim: Size of a primary capsule's pose. Defaults to `8`.
        primary_kernel_size: Length of the window of the primary capsules. Defaults to `9`.
        primary_strides: Step between the windows of the primary capsules. Defaults to `4`.
        padding: `"valid"` or `"same"`, of all convolutions. Defaults to `"valid"`.
        class_dim: Size of a class capsule's pose. Defaults to `16`.
        routing: How class capsules are computed: a name of `capszoo.routing.names()`, a config
            or a `capszoo.routing.Routing`. Defaults to `"dynamic"`.
        **kwargs: Arguments of `capszoo.models.CapsuleClassifier` and of
            `capszoo.models.inputs.SignalInput`. A `decoder` is a Keras layer to signals.

    Input shape:
        `(batch, length, channels)`, numbers on any scale.

    Output shape:
        A dictionary: scores `(batch, num_classes)`, poses `(batch, num_classes, class_dim)` and
        coupling `(batch, num_classes, children)`; `predict` gives the scores.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown or the signal too
            short for the convolutions.

    Example:

    >>> model = capszoo.models.SignalCapsNet((100, 1), num_classes=4)
    >>> model.compile()
    >>> model.predict(np.zeros((2, 100, 1), "float32"), verbose=0).shape
    (2, 4)

    Reference:

    - [Sabour, Frosst, Hinton, 2017](https://arxiv.org/abs/1710.09829)
    """

    input_end = SignalInput

    def __init__(
        self,
        signal_shape: SignalShape = (500, 2),
        num_classes: Count = 3,
        conv_filters: Count | Sequence[Count] = (32, 64),
        conv_kernel_size: Size1D | Sequence[Size1D] = 9,
        conv_strides: Size1D | Sequence[Size1D] = 2,
        primary_types: Count = 8,
        primary_dim: Count = 8,
        primary_kernel_size: Size1D = 9,
        primary_strides: Size1D = 4,
        padding: Literal["valid", "same"] = "valid",
        class_dim: Count = 16,
        routing: RoutingLike = "dynamic",
        **kwargs,
    ):
        layers = convolutions(conv_filters, conv_kernel_size, conv_strides, rank=1)
        if padding == "valid":
            windows = [(one.kernel_size, one.strides) for one in layers]
            check_fits(signal_shape, [*windows, (primary_kernel_size, primary_strides)])
        super().__init__(signal_shape=signal_shape, num_classes=num_classes, **kwargs)
        self.routing = self.get_layer("class_capsules").routing

    def body(self, features, dtype):
        layers = convolutions(self.conv_filters, self.conv_kernel_size, self.conv_strides, rank=1)
        features = stem(features, layers, self.padding, "he_normal", dtype)
        children = PrimaryCapsules1D(
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
            self.num_classes,
            self.class_dim,
            routing=routings.get(self.routing, dtype=dtype),
            dtype=dtype,
            name="class_capsules",
        )(children, return_coupling=True)
        poses = self.poses_alone(capsules, dtype)
        scores = CapsuleLength(dtype="float32", name="scores")(poses)
        return scores, poses, coupling

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        if "conv_layers" in found:
            # Twice as many from layer to layer.
            layers, last = found.pop("conv_layers"), found["conv_filters"]
            found["conv_filters"] = [last >> left for left in reversed(range(layers))]
        return found
