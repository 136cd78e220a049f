"""Primary capsules by a depthwise convolution: few parameters, one capsule type per position."""

import keras
from keras import ops

from capszoo.ops import depthwise_conv2d
from capszoo.ops import finite
from capszoo.ops import squash
from capszoo.ops.window_grid import window_grid
from capszoo.validation import check_positive_int
from capszoo.validation import check_size


@keras.saving.register_keras_serializable(package="capszoo")
class DepthwisePrimaryCapsules(keras.layers.Layer):
    """Convolves each channel by itself and reads the channels as capsules.

    `poses = squash(depthwise_convolution(features) + bias)` with the exponential squash, the
    channels read as `channels / pose_dim` capsule types of `pose_dim` numbers each.

    Args:
        pose_dim: Size of a capsule's pose vector; must divide the channels.
        kernel_size: Height and width of the window in pixels, one integer or two.
        strides: Steps between windows in pixels, one integer or two. Defaults to `1`.
        kernel_initializer: Initializer of the kernel. Defaults to `"he_normal"`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, new_height, new_width, channels / pose_dim, pose_dim)`.

    Raises:
        ValueError: If a size is not a positive integer, `pose_dim` does not divide the
            channels, the input has not four axes or the window is larger than the map.

    Example:

    >>> features = np.random.normal(size=(2, 9, 9, 128)).astype("float32")
    >>> tuple(capszoo.layers.DepthwisePrimaryCapsules(8, kernel_size=9)(features).shape)
    (2, 1, 1, 16, 8)

    Reference:

    - [Mazzia, Salvetti, Chiaberge, 2021](https://arxiv.org/abs/2101.12491)
    """

    def __init__(self, pose_dim, kernel_size, strides=1, kernel_initializer="he_normal", **kwargs):
        pose_dim = check_positive_int("pose_dim", pose_dim)
        kernel_size = check_size("kernel_size", kernel_size, rank=2)
        strides = check_size("strides", strides, rank=2)
        super().__init__(**kwargs)
        self.pose_dim = pose_dim
        self.kernel_size = kernel_size
        self.strides = strides
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.convolution = keras.layers.DepthwiseConv2D(
            kernel_size,
            data_format="channels_last",
            depthwise_initializer=self.kernel_initializer.clone(),
            dtype=self.dtype_policy,
            name="convolution",
        )

    def build(self, input_shape):
        self.compute_output_shape(input_shape)
        self.convolution.build(input_shape)

    def call(self, inputs):
        kernel, bias = self.convolution.kernel, self.convolution.bias
        features = depthwise_conv2d(finite(inputs), kernel, self.strides) + bias
        *size, channels = features.shape[1:]
        shape = (-1, *size, channels // self.pose_dim, self.pose_dim)
        return squash(ops.reshape(features, shape), kind="exponential")

    def compute_output_shape(self, input_shape):
        if len(input_shape) != 4 or None in input_shape[1:]:
            raise ValueError(
                f"Layer '{self.name}' expects features of shape (batch, height, width, "
                "channels), with all sizes but the batch known. "
                f"Received: input shape {tuple(input_shape)}"
            )
        batch, *size, channels = input_shape
        if channels % self.pose_dim:
            raise ValueError(
                f"Argument `pose_dim` must divide the {channels} channels of the input. "
                f"Received: pose_dim={self.pose_dim}"
            )
        grid = window_grid("inputs", size, self.kernel_size, self.strides, "valid")
        return (batch, *grid, channels // self.pose_dim, self.pose_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "pose_dim": self.pose_dim,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
