"""A decoder of fully connected layers: from masked capsules back to the image."""

import math

import keras

from capszoo.validation import check_image_shape
from capszoo.validation import check_positive_int


@keras.saving.register_keras_serializable(package="capszoo")
class DenseDecoder(keras.layers.Layer):
    """Reconstructs images from masked class capsules by fully connected layers.

    Flatten, hidden layers with ReLU, and a sigmoid layer of as many units as the image has
    numbers: pixel values between 0 and 1.

    Args:
        image_shape: `(height, width, channels)` of the image; or `(bins,)` of a histogram.
        units: Sizes of the hidden layers. Defaults to `(512, 1024)`.
        kernel_initializer: Initializer of the kernels. Defaults to `"glorot_uniform"`.
        bias_initializer: Initializer of the biases. Defaults to `"zeros"`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, classes, pose_dim)`, all classes but those to be decoded set to zero.

    Output shape:
        `(batch, *image_shape)`, between 0 and 1.

    Raises:
        ValueError: If a size is not a positive integer.

    Example:

    >>> decoder = capszoo.layers.DenseDecoder((28, 28, 1))
    >>> tuple(decoder(np.ones((2, 10, 16), "float32")).shape)
    (2, 28, 28, 1)

    Reference:

    - [Sabour, Frosst, Hinton, 2017](https://arxiv.org/abs/1710.09829), section 4.1
    """

    def __init__(
        self,
        image_shape,
        units=(512, 1024),
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        if isinstance(image_shape, (tuple, list)) and len(image_shape) == 1:
            image_shape = (check_positive_int("image_shape", image_shape[0]),)
        else:
            image_shape = check_image_shape(image_shape)
        units = tuple(check_positive_int("units", size) for size in units)
        super().__init__(**kwargs)
        self.image_shape = image_shape
        self.units = units
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

        sizes = [(size, "relu", f"hidden_{index}") for index, size in enumerate(units)]
        sizes.append((math.prod(image_shape), "sigmoid", "pixels"))
        self.dense_layers = [
            keras.layers.Dense(
                size,
                activation=activation,
                # Initializers are cloned: one with a seed would repeat itself otherwise.
                kernel_initializer=self.kernel_initializer.clone(),
                bias_initializer=self.bias_initializer.clone(),
                dtype=self.dtype_policy,
                name=name,
            )
            for size, activation, name in sizes
        ]

    def build(self, input_shape):
        if len(input_shape) != 3:
            raise ValueError(
                f"Layer '{self.name}' expects class capsules of shape (batch, classes, "
                f"pose_dim). Received: input shape {tuple(input_shape)}"
            )
        shape = (input_shape[0], math.prod(input_shape[1:]))
        for layer in self.dense_layers:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def call(self, inputs):
        features = keras.ops.reshape(inputs, (-1, math.prod(inputs.shape[1:])))
        for layer in self.dense_layers:
            features = layer(features)
        return keras.ops.reshape(features, (-1, *self.image_shape))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.image_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "units": self.units,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
