"""UCaps3DAutoencoder: the body of 3D-UCaps restores volumes, to begin with where labels are few."""

from collections.abc import Sequence

import keras

from capszoo.kinds import Count
from capszoo.kinds import VolumeShape
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleAutoencoder
from capszoo.models.ucaps3d_body import UCaps3DBody
from capszoo.models.volume_convolutions import reconstruct


@register_family("ucaps3d_autoencoder")
@keras.saving.register_keras_serializable(package="capszoo")
class UCaps3DAutoencoder(UCaps3DBody, CapsuleAutoencoder):
    """3D-UCaps that makes volumes of volumes: the pretext task of its self-supervised training.

        corrupted volume - capsules and convolutions of `UCaps3DBody` - pointwise convolutions

    Poses of every level go over to the decoder, so that a volume as it is could be copied: there is
    something to learn where the volumes that go in are corrupted and their originals are asked for,
    as by the `corruption` of a preset's data. `capszoo.models.UCaps3D` then starts from what was
    learnt (`init_from`): all layers but its logits have the names and, with the same arguments, the
    sizes of those here.

    The paper restores volumes from six transformed versions and takes over the encoder; its
    pretext decoder and loss are not known. Here encoder and decoder are those of the segmentation.

    Args:
        volume_shape: `(depth, height, width, channels)` of the volumes; sizes are multiples of 8,
            as there are three levels. Defaults to `(32, 32, 32, 1)`.
        last_types: How many types of capsules end the last level: the number of classes of the
            segmentation that is to start from here, whose class capsules they become.
            Defaults to `3`.
        reconstruction_filters: Filters of the pointwise convolutions with ReLU that reconstruct,
            before the last. Defaults to `(64, 128)`.
        **kwargs: Arguments of `capszoo.models.UCaps3DBody`, of `capszoo.models.CapsuleAutoencoder`
            and of `capszoo.models.inputs.VolumeInput`.

    Input shape:
        `(batch, depth, height, width, channels)`, numbers on any scale.

    Output shape:
        A dictionary, see `CapsuleAutoencoder`; `predict` gives the reconstructions
        `(batch, depth, height, width, channels)`, of standardized volumes.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, sequences differ in
            length or the sizes of the volume are no multiples of 8.

    Example:

    >>> model = capszoo.models.UCaps3DAutoencoder((16, 16, 16, 1), share_types=True)
    >>> model.compile()
    >>> volumes = np.random.default_rng(0).normal(size=(1, 16, 16, 16, 1))
    >>> model.reconstruct(volumes).shape, model.encode(volumes).shape
    ((1, 16, 16, 16, 1), (1, 2, 2, 2, 3, 64))

    Reference:

    - [Tran et al., 2022](https://arxiv.org/abs/2201.05905)
    """

    def __init__(
        self,
        volume_shape: VolumeShape = (32, 32, 32, 1),
        last_types: Count = 3,
        reconstruction_filters: Sequence[Count] = (64, 128),
        **kwargs,
    ):
        super().__init__(volume_shape=volume_shape, **kwargs)

    def body(self, features, dtype):
        poses, features = self.encode_and_decode(features, self.last_types, dtype)
        channels = self.example_shape[-1]
        made = reconstruct(features, channels, self.reconstruction_filters, dtype)
        # The answer, which is float32 whatever the policy.
        answer = keras.layers.Activation("linear", dtype="float32", name="answer")(made)
        return {"reconstructions": answer, "poses": poses}
