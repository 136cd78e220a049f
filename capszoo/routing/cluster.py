"""Cluster routing: a child's votes form a cluster; tight clusters weigh more. No iteration."""

import keras
import numpy as np
from keras import ops

from capszoo.routing.base import Routing
from capszoo.routing.registry import register
from capszoo.validation import check_positive_int

VARIANCE_EPSILON = 1e-8


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

    def call(self, votes, activations=None, return_coupling=False):
        self.refuse_activations(activations)
        *outer, children, pose_dim = votes.shape[1:]
        # All axes before the children as one: TensorFlow's sums take but so many.
        clusters = ops.reshape(
            ops.cast(votes, "float32"),
            (-1, children // self.cluster_size, self.cluster_size, pose_dim),
        )
        # Two passes: the mean of squares less the squared mean would cancel for tight clusters.
        centroids = ops.mean(clusters, axis=-2)
        variances = ops.mean(ops.square(clusters - ops.expand_dims(centroids, -2)), axis=-2)
        shape = (-1, *outer, children // self.cluster_size, pose_dim)
        return _aggregate(
            ops.reshape(centroids, shape),
            ops.reshape(variances, shape),
            votes.dtype,
            return_coupling,
        )

    def route(self, votes, activations=None, return_coupling=False):
        """Combines votes without making them: see `Routing.route`.

        An orthogonal change of basis among the votes of a cluster leaves their squares' sum as
        it is. In one whose first vector is constant, the first vote is the centroid (times the
        root of `K`), and the others hold all of the variance: no vote is compared with a mean.
        """
        self.refuse_activations(activations)
        offset = votes.offset
        if offset is not None:
            *_, children, pose_dim = offset.shape
            shape = (-1, max(children // self.cluster_size, 1), self.cluster_size, pose_dim)
            if children == 1:
                offset = ops.repeat(offset, self.cluster_size, axis=-2)
            offset = ops.reshape(offset, shape)

        def votes_along(vector):
            """The votes' component along a vector of the basis."""
            along = votes.make(_component(votes.kernel, vector, axis=-3))
            if offset is not None:
                along = along + ops.squeeze(_component(offset, vector, axis=-2), -2)
            return ops.cast(along, "float32")

        first, *others = _orthogonal_basis(self.cluster_size)
        centroids = votes_along(first) * self.cluster_size**-0.5
        variances = sum(ops.square(votes_along(other)) for other in others) / self.cluster_size
        return _aggregate(centroids, variances, votes.kernel.dtype, return_coupling)

    def get_config(self):
        return {**super().get_config(), "cluster_size": self.cluster_size}


def _aggregate(centroids, variances, dtype, return_coupling):
    # The softmax of -1/2 log is a normalized inverse root.
    weights = ops.rsqrt(variances + VARIANCE_EPSILON)
    total = ops.sum(weights, axis=-2)
    poses = ops.cast(ops.sum(weights * centroids, axis=-2) / total, dtype)
    if not return_coupling:
        return poses
    coupling = ops.mean(weights / ops.expand_dims(total, -2), axis=-1)
    return poses, ops.cast(coupling, dtype)


def _component(values, vector, axis):
    """Sums along an axis, weighted by a vector; the axis stays, with size 1."""
    parts = ops.split(values, len(vector), axis=axis)
    return sum(part * float(weight) for part, weight in zip(parts, vector, strict=True) if weight)


def _orthogonal_basis(size):
    """Helmert's: a constant vector, then each number against the mean of those before it."""
    basis = np.tril(np.ones((size, size)))
    basis[0] = 1
    for row in range(1, size):
        basis[row, row] = -row
    return basis / np.linalg.norm(basis, axis=-1, keepdims=True)
