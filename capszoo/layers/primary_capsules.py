"""Primary capsules: the first capsules, cut out of convolutional features."""

import keras
from keras import ops

from capszoo.ops import SQUASHES
from capszoo.ops import conv
from capszoo.ops import finite
from capszoo.ops import safe_norm
from capszoo.ops import squash as squash_poses
from capszoo.ops.norms import check_squash_power
from capszoo.ops.window_grid import window_grid
from capszoo.validation import SPATIAL_AXES
from capszoo.validation import check_choice
from capszoo.validation import check_number
from capszoo.validation import check_positive_int
from capszoo.validation import check_size


@keras.saving.register_keras_serializable(package="capszoo")
class OfLengths(keras.regularizers.Regularizer):
    """Regularizes the lengths of vectors, along the last axis.

    Args:
        regularizer: What the lengths are given to, as Keras takes regularizers.
    """

    def __init__(self, regularizer):
        self.regularizer = keras.regularizers.get(regularizer)

    def __call__(self, x):
        return self.regularizer(safe_norm(ops.cast(x, "float32")))

    def get_config(self):
        return {"regularizer": keras.regularizers.serialize(self.regularizer)}


@keras.saving.register_keras_serializable(package="capszoo")
class PrimaryCapsules(keras.layers.Layer):
    """Convolves features into maps of capsules and squashes their poses.

    `poses = squash(scale * convolution(features) + bias)`, the filters read as `num_types`
    capsule types of `pose_dim` numbers each. A capsule's numbers all belong to one position.

    Primary capsules that are active on the background dilute the votes of those on the object.
    `activity_regularizer` and `squash_power` restrain them. Both are inspired by the abstract of
    Yang and Wang, whose formula is not known here: they are not these authors' method.
    `examples/dilution.py` measures them, and finds no difference.

    Args:
        num_types: How many capsule types (maps of capsules) there are.
        pose_dim: Size of a capsule's pose vector.
        kernel_size: Height and width of the window in pixels, one integer or two.
        strides: Step between windows in pixels, one integer or two. Defaults to `1`.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.
        scale: Factor on the convolution, before bias and squash. The code of the dynamic
            routing paper has `1 / num_types` here. Defaults to `1.0`.
        squash: `"standard"`, `"exponential"`, `"text"` or `None` for none. Defaults to
            `"standard"`.
        kernel_initializer: Initializer of the kernel. Defaults to `"glorot_uniform"`.
        bias_initializer: Initializer of the bias. Defaults to `"zeros"`.
        kernel_regularizer: Regularizer of the kernel. Defaults to `None`.
        squash_power: Power of the length in the standard squash, `n**p / (1 + n**p)`: above 2,
            short capsules become shorter. Defaults to `2`.
        activity_regularizer: Regularizer of the capsules' activities, their lengths
            `(batch, *size, num_types)`, where a Keras layer would regularize its output.
            Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, new_height, new_width, num_types, pose_dim)`.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, the input not of
            four axes or the window larger than the map.

    Example:

    >>> features = np.random.normal(size=(2, 20, 20, 64)).astype("float32")
    >>> layer = capszoo.layers.PrimaryCapsules(32, 8, kernel_size=9, strides=2)
    >>> tuple(layer(features).shape)
    (2, 6, 6, 32, 8)

    Reference:

    - [Sabour, Frosst, Hinton, 2017](https://arxiv.org/abs/1710.09829)
    - Dilution: [Yang, Wang, 2019](https://arxiv.org/abs/1903.10588)
    """

    rank = 2

    def __init__(
        self,
        num_types,
        pose_dim,
        kernel_size,
        strides=1,
        padding="valid",
        scale=1.0,
        squash="standard",
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        squash_power=2,
        activity_regularizer=None,
        **kwargs,
    ):
        num_types = check_positive_int("num_types", num_types)
        pose_dim = check_positive_int("pose_dim", pose_dim)
        kernel_size = check_size("kernel_size", kernel_size, self.rank)
        strides = check_size("strides", strides, self.rank)
        check_choice("padding", padding, ("valid", "same"))
        check_number("scale", scale)
        if squash is not None:
            check_choice("squash", squash, SQUASHES)
        check_squash_power("squash_power", squash_power, squash)
        regularizer = keras.regularizers.get(activity_regularizer)
        super().__init__(
            activity_regularizer=None if regularizer is None else OfLengths(regularizer), **kwargs
        )
        self.num_types = num_types
        self.pose_dim = pose_dim
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.scale = scale
        self.squash = squash
        self.squash_power = squash_power
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape):
        self.compute_output_shape(input_shape)
        filters = self.num_types * self.pose_dim
        self.kernel = self.add_weight(
            shape=(*self.kernel_size, input_shape[-1], filters),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            name="kernel",
        )
        self.bias = self.add_weight(
            shape=(filters,), initializer=self.bias_initializer, name="bias"
        )

    def call(self, inputs):
        features = conv(finite(inputs), self.kernel, self.strides, self.padding)
        features = features * self.scale + self.bias
        size = features.shape[1:-1]
        poses = ops.reshape(features, (-1, *size, self.num_types, self.pose_dim))
        if self.squash is None:
            return poses
        return squash_poses(poses, kind=self.squash, power=self.squash_power)

    def compute_output_shape(self, input_shape):
        if len(input_shape) != self.rank + 2 or None in input_shape[1:]:
            raise ValueError(
                f"Layer '{self.name}' expects features of shape (batch, "
                f"{', '.join(SPATIAL_AXES[self.rank])}, channels), with all sizes but the batch "
                f"known. Received: input shape {tuple(input_shape)}"
            )
        size = input_shape[1:-1]
        grid = window_grid("inputs", size, self.kernel_size, self.strides, self.padding)
        return (input_shape[0], *grid, self.num_types, self.pose_dim)

    def get_config(self):
        of_lengths = self.activity_regularizer
        regularizer = None if of_lengths is None else of_lengths.regularizer
        return {
            **super().get_config(),
            "num_types": self.num_types,
            "pose_dim": self.pose_dim,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "scale": self.scale,
            "squash": self.squash,
            "squash_power": self.squash_power,
            "activity_regularizer": keras.regularizers.serialize(regularizer),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }


