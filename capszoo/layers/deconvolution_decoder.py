"""A decoder of transposed convolutions that is not told the class: from a capsule to the image."""

import keras
from keras import ops

from capszoo.validation import check_image_shape
from capszoo.validation import check_positive_int


@keras.saving.register_keras_serializable(package="capszoo")
class DeconvolutionDecoder(keras.layers.Layer):
    """Reconstructs images from the pose of a class capsule, whichever class it is of.

    Masked capsules are added up: where all but one are zero, that one is left, without its place
    among the classes (class-independent decoder). So a number of the pose means the same for
    every class. Then a dense layer with ReLU makes a small map, batch normalization follows, and
    transposed 3x3 convolutions with ReLU, each but the first twice as high and wide as what it is
    given; a last one with sigmoid gives the pixel values, between 0 and 1.

    Args:
        image_shape: `(height, width, channels)` of the image. What the map exceeds it by is cut
            off.
        filters: Filters of the transposed convolutions but the last. Defaults to
            `(64, 32, 16)`.
        channels: Channels of the small map. Defaults to `16`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, classes, pose_dim)`, all classes but those to be decoded set to zero.

    Output shape:
        `(batch, height, width, channels)`, between 0 and 1.

    Raises:
        ValueError: If a size is not a positive integer or there are no filters.

    Example:

    >>> decoder = capszoo.layers.DeconvolutionDecoder((28, 28, 1))
    >>> tuple(decoder(np.ones((2, 10, 32), "float32")).shape)
    (2, 28, 28, 1)

    Reference:

    - [Rajasegaran et al., 2019](https://arxiv.org/abs/1904.09546), section 3.3
    """

    def __init__(self, image_shape, filters=(64, 32, 16), channels=16, **kwargs):
        image_shape = check_image_shape(image_shape)
        filters = tuple(check_positive_int("filters", size) for size in filters)
        channels = check_positive_int("channels", channels)
        if not filters:
            raise ValueError("Argument `filters` must hold at least one number. Received: none")
        super().__init__(**kwargs)
        self.image_shape = image_shape
        self.filters = filters
        self.channels = channels
        factor = 2 ** (len(filters) - 1)
        height, width = (-(-size // factor) for size in image_shape[:2])
        self.map_shape = (height, width, channels)
        self.dense = keras.layers.Dense(
            height * width * channels, activation="relu", dtype=self.dtype_policy, name="dense"
        )
        self.normalization = keras.layers.BatchNormalization(
            momentum=0.8, dtype=self.dtype_policy, name="normalization"
        )
        steps = [(size, 1 if index == 0 else 2, "relu") for index, size in enumerate(filters)]
        steps.append((image_shape[2], 1, "sigmoid"))
        self.deconvolutions = [
            keras.layers.Conv2DTranspose(
                size,
                3,
                strides=step,
                padding="same",
                activation=activation,
                data_format="channels_last",
                dtype=self.dtype_policy,
                name=f"deconvolution_{index + 1}",
            )
            for index, (size, step, activation) in enumerate(steps)
        ]

    def build(self, input_shape):
        if len(input_shape) != 3:
            raise ValueError(
                f"Layer '{self.name}' expects class capsules of shape (batch, classes, "
                f"pose_dim). Received: input shape {tuple(input_shape)}"
            )
        self.dense.build((input_shape[0], input_shape[-1]))
        shape = (input_shape[0], *self.map_shape)
        self.normalization.build(shape)
        for layer in self.deconvolutions:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def call(self, inputs, training=None):
        features = self.dense(ops.sum(inputs, axis=1))
        features = ops.reshape(features, (-1, *self.map_shape))
        features = self.normalization(features, training=training)
        for layer in self.deconvolutions:
            features = layer(features)
        return features[:, : self.image_shape[0], : self.image_shape[1]]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.image_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "filters": self.filters,
            "channels": self.channels,
        }
