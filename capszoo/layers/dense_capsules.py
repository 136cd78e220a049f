"""Fully connected capsules: each child has its own transform for each parent."""

import math

import keras
from keras import ops

from capszoo.layers.capsule_layer import CapsuleLayer
from capszoo.ops import Geometry
from capszoo.ops import dense_votes


@keras.saving.register_keras_serializable(package="capszoo")
class DenseCapsules(CapsuleLayer):
    """Parent capsules that every child capsule votes for, by a transform of its own.

    `votes[j, i] = poses[i] @ kernel[i, :, j]`, then the routing combines them. All axes
    between the batch and the pose are children, in row-major order: a map of capsules may be
    fed as it is. The transforms hold `children * child_dim * num_capsules * pose_dim` numbers.

    Args:
        num_capsules: How many parent capsules there are, for example one per class.
        pose_dim: Size of a parent's pose vector.
        routing: How votes are combined: a name of `capszoo.routing.names()`, a config or a
            `capszoo.routing.Routing`. Defaults to `"dynamic"`.
        transform: `"full"`, or `"matrix"` for poses that are square matrices, multiplied by a
            square matrix, or `None` for no transform, see `CapsuleLayer`. Defaults to `"full"`.
        vote_bias: What is added to the votes: `None`, `"parents"` for one trainable vector per
            parent or `"votes"` for one per vote. Defaults to `None`.
        kernel_initializer: Initializer of the transforms; `None` stands for the truncated
            normal distribution with standard deviation 0.1 of the dynamic routing paper's
            code. Defaults to `None`.
        bias_initializer: Initializer of the vote bias. Defaults to `"zeros"`.
        kernel_regularizer: Regularizer of the transforms. Defaults to `None`.
        recompute: Whether the gradient makes votes and routing anew instead of keeping what
            they computed: less memory, more time; see `CapsuleLayer`. Defaults to `False`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Poses of the children; with a routing that has explicit activations, the pair of
            poses and activations `(batch, *spatial, children)`.
        return_coupling: Whether the couplings are returned too. Defaults to `False`.

    Input shape:
        `(batch, *spatial, children, child_dim)`.

    Output shape:
        `(batch, num_capsules, pose_dim)`; with `return_coupling=True` also
        `(batch, num_capsules, children)`, where children counts all positions. With a routing
        that has explicit activations, the pair of poses and activations
        `(batch, num_capsules)`.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, the inputs have
            fewer than three axes or a pose is not square where it must be.

    Example:

    >>> children = np.random.normal(size=(2, 6, 6, 32, 8)).astype("float32")
    >>> layer = capszoo.layers.DenseCapsules(10, 16, routing="dynamic")
    >>> tuple(layer(children).shape)
    (2, 10, 16)
    >>> poses, coupling = layer(children, return_coupling=True)
    >>> tuple(coupling.shape)
    (2, 10, 1152)

    Reference:

    - [Sabour, Frosst, Hinton, 2017](https://arxiv.org/abs/1710.09829)
    """

    def compute_kernel_shape(self, input_shape, child_dim):
        return (math.prod(input_shape[1:-1]), child_dim)

    def compute_votes(self, poses, kernel):
        return dense_votes(_as_one_axis(poses), kernel)

    def compute_geometry(self, input_shape):
        return Geometry.dense(math.prod(input_shape[1:-1]))

    def arrange_activations(self, activations):
        return ops.reshape(activations, (-1, math.prod(activations.shape[1:])))

    def arrange_poses(self, poses):
        return _as_one_axis(poses)


def _as_one_axis(poses):
    return ops.reshape(poses, (-1, math.prod(poses.shape[1:-1]), poses.shape[-1]))
