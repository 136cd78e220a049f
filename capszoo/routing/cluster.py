"""Cluster routing: a child's votes form a cluster; tight clusters weigh more. No iteration."""

import keras
from keras import ops

from capszoo import kernels
from capszoo.ops import present
from capszoo.ops import widen
from capszoo.routing.base import Routing
from capszoo.routing.registry import register
from capszoo.validation import check_positive_int

# Keeps the weight of a cluster whose votes are all alike finite.
_VARIANCE_EPSILON = 1e-8

# Of all children of a parent together: where none is there, none is divided by nothing.
LEAST_WEIGHT = 1e-20


@register("cluster")
@keras.saving.register_keras_serializable(package="capszoo")
class ClusterRouting(Routing):
    """Weighs each child by how closely its several votes for a parent agree.

    A child `i` gives each parent `j` a cluster of `K` votes. With `m[i, j]` their mean and
    `var[i, j]` their population variance, both vectors of `D` numbers,

        w[:, j] = softmax(-1/2 * log(var[:, j] + 1e-8))    over the children, each number by
                                                            itself
        v[j]    = sum_i w[i, j] * m[i, j]

    The weights are those of an aggregation: they sum to one over the children, not the parents.
    There is no squash, so a pose's length is no activation: read classes out linearly. Time
    `O(B I K J D)`, memory `O(B I J D)` beside the votes.

    Args:
        cluster_size: Number of votes a child gives a parent, `K`; at least 2. Defaults to `8`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        votes: Tensor of shape `(batch, *spatial, parents, children * cluster_size, pose_dim)`,
            a child's votes next to each other.
        activations: Must be `None`.
        mask: Boolean tensor of shape `(batch, *spatial, children)`, true where there is a child:
            the others give nothing and count for nothing. Defaults to `None`, all are there.
        return_coupling: Whether the weights, averaged over the numbers of a pose, are returned
            too. Defaults to `False`.

    Input shape:
        `(batch, *spatial, parents, children * cluster_size, pose_dim)`.

    Output shape:
        Poses `(batch, *spatial, parents, pose_dim)`; with `return_coupling=True` also
        `(batch, *spatial, parents, children)`.

    Raises:
        ValueError: If `cluster_size` is not an integer of at least 2 or activations are given.

    Example:

    >>> votes = np.random.normal(size=(2, 10, 4 * 8, 16)).astype("float32")
    >>> poses, weights = capszoo.routing.ClusterRouting(8)(votes, return_coupling=True)
    >>> tuple(poses.shape), tuple(weights.shape)
    ((2, 10, 16), (2, 10, 4))

    Reference:

    - [Zhao, Cheng, 2021](https://arxiv.org/abs/2109.09213)
    """

    tunable_arguments = ("cluster_size",)

    def __init__(self, cluster_size=8, **kwargs):
        cluster_size = check_positive_int("cluster_size", cluster_size)
        if cluster_size < 2:
            raise ValueError(
                "Argument `cluster_size` must be at least 2: one vote has no variance. "
                f"Received: cluster_size={cluster_size}"
            )
        super().__init__(**kwargs)
        self.cluster_size = cluster_size

    @property
    def votes_per_child(self):
        return self.cluster_size

    def call(self, votes, activations=None, mask=None, return_coupling=False):
        self.refuse_activations(activations)
        votes, presence = present(mask, votes, self.cluster_size)
        *outer, children, pose_dim = votes.shape[1:]
        # All axes before the children as one: TensorFlow's sums take but so many.
        clusters = ops.reshape(
            widen(votes),
            (-1, children // self.cluster_size, self.cluster_size, pose_dim),
        )
        # Two passes: the mean of squares less the squared mean would cancel for tight clusters.
        centroids = ops.mean(clusters, axis=-2)
        variances = ops.mean(ops.square(clusters - ops.expand_dims(centroids, -2)), axis=-2)
        # The softmax of -1/2 log is a normalized inverse root.
        weights = ops.rsqrt(variances + _VARIANCE_EPSILON)
        total = ops.sum(weights, axis=-2, keepdims=True)
        if presence is not None:
            for_each_parent = ops.zeros_like(votes[..., :: self.cluster_size, 0])
            for_each_parent = ops.cast(for_each_parent, "float32") + presence
            weights = weights * ops.reshape(for_each_parent, (-1, weights.shape[-2], 1))
            total = ops.maximum(ops.sum(weights, axis=-2, keepdims=True), LEAST_WEIGHT)
        weights = weights / total
        poses = ops.reshape(ops.sum(weights * centroids, axis=-2), (-1, *outer, pose_dim))
        poses = ops.cast(poses, votes.dtype)
        if not return_coupling:
            return poses
        coupling = ops.reshape(ops.mean(weights, axis=-1), (-1, *outer, weights.shape[-2]))
        return poses, ops.cast(coupling, votes.dtype)

    def select_kernel(self, votes, activations=None, **arguments):
        return kernels.cluster.select(
            votes, activations, variance_epsilon=_VARIANCE_EPSILON, **arguments
        )

    def get_config(self):
        return {**super().get_config(), "cluster_size": self.cluster_size}
