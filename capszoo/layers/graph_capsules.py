"""Capsules of a whole graph, which the capsules of all its nodes vote for."""

import keras
from keras import ops

from capszoo.layers.capsule_layer import CapsuleLayer
from capszoo.ops import Geometry


@keras.saving.register_keras_serializable(package="capszoo")
class GraphCapsules(CapsuleLayer):
    """Parent capsules that every capsule of every node votes for, by a transform of its type.

    `votes[j, (n, t)] = poses[n, t] @ kernel[t, :, j]`, then the routing combines them. How many
    nodes there are is no part of the weights and may differ from batch to batch; their order does
    not count.

    Args:
        num_capsules: How many parent capsules there are.
        pose_dim: Size of a parent's pose vector.
        routing: How votes are combined: a name of `capszoo.routing.names()`, a config or a
            `capszoo.routing.Routing`. Of `"dynamic"`, `child_types` divides by the number of nodes.
            Defaults to `"dynamic"`.
        **kwargs: Arguments of `capszoo.layers.CapsuleLayer`.

    Call arguments:
        inputs: Poses of the children; with a routing that has explicit activations, the pair of
            poses and activations `(batch, nodes, types)`.
        mask: Boolean tensor `(batch, nodes)`, true where there is a node. Defaults to `None`, all
            are there.
        return_coupling: Whether the couplings are returned too. Defaults to `False`.

    Input shape:
        `(batch, nodes, types, child_dim)`.

    Output shape:
        `(batch, num_capsules, pose_dim)`; with `return_coupling=True` also
        `(batch, num_capsules, nodes * types)`, types fastest. With a routing that has explicit
        activations, the pair of poses and activations `(batch, num_capsules)`.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, or the inputs have
            other than four axes.

    Example:

    >>> poses = np.random.normal(size=(2, 30, 10, 8)).astype("float32")
    >>> routing = {"name": "dynamic", "child_types": 10, "use_bias": False}
    >>> layer = capszoo.layers.GraphCapsules(16, 8, routing=routing)
    >>> tuple(layer(poses).shape), layer.count_params()
    ((2, 16, 8), 10240)

    Reference:

    - [Xinyi and Chen, 2019](https://openreview.net/forum?id=Byl8BnRcYm)
    """

    input_rank = 4
    any_number = True
    input_layout = "(batch, nodes, types, child_dim)"

    def compute_kernel_shape(self, input_shape, child_dim):
        return (input_shape[2], child_dim)

    def compute_votes(self, poses, kernel):
        types, child_dim, per_child, parents, pose_dim = kernel.shape
        nodes = ops.shape(poses)[1]
        by_type = ops.reshape(ops.transpose(poses, (2, 0, 1, 3)), (types, -1, child_dim))
        votes = ops.matmul(by_type, ops.reshape(kernel, (types, child_dim, -1)))
        votes = ops.reshape(votes, (types, -1, nodes, per_child, parents, pose_dim))
        votes = ops.transpose(votes, (1, 4, 2, 0, 3, 5))
        return ops.reshape(votes, (-1, parents, nodes * types * per_child, pose_dim))

    def compute_geometry(self, input_shape):
        _, nodes, types, _ = input_shape
        return Geometry((), nodes and nodes * types, shared_types=types)

    def arrange_activations(self, activations):
        nodes, types = ops.shape(activations)[1:]
        return ops.reshape(activations, (-1, nodes * types))

    def arrange_poses(self, poses):
        nodes, types = ops.shape(poses)[1:3]
        return ops.reshape(poses, (-1, nodes * types, poses.shape[-1]))

    def _mask_of(self, poses, mask):
        if mask is not None and len(mask.shape) == 2:
            # A node that is not there has none of its capsules.
            mask = ops.repeat(ops.expand_dims(mask, -1), poses.shape[2], axis=-1)
        return super()._mask_of(poses, mask)
