"""Capsules whose children all vote by the same transforms."""

import keras
from keras import ops

from capszoo.layers.capsule_layer import CapsuleLayer
from capszoo.ops import Geometry


@keras.saving.register_keras_serializable(package="capszoo")
class SharedCapsules(CapsuleLayer):
    """Parent capsules that every child votes for, by a transform that all children share.

    `votes[j, i] = poses[i] @ kernel[:, j]`, then the routing combines them. How many children
    there are is no part of the weights: those of a text, a graph or a map of any size may vote, and
    their order does not count. On axes between the batch and the children, each position has
    parents of its own, with the same transforms.

    Args:
        num_capsules: How many parent capsules there are (at each position).
        pose_dim: Size of a parent's pose vector.
        routing: How votes are combined: a name of `capszoo.routing.names()`, a config or a
            `capszoo.routing.Routing`. Defaults to `"dynamic"`.
        **kwargs: Arguments of `capszoo.layers.CapsuleLayer`.

    Call arguments:
        inputs: Poses of the children; with a routing that has explicit activations, the pair of
            poses and activations `(batch, *spatial, children)`.
        mask: Boolean tensor `(batch, *spatial, children)`, true where there is a child.
            Defaults to `None`, all are there.
        return_coupling: Whether the couplings are returned too. Defaults to `False`.

    Input shape:
        `(batch, *spatial, children, child_dim)`.

    Output shape:
        `(batch, *spatial, num_capsules, pose_dim)`; with `return_coupling=True` also
        `(batch, *spatial, num_capsules, children)`. With a routing that has explicit activations,
        the pair of poses and activations `(batch, *spatial, num_capsules)`.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, the inputs have
            fewer than three axes or a pose is not square where it must be.

    Example:

    >>> children = np.random.normal(size=(2, 304, 16)).astype("float32")
    >>> layer = capszoo.layers.SharedCapsules(6, 16)
    >>> tuple(layer(children).shape), layer.count_params() - 6 * 16
    ((2, 6, 16), 1536)

    Reference:

    - [Zhao et al., 2018](https://arxiv.org/abs/1804.00538), equation 4
    """

    def compute_kernel_shape(self, input_shape, child_dim):
        return (child_dim,)

    def compute_votes(self, poses, kernel):
        child_dim, per_child, parents, pose_dim = kernel.shape
        *spatial, children, _ = poses.shape[1:]
        votes = ops.matmul(poses, ops.reshape(kernel, (child_dim, per_child * parents * pose_dim)))
        votes = ops.reshape(votes, (-1, children, per_child, parents, pose_dim))
        votes = ops.transpose(votes, (0, 3, 1, 2, 4))
        return ops.reshape(votes, (-1, *spatial, parents, children * per_child, pose_dim))

    def compute_geometry(self, input_shape):
        *spatial, children, _ = input_shape[1:]
        return Geometry(tuple(spatial), children, shared_types=1)

    def arrange_activations(self, activations):
        return activations

    def arrange_poses(self, poses):
        return poses
