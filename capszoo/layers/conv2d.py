"""Keras' two-dimensional convolution, computed in the form that is fastest here."""

import keras

from capszoo import ops


@keras.saving.register_keras_serializable(package="capszoo")
class Conv2D(keras.layers.Conv2D):
    """A `keras.layers.Conv2D` that picks its form by backend and device.

    The arguments, shapes, variables and results are those of `keras.layers.Conv2D`, the forms
    those of `capszoo.ops.conv2d`. Images are `(batch, height, width, channels)` whatever Keras'
    setting `image_data_format`, unless `data_format` says otherwise.

    Args:
        *args: Arguments of `keras.layers.Conv2D`.
        **kwargs: Arguments of `keras.layers.Conv2D`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, new_height, new_width, filters)`.

    Example:

    >>> images = np.zeros((2, 28, 28, 1), "float32")
    >>> tuple(capszoo.layers.Conv2D(256, 9, activation="relu")(images).shape)
    (2, 20, 20, 256)
    """

    def __init__(self, *args, **kwargs):
        # The fifth argument, where they are given in order.
        if len(args) < 5:
            kwargs.setdefault("data_format", "channels_last")
        super().__init__(*args, **kwargs)

    def convolution_op(self, inputs, kernel):
        is_plain = (
            self.data_format == "channels_last"
            and self.groups == 1
            and tuple(self.dilation_rate) == (1, 1)
        )
        if not is_plain:
            return super().convolution_op(inputs, kernel)
        return ops.conv2d(inputs, kernel, self.strides, self.padding)
