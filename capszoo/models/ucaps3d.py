"""UCaps3D: volumes are segmented by a capsule encoder and a convolutional decoder."""

from collections.abc import Sequence

import keras

from capszoo.kinds import Count
from capszoo.kinds import NonNegative
from capszoo.kinds import VolumeShape
from capszoo.layers import CapsuleLength
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleSegmenter
from capszoo.models.ucaps3d_body import UCaps3DBody
from capszoo.models.volume_convolutions import reconstruct


@register_family("ucaps3d")
@keras.saving.register_keras_serializable(package="capszoo")
class UCaps3D(UCaps3DBody, CapsuleSegmenter):
    """A U-shaped network for volumes whose encoder is made of capsules.

        volume - convolutions - capsules, to an eighth of the size - convolutions back to the size

    The graph is that of `UCaps3DBody`, where its other arguments are described. Probabilities are
    a convolution of the decoder's features. Two more losses hold what is in between: the lengths
    of the class capsules, an eighth of the size, by a margin, and volumes that are reconstructed
    from the decoder's features, where the truth has a foreground.

    The defaults are the network of the paper's code for the hippocampus, with 6,548,568
    parameters, of which 3,760,128 are transforms of capsules; `share_types=True` makes them
    3,179,544. Three things differ. Volumes are standardized and so is what is reconstructed, which
    therefore ends in no sigmoid. Windows of two steps are padded as Keras pads them, half a voxel
    of the finer grid from where PyTorch does. The default loss adds the soft Dice loss to the
    cross-entropy.

    Args:
        volume_shape: `(depth, height, width, channels)` of the volumes, or of the windows in which
            larger ones go in; sizes are multiples of 8, as there are three levels.
            Defaults to `(32, 32, 32, 1)`.
        num_classes: How many classes there are, the background among them. Defaults to `3`.
        reconstruction_filters: Filters of the two or more pointwise convolutions with ReLU that
            reconstruct, before the last; `None` for no reconstructions. Defaults to `(64, 128)`.
        margin_weight: Weight of the margin loss of the lengths. Defaults to `0.1`.
        reconstruction_weight: Weight of the mean squared error of the reconstructions; must be 0
            where there are none. Defaults to `0.1`.
        **kwargs: Arguments of `capszoo.models.UCaps3DBody`, of `capszoo.models.CapsuleSegmenter`
            and of `capszoo.models.inputs.VolumeInput`.

    Input shape:
        `(batch, depth, height, width, channels)`, numbers on any scale.

    Output shape:
        A dictionary, see `CapsuleSegmenter`; `predict` gives the probabilities
        `(batch, depth, height, width, num_classes)`.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, sequences differ in
            length or the sizes of the volume are no multiples of 8.

    Example:

    >>> model = capszoo.models.UCaps3D((16, 16, 16, 1), share_types=True)
    >>> model.compile()
    >>> model.predict(np.zeros((1, 16, 16, 16, 1), "float32"), verbose=0).shape
    (1, 16, 16, 16, 3)

    Reference:

    - [Nguyen, Hua, Le, 2021](https://arxiv.org/abs/2203.08965)
    """

    def __init__(
        self,
        volume_shape: VolumeShape = (32, 32, 32, 1),
        num_classes: Count = 3,
        reconstruction_filters: Sequence[Count] | None = (64, 128),
        margin_weight: NonNegative = 0.1,
        reconstruction_weight: NonNegative = 0.1,
        **kwargs,
    ):
        super().__init__(
            volume_shape=volume_shape,
            num_classes=num_classes,
            margin_weight=margin_weight,
            reconstruction_weight=reconstruction_weight,
            **kwargs,
        )

    def body(self, features, dtype):
        poses, features = self.encode_and_decode(features, self.num_classes, dtype)
        logits = keras.layers.Conv3D(
            self.num_classes, 1, data_format="channels_last", dtype=dtype, name="logits"
        )(features)
        outputs = {
            "probabilities": keras.layers.Activation(
                "softmax", dtype="float32", name="probabilities"
            )(logits),
            "lengths": CapsuleLength(dtype="float32", name="lengths")(poses),
            "poses": poses,
        }
        if self.reconstruction_filters is not None:
            channels = self.example_shape[-1]
            outputs["reconstructions"] = reconstruct(
                features, channels, self.reconstruction_filters, dtype
            )
        return outputs
