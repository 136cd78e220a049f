"""From poses with activations to poses whose length is the activation."""

import keras
from keras import ops

from capszoo.ops import safe_norm


@keras.saving.register_keras_serializable(package="capszoo")
class ActivationToLength(keras.layers.Layer):
    """Gives each pose its activation as length: `activation * pose / |pose|`.

    Stands between a routing with explicit activations and whatever takes poses alone.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: The pair of poses and activations.

    Input shape:
        `(batch, *spatial, capsules, pose_dim)` and `(batch, *spatial, capsules)`.

    Output shape:
        `(batch, *spatial, capsules, pose_dim)`.

    Example:

    >>> poses, activations = np.ones((2, 10, 16), "float32"), np.ones((2, 10), "float32")
    >>> tuple(capszoo.layers.ActivationToLength()((poses, activations)).shape)
    (2, 10, 16)
    """

    def call(self, inputs):
        poses, activations = inputs
        return poses * (ops.expand_dims(activations, -1) / safe_norm(poses, keepdims=True))

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])
