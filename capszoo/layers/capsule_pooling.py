"""Capsule pooling: the mean capsule of each type in a window, before any vote is made."""

import math

import keras
from keras import ops

from capszoo.ops import Windows
from capszoo.ops.window_grid import same_pads
from capszoo.ops.window_grid import window_grid
from capszoo.validation import check_choice
from capszoo.validation import check_size


@keras.saving.register_keras_serializable(package="capszoo")
class CapsulePooling3D(keras.layers.Layer):
    """Takes the mean of the poses, and of the activations, of each type in a window.

    A layer of capsules that comes after it with a window of one position makes one vote for each
    type and parent, where without it there is one for each capsule in the window: a window of
    3x5x5 has 75 times as many.

    Args:
        kernel_size: Depth (of clips, frames), height and width of the window in positions, one
            integer or three.
        strides: Step between windows in positions, one integer or three. Defaults to `1`.
        padding: `"valid"` or `"same"`; what a window reaches beyond the map does not count.
            Defaults to `"valid"`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: The pair of poses and activations.

    Input shape:
        `(batch, depth, height, width, types, pose_dim)` and `(batch, depth, height, width, types)`.

    Output shape:
        The same, of `new_depth`, `new_height` and `new_width`.

    Raises:
        ValueError: If a size is not a positive integer, the padding unknown or the window larger
            than the map.

    Example:

    >>> poses, presence = np.ones((2, 4, 8, 8, 3, 16)), np.ones((2, 4, 8, 8, 3))
    >>> pooled, active = capszoo.layers.CapsulePooling3D(3, strides=(1, 2, 2))((poses, presence))
    >>> tuple(pooled.shape), tuple(active.shape)
    ((2, 2, 3, 3, 3, 16), (2, 2, 3, 3, 3))

    Reference:

    - [Duarte, Rawat, Shah, 2018](https://arxiv.org/abs/1805.08162), section 3.1
    """

    def __init__(self, kernel_size, strides=1, padding="valid", **kwargs):
        kernel_size = check_size("kernel_size", kernel_size, rank=3)
        strides = check_size("strides", strides, rank=3)
        check_choice("padding", padding, ("valid", "same"))
        super().__init__(**kwargs)
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding

    def build(self, input_shape):
        self.compute_output_shape(input_shape)
        self._pads, self._counted = [(0, 0)] * 3, None
        if self.padding == "same":
            size = input_shape[0][1:4]
            self._pads = same_pads(size, self.kernel_size, self.strides)
            windows = Windows(size, self.kernel_size, self.strides, self.padding)
            # How many positions of each window lie on the map.
            counted = (windows.children() < math.prod(size)).sum(axis=1)
            self._counted = counted.reshape(*windows.grid, 1).astype("float32")

    def call(self, inputs):
        poses, activations = inputs
        *size, types, pose_dim = poses.shape[1:]
        maps = self._means(ops.reshape(poses, (-1, *size, types * pose_dim)))
        pooled = ops.reshape(maps, (-1, *maps.shape[1:-1], types, pose_dim))
        return pooled, self._means(activations)

    def _means(self, maps):
        # In float32: TensorFlow pools no volumes of float16 on a CPU. Padded with zeros here, and
        # divided by what is on the map: where the two sides of an axis need different pads, Keras
        # on PyTorch repeats what lies at the border and counts it.
        padded = ops.pad(ops.cast(maps, "float32"), [(0, 0), *self._pads, (0, 0)])
        means = ops.average_pool(
            padded, self.kernel_size, self.strides, "valid", data_format="channels_last"
        )
        if self._counted is not None:
            means = means * ops.convert_to_tensor(math.prod(self.kernel_size) / self._counted)
        return ops.cast(means, maps.dtype)

    def compute_output_shape(self, input_shape):
        poses_shape, _ = input_shape
        batch, *size, types, pose_dim = poses_shape
        grid = window_grid("inputs", size, self.kernel_size, self.strides, self.padding)
        return (batch, *grid, types, pose_dim), (batch, *grid, types)

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
        }
