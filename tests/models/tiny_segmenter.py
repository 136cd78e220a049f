"""The smallest segmenters of pictures and of volumes that have every output, and data for them."""

import keras
import numpy as np

import capszoo
from capszoo.models.inputs import VolumeInput

SHAPES = {2: (8, 6, 1), 3: (4, 6, 4, 2)}
CLASSES = {2: 2, 3: 3}


def body(model, features, dtype, rank):
    """A convolution, from which probabilities, lengths on a coarser grid and a decoder."""
    convolution = {2: keras.layers.Conv2D, 3: keras.layers.Conv3D}[rank]

    def layer(filters, size, inputs, name, **arguments):
        arguments = {"dtype": dtype, "data_format": "channels_last", **arguments}
        return convolution(filters, size, padding="same", name=name, **arguments)(inputs)

    features = layer(8, 3, features, "features", activation="relu")
    capsules = layer(4 * model.num_classes, 3, features, "capsules", strides=2)
    shape = (*capsules.shape[1:-1], model.num_classes, 4)
    poses = keras.layers.Reshape(shape, dtype=dtype, name="poses")(capsules)
    squashed = capszoo.layers.CapsuleLength(dtype="float32", name="lengths")(
        keras.layers.Activation("tanh", dtype=dtype, name="bounded")(poses)
    )
    end = {"activation": "softmax", "dtype": "float32"}
    return {
        "probabilities": layer(model.num_classes, 1, features, "probabilities", **end),
        "lengths": squashed,
        "poses": poses,
        "reconstructions": layer(model.example_shape[-1], 1, features, "reconstructions"),
    }


@keras.saving.register_keras_serializable(package="capszoo_tests")
class PictureSegmenter(capszoo.models.CapsuleSegmenter):
    def __init__(self, image_shape=SHAPES[2], num_classes=CLASSES[2], **kwargs):
        super().__init__(image_shape=image_shape, num_classes=num_classes, **kwargs)

    def body(self, features, dtype):
        return body(self, features, dtype, rank=2)


@keras.saving.register_keras_serializable(package="capszoo_tests")
class VolumeSegmenter(capszoo.models.CapsuleSegmenter):
    input_end = VolumeInput

    def __init__(self, volume_shape=SHAPES[3], num_classes=CLASSES[3], **kwargs):
        super().__init__(volume_shape=volume_shape, num_classes=num_classes, **kwargs)

    def body(self, features, dtype):
        return body(self, features, dtype, rank=3)


SEGMENTERS = {2: PictureSegmenter, 3: VolumeSegmenter}


def data(rank, count):
    """Noise, and the class of each position by how bright it is."""
    random = np.random.default_rng(0)
    shape = (count, *SHAPES[rank])
    levels = random.integers(0, 256, size=shape)
    examples = levels.astype("uint8") if rank == 2 else 1e3 + 10 * levels.astype("float32")
    return examples, (levels[..., 0] * CLASSES[rank] // 256).astype("uint8")
