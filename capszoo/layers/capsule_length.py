"""The length of a capsule's pose: how present the capsule is."""

import keras

from capszoo.ops import safe_norm


@keras.saving.register_keras_serializable(package="capszoo")
class CapsuleLength(keras.layers.Layer):
    """Reads capsules out by the length of their pose.

    `length = sqrt(sum(pose**2) + 1e-7)`. The length of a squashed pose lies between 0 and 1
    and says how present the capsule is; lengths of several capsules do not sum to 1 and are
    not logits: no softmax belongs on them.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, *spatial, capsules, pose_dim)`.

    Output shape:
        `(batch, *spatial, capsules)`.

    Example:

    >>> poses = np.ones((2, 10, 16), "float32")
    >>> tuple(capszoo.layers.CapsuleLength()(poses).shape)
    (2, 10)
    """

    def call(self, inputs):
        return safe_norm(inputs)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[:-1])
