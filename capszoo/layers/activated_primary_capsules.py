"""Primary capsules with explicit activations, for routings that have them."""

import keras
from keras import ops

from capszoo.ops import conv
from capszoo.ops import finite
from capszoo.ops.window_grid import window_grid
from capszoo.validation import SPATIAL_AXES
from capszoo.validation import check_choice
from capszoo.validation import check_positive_int
from capszoo.validation import check_size


@keras.saving.register_keras_serializable(package="capszoo")
class ActivatedPrimaryCapsules(keras.layers.Layer):
    """Convolves features into maps of capsules, each with a pose and an activation.

    `poses = convolution(features)` and `activations = sigmoid(other_convolution(features) - 1)`,
    both without bias. With `batch_normalization` it is `poses = normalize(convolution(features))`
    and `activations = sigmoid(normalize(other_convolution(features)))`: a batch normalization of
    all the numbers of a type over the batch and the positions, with trainable scale and centre.

    Args:
        num_types: How many capsule types (maps of capsules) there are.
        pose_dim: Size of a capsule's pose vector. Defaults to `16`.
        kernel_size: Height and width of the window in pixels, one integer or two.
            Defaults to `1`.
        strides: Step between windows in pixels, one integer or two. Defaults to `1`.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.
        pose_initializer: Initializer of the poses' kernel; `None` stands for the truncated
            normal distribution with standard deviation 0.5 of the paper's code.
            Defaults to `None`.
        activation_initializer: Initializer of the activations' kernel; `None` stands for the
            truncated normal distribution with standard deviation 3 of the paper's code.
            Defaults to `None`.
        batch_normalization: Whether poses and activations are normalized. Defaults to `False`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        Poses `(batch, new_height, new_width, num_types, pose_dim)` and activations
        `(batch, new_height, new_width, num_types)`.

    Raises:
        ValueError: If a size is not a positive integer, the padding unknown, the input not of
            four axes or the window larger than the map.

    Example:

    >>> features = np.random.normal(size=(2, 14, 14, 32)).astype("float32")
    >>> poses, activations = capszoo.layers.ActivatedPrimaryCapsules(8)(features)
    >>> tuple(poses.shape), tuple(activations.shape)
    ((2, 14, 14, 8, 16), (2, 14, 14, 8))

    Reference:

    - [Hinton, Sabour, Frosst, 2018](https://openreview.net/forum?id=HJWLfGWRb)
    - Normalized: [De Sousa Ribeiro et al., 2020](https://arxiv.org/abs/1905.11455)
    """

    rank = 2

    def __init__(
        self,
        num_types,
        pose_dim=16,
        kernel_size=1,
        strides=1,
        padding="valid",
        pose_initializer=None,
        activation_initializer=None,
        batch_normalization=False,
        **kwargs,
    ):
        num_types = check_positive_int("num_types", num_types)
        pose_dim = check_positive_int("pose_dim", pose_dim)
        kernel_size = check_size("kernel_size", kernel_size, self.rank)
        strides = check_size("strides", strides, self.rank)
        check_choice("padding", padding, ("valid", "same"))
        super().__init__(**kwargs)
        self.num_types = num_types
        self.pose_dim = pose_dim
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.pose_initializer = keras.initializers.get(
            pose_initializer or keras.initializers.TruncatedNormal(stddev=0.5)
        )
        self.activation_initializer = keras.initializers.get(
            activation_initializer or keras.initializers.TruncatedNormal(stddev=3.0)
        )
        self.batch_normalization = batch_normalization
        self.pose_normalization = self.activation_normalization = None
        if batch_normalization:
            # Their axis is that of the types.
            self.pose_normalization, self.activation_normalization = (
                keras.layers.BatchNormalization(
                    axis=axis, momentum=0.9, epsilon=1e-5, dtype=self.dtype_policy, name=name
                )
                for axis, name in ((-2, "pose_normalization"), (-1, "activation_normalization"))
            )

    def build(self, input_shape):
        poses_shape, activations_shape = self.compute_output_shape(input_shape)
        window = (*self.kernel_size, input_shape[-1])
        self.pose_kernel = self.add_weight(
            shape=(*window, self.num_types * self.pose_dim),
            initializer=self.pose_initializer,
            name="pose_kernel",
        )
        self.activation_kernel = self.add_weight(
            shape=(*window, self.num_types),
            initializer=self.activation_initializer,
            name="activation_kernel",
        )
        if self.batch_normalization:
            self.pose_normalization.build(poses_shape)
            self.activation_normalization.build(activations_shape)

    def call(self, inputs, training=None):
        inputs = finite(inputs)
        # What the convolution gives too: an infinite number would become NaN when normalized.
        poses = finite(conv(inputs, self.pose_kernel, self.strides, self.padding))
        poses = ops.reshape(poses, (-1, *poses.shape[1:-1], self.num_types, self.pose_dim))
        logits = finite(conv(inputs, self.activation_kernel, self.strides, self.padding))
        if not self.batch_normalization:
            return poses, ops.sigmoid(logits - 1.0)
        poses = self.pose_normalization(poses, training=training)
        return poses, ops.sigmoid(self.activation_normalization(logits, training=training))

    def compute_output_shape(self, input_shape):
        if len(input_shape) != self.rank + 2 or None in input_shape[1:]:
            raise ValueError(
                f"Layer '{self.name}' expects features of shape (batch, "
                f"{', '.join(SPATIAL_AXES[self.rank])}, channels), with all sizes but the batch "
                f"known. Received: input shape {tuple(input_shape)}"
            )
        size = input_shape[1:-1]
        grid = window_grid("inputs", size, self.kernel_size, self.strides, self.padding)
        activations = (input_shape[0], *grid, self.num_types)
        return (*activations, self.pose_dim), activations

    def get_config(self):
        return {
            **super().get_config(),
            "num_types": self.num_types,
            "pose_dim": self.pose_dim,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "pose_initializer": keras.initializers.serialize(self.pose_initializer),
            "activation_initializer": keras.initializers.serialize(self.activation_initializer),
            "batch_normalization": self.batch_normalization,
        }


@keras.saving.register_keras_serializable(package="capszoo")
class ActivatedPrimaryCapsules3D(ActivatedPrimaryCapsules):
    """Convolves features of volumes or clips into capsules, each with a pose and an activation.

    `ActivatedPrimaryCapsules`, where the other arguments are described, is the same for images.

    Args:
        num_types: How many capsule types there are.
        pose_dim: Size of a capsule's pose vector. Defaults to `16`.
        kernel_size: Depth (of clips, frames), height and width of the window, one integer or
            three. Defaults to `1`.
        strides: Step between windows, one integer or three. Defaults to `1`.
        **kwargs: Other arguments of `ActivatedPrimaryCapsules`.

    Input shape:
        `(batch, depth, height, width, channels)`.

    Output shape:
        Poses `(batch, new_depth, new_height, new_width, num_types, pose_dim)` and activations
        `(batch, new_depth, new_height, new_width, num_types)`.

    Raises:
        ValueError: If a size is not a positive integer, the padding unknown, the input not of
            5 axes or the window larger than the map.

    Example:

    >>> features = np.random.normal(size=(2, 4, 6, 6, 8)).astype("float32")
    >>> poses, activations = capszoo.layers.ActivatedPrimaryCapsules3D(4)(features)
    >>> tuple(poses.shape), tuple(activations.shape)
    ((2, 4, 6, 6, 4, 16), (2, 4, 6, 6, 4))
    """

    rank = 3
