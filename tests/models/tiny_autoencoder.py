"""The smallest autoencoders of pictures and of volumes, and data for them."""

import keras
import numpy as np

import capszoo
from capszoo.models.inputs import VolumeInput

SHAPES = {2: (6, 4, 1), 3: (4, 6, 4, 2)}


def body(model, features, dtype):
    """Each example as three capsules, and a line from these to the example."""
    flat = keras.layers.Flatten(dtype=dtype, name="flat")(features)
    numbers = keras.layers.Dense(3 * 4, dtype=dtype, name="capsules")(flat)
    poses = keras.layers.Reshape((3, 4), dtype=dtype, name="poses")(numbers)
    wide = keras.layers.Dense(flat.shape[-1], dtype=dtype, name="decoder")(numbers)
    made = keras.layers.Reshape(model.example_shape, dtype="float32", name="made")(wide)
    return {"reconstructions": made, "poses": poses}


@keras.saving.register_keras_serializable(package="capszoo_tests")
class PictureAutoencoder(capszoo.models.CapsuleAutoencoder):
    def __init__(self, image_shape=SHAPES[2], **kwargs):
        super().__init__(image_shape=image_shape, **kwargs)

    def body(self, features, dtype):
        return body(self, features, dtype)


@keras.saving.register_keras_serializable(package="capszoo_tests")
class VolumeAutoencoder(capszoo.models.CapsuleAutoencoder):
    input_end = VolumeInput

    def __init__(self, volume_shape=SHAPES[3], **kwargs):
        super().__init__(volume_shape=volume_shape, **kwargs)

    def body(self, features, dtype):
        return body(self, features, dtype)


AUTOENCODERS = {2: PictureAutoencoder, 3: VolumeAutoencoder}


def data(rank, count):
    """Ramps of random slope, from the darkest to the brightest."""
    random = np.random.default_rng(0)
    shape = SHAPES[rank]
    slopes = random.normal(size=(count, len(shape)))
    ramps = np.tensordot(slopes, np.indices(shape), axes=1)
    ramps -= ramps.min(axis=tuple(range(1, 1 + len(shape))), keepdims=True)
    ramps *= 255 / ramps.max(axis=tuple(range(1, 1 + len(shape))), keepdims=True)
    return ramps.astype("uint8") if rank == 2 else 1e3 + 10 * ramps.astype("float32")
