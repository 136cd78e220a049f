"""From poses with activations to poses whose length is the activation."""

import keras
from keras import ops

from capszoo.ops import in_float32
from capszoo.ops import safe_norm
from capszoo.ops import saturate


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
        return _with_lengths(poses, activations)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])


@in_float32
def _with_lengths(poses, lengths):
    # In float16 the slope of a length near zero would be infinite.
    lengths = ops.expand_dims(ops.cast(lengths, poses.dtype), -1)
    poses = saturate(poses)
    return poses * (lengths / safe_norm(poses, keepdims=True))
