"""What layers that gather capsules from a map of features have in common."""

import keras

from capszoo.validation import check_positive_int


class GatheredCapsules(keras.layers.Layer):
    """Gathers capsules from a map: the place of each, the logit of its presence, its features.

    Args:
        num_capsules: How many capsules there are.
        feature_dim: How many features each has.
        kernel_initializer: Initializer of the transforms.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        Places, affine maps `(batch, num_capsules, 2, 3)` in float32, logits
        `(batch, num_capsules)` and features `(batch, num_capsules, feature_dim)`.

    Raises:
        ValueError: If a size is not a positive integer, or the input not of four axes.
    """

    def __init__(self, num_capsules, feature_dim, kernel_initializer, **kwargs):
        num_capsules = check_positive_int("num_capsules", num_capsules)
        feature_dim = check_positive_int("feature_dim", feature_dim)
        super().__init__(**kwargs)
        self.num_capsules = num_capsules
        self.feature_dim = feature_dim
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        if len(input_shape) != 4 or None in input_shape[1:]:
            raise ValueError(
                f"Layer '{self.name}' expects features of shape (batch, height, width, channels), "
                "with all sizes but the batch known. Received: input shape "
                f"{tuple(input_shape)}"
            )

    def add_transforms(self, channels, size):
        """Adds the transforms to `size` numbers of each capsule and to where it looks, and biases.

        Args:
            channels: How many features a position of the map has.
            size: How many numbers a capsule has, its own features among them.
        """
        self.kernel = self.add_weight(
            shape=(channels, self.num_capsules, size + 1),
            initializer=self.kernel_initializer,
            name="kernel",
        )
        self.bias = self.add_weight(
            shape=(self.num_capsules, size), initializer="zeros", name="bias"
        )

    def compute_output_spec(self, inputs):
        dtypes = ("float32", self.compute_dtype, self.compute_dtype)
        shapes = self.compute_output_shape(inputs.shape)
        return tuple(map(keras.KerasTensor, shapes, dtypes))

    def compute_output_shape(self, input_shape):
        capsules = (input_shape[0], self.num_capsules)
        return (*capsules, 2, 3), capsules, (*capsules, self.feature_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "num_capsules": self.num_capsules,
            "feature_dim": self.feature_dim,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
