"""Capsules that hold the part of a feature vector that lies in a subspace."""

import keras
from keras import ops

from capszoo.layers.subspaces import orthonormal
from capszoo.validation import check_positive_int


@keras.saving.register_keras_serializable(package="capszoo")
class SubspaceDense(keras.layers.Layer):
    """Projects feature vectors onto the subspace of each capsule.

    With `W[j]` the basis of capsule `j`, its pose is what of the features `x` lies in its subspace,
    in coordinates of an orthonormal basis:

        y[j] = (W[j]^T W[j])^(-1/2) W[j]^T x,    |y[j]|^2 = x^T W[j] (W[j]^T W[j])^(-1) W[j]^T x

    The length is the score of a class: how much of the features its subspace explains.

    Args:
        num_capsules: How many capsules there are.
        pose_dim: Size of a pose: how many dimensions a subspace has, fewer than the features.
        folded: Whether the kernel is used as it is, of one that was projected before.
            Defaults to `False`.
        kernel_initializer: Initializer of the bases. Defaults to `"glorot_uniform"`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, features)`.

    Output shape:
        `(batch, num_capsules, pose_dim)`.

    Raises:
        ValueError: If a size is not a positive integer, the input not of two axes, or a pose has
            more numbers than the features.

    Example:

    >>> features = np.ones((2, 32), "float32")
    >>> tuple(capszoo.layers.SubspaceDense(10, 4)(features).shape)
    (2, 10, 4)

    Reference:

    - [Edraki, Rahnavard, Shah, 2020](https://arxiv.org/abs/2002.02924)
    """

    def __init__(
        self,
        num_capsules,
        pose_dim,
        folded=False,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        num_capsules = check_positive_int("num_capsules", num_capsules)
        pose_dim = check_positive_int("pose_dim", pose_dim)
        super().__init__(**kwargs)
        self.num_capsules = num_capsules
        self.pose_dim = pose_dim
        self.folded = folded
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        self.compute_output_shape(input_shape)
        features = input_shape[-1]
        if self.pose_dim > features:
            raise ValueError(
                f"Layer '{self.name}' projects {features} features: expected `pose_dim` to be at "
                f"most that. Received: pose_dim={self.pose_dim}"
            )
        self.kernel = self.add_weight(
            shape=(features, self.num_capsules * self.pose_dim),
            initializer=self.kernel_initializer,
            name="kernel",
        )

    def _projection(self):
        kernel = ops.convert_to_tensor(self.kernel)
        return kernel if self.folded else orthonormal(kernel, self.num_capsules, self.pose_dim)

    def folded_weights(self):
        """The weights of the same layer with `folded=True`.

        Returns:
            List of arrays, for `set_weights`.
        """
        return [ops.convert_to_numpy(self._projection())]

    def call(self, inputs):
        poses = ops.matmul(inputs, ops.cast(self._projection(), inputs.dtype))
        return ops.reshape(poses, (-1, self.num_capsules, self.pose_dim))

    def compute_output_shape(self, input_shape):
        if len(input_shape) != 2 or input_shape[1] is None:
            raise ValueError(
                f"Layer '{self.name}' expects features of shape (batch, features), with their "
                f"number known. Received: input shape {tuple(input_shape)}"
            )
        return (input_shape[0], self.num_capsules, self.pose_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "num_capsules": self.num_capsules,
            "pose_dim": self.pose_dim,
            "folded": self.folded,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