@keras.saving.register_keras_serializable(package="capszoo")
class PrimaryCapsules1D(PrimaryCapsules):
    """Convolves features of sequences into capsules and squashes their poses.

    `PrimaryCapsules`, where the other arguments are described, is the same for images.

    Args:
        num_types: How many capsule types there are.
        pose_dim: Size of a capsule's pose vector.
        kernel_size: Length of the window.
        strides: Step between windows. Defaults to `1`.
        **kwargs: Other arguments of `PrimaryCapsules`.

    Input shape:
        `(batch, length, channels)`.

    Output shape:
        `(batch, new_length, num_types, pose_dim)`.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, the input not of
            3 axes or the window larger than the map.

    Example:

    >>> features = np.random.normal(size=(2, 20, 64)).astype("float32")
    >>> tuple(capszoo.layers.PrimaryCapsules1D(32, 8, kernel_size=9, strides=2)(features).shape)
    (2, 6, 32, 8)
    """

    rank = 1


@keras.saving.register_keras_serializable(package="capszoo")
class PrimaryCapsules3D(PrimaryCapsules):
    """Convolves features of volumes into capsules and squashes their poses.

    `PrimaryCapsules`, where the other arguments are described, is the same for images.

    Args:
        num_types: How many capsule types there are.
        pose_dim: Size of a capsule's pose vector.
        kernel_size: Depth, height and width of the window, one integer or three.
        strides: Step between windows, one integer or three. Defaults to `1`.
        **kwargs: Other arguments of `PrimaryCapsules`.

    Input shape:
        `(batch, depth, height, width, channels)`.

    Output shape:
        `(batch, new_depth, new_height, new_width, num_types, pose_dim)`.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, the input not of
            5 axes or the window larger than the map.

    Example:

    >>> features = np.random.normal(size=(2, 6, 6, 6, 4)).astype("float32")
    >>> tuple(capszoo.layers.PrimaryCapsules3D(4, 8, kernel_size=3, strides=2)(features).shape)
    (2, 2, 2, 2, 4, 8)
    """

    rank = 3
