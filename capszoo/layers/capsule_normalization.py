"""Layer normalization of capsule maps, shared by all capsule types."""

import keras
from keras import ops

from capszoo.ops import saturate
from capszoo.ops import widen


@keras.saving.register_keras_serializable(package="capszoo")
class CapsuleNormalization(keras.layers.Layer):
    """Normalizes each map of capsules over positions and pose together.

    For each sample and capsule type the mean and variance over (height, width, pose) are taken
    out; a trainable scale and offset for each of these numbers follows, the same for all types.
    It ties the layer to the size of the map.

    Args:
        epsilon: Added to the variance. Defaults to `1e-5`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, height, width, types, pose_dim)`.

    Output shape:
        Same as the input.

    Raises:
        ValueError: If the input has not five axes.

    Example:

    >>> poses = np.random.normal(size=(2, 8, 8, 4, 6)).astype("float32")
    >>> tuple(capszoo.layers.CapsuleNormalization()(poses).shape)
    (2, 8, 8, 4, 6)

    Reference:

    - [Zhao, Cheng, 2021](https://arxiv.org/abs/2109.09213), released code
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        if len(input_shape) != 5:
            raise ValueError(
                f"Layer '{self.name}' expects capsules of shape (batch, height, width, types, "
                f"pose_dim). Received: input shape {tuple(input_shape)}"
            )
        _, height, width, _, pose_dim = input_shape
        shape = (height, width, 1, pose_dim)
        self.scale = self.add_weight(shape=shape, initializer="ones", name="scale")
        self.offset = self.add_weight(shape=shape, initializer="zeros", name="offset")

    def call(self, inputs):
        wide = widen(saturate(inputs))
        mean, variance = ops.moments(wide, axes=(1, 2, 4), keepdims=True)
        normalized = (wide - mean) * ops.rsqrt(variance + self.epsilon)
        return ops.cast(normalized, inputs.dtype) * self.scale + self.offset

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
