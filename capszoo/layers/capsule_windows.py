"""The capsules in a window around each position of a sequence."""

import keras
from keras import ops

from capszoo.validation import check_positive_int


@keras.saving.register_keras_serializable(package="capszoo")
class CapsuleWindows1D(keras.layers.Layer):
    """Gathers, at each position of a sequence of capsules, those in the window around it.

    There are as many windows as positions. What a window reaches beyond the ends is missing, and
    so is what the mask leaves out, and all that a window around a missing position holds: a mask of
    the gathered children comes with them. A sequence that is followed by missing positions
    therefore has the windows that it would have alone.

    Args:
        kernel_size: Length of the window in positions; of an even one, one more lies behind than
            before.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Poses of the capsules.
        mask: Boolean tensor `(batch, length)`, true where there is a position. Defaults to
            `None`, all are there.

    Input shape:
        `(batch, length, types, pose_dim)`.

    Output shape:
        `(batch, length, kernel_size * types, pose_dim)`, places in order, types fastest, and the
        mask of these, `(batch, length, kernel_size * types)`.

    Raises:
        ValueError: If `kernel_size` is not a positive integer.

    Example:

    >>> poses = np.arange(4, dtype="float32").reshape(1, 4, 1, 1)
    >>> children, there = capszoo.layers.CapsuleWindows1D(3)(poses)
    >>> np.asarray(children)[0, ..., 0].tolist()
    [[0.0, 0.0, 1.0], [0.0, 1.0, 2.0], [1.0, 2.0, 3.0], [2.0, 3.0, 0.0]]
    >>> np.asarray(there)[0, 0].tolist()
    [False, True, True]
    """

    def __init__(self, kernel_size, **kwargs):
        kernel_size = check_positive_int("kernel_size", kernel_size)
        super().__init__(**kwargs)
        self.kernel_size = kernel_size
        self.supports_masking = True

    def call(self, inputs, mask=None):
        types = inputs.shape[2]
        if mask is None:
            mask = ops.ones_like(inputs[:, :, 0, 0], dtype="bool")
        mask = ops.expand_dims(ops.cast(mask, "float32"), -1)
        # The window around a missing position is empty.
        there = self._gather(ops.repeat(mask, types, axis=-1)) * mask
        return self._gather(inputs), there > 0.5

    def _gather(self, sequence):
        length = sequence.shape[1]
        before = (self.kernel_size - 1) // 2
        beyond = [[0, 0] for _ in sequence.shape]
        beyond[1] = [before, self.kernel_size - 1 - before]
        padded = ops.pad(sequence, beyond)
        places = [padded[:, place : place + length] for place in range(self.kernel_size)]
        return ops.concatenate(places, axis=2)

    def compute_mask(self, inputs, previous_mask=None):
        return None  # it is an output

    def compute_output_shape(self, input_shape):
        batch, length, types, pose_dim = input_shape
        children = self.kernel_size * types
        return (batch, length, children, pose_dim), (batch, length, children)

    def compute_output_spec(self, inputs, mask=None):
        poses, there = self.compute_output_shape(inputs.shape)
        return keras.KerasTensor(poses, self.compute_dtype), keras.KerasTensor(there, "bool")

    def get_config(self):
        return {**super().get_config(), "kernel_size": self.kernel_size}
