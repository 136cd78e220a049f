"""The network of cluster routing as its authors wrote it: maps that are convolved one by one."""

import math

import keras
from keras import ops

from capszoo.layers import Conv2D
from capszoo.losses import SoftmaxCrossentropy
from capszoo.models import CapsuleClassifier


class NaiveClusterCapsNet(CapsuleClassifier):
    """A `ClusterCapsNet` of plain Keras layers, to compare with.

    As in the released code, capsules of one type are a map by itself. Each map is convolved to
    all its votes; parent by parent, the votes of all maps are stacked and combined.

    The arguments are those of `ClusterCapsNet`, but for its routing.

    Reference:

    - [Zhao, Cheng, 2021](https://arxiv.org/abs/2109.09213), released code
    """

    def __init__(self, capsule_types, cluster_size, pose_dim, strides, **kwargs):
        super().__init__(**kwargs)

    @classmethod
    def like(cls, network):
        """Makes the network that computes what a `ClusterCapsNet` does, from new weights."""
        config = {**network.get_config(), "name": "naive_cluster_capsnet"}
        return cls(**{name: config[name] for name in cls.argument_names()})

    def body(self, features, dtype):
        maps = [features] * self.capsule_types
        parents = [self.capsule_types] * (len(self.strides) - 1) + [self.num_classes]
        for number, step in zip(parents, self.strides, strict=True):
            votes = (self.cluster_size, number, self.pose_dim)
            convolved = [
                Conv2D(math.prod(votes), 3, strides=step, padding="same", dtype=dtype)(one)
                for one in maps
            ]
            *maps, coupling = _ClusterRouting(*votes, dtype=dtype)(convolved)
            normalization = keras.layers.LayerNormalization((1, 2, 3), epsilon=1e-5, dtype=dtype)
            maps = [normalization(one) for one in maps]
        flat = [keras.layers.Reshape((1, -1))(one) for one in maps]
        poses = keras.layers.Concatenate(axis=1)(flat)
        scores = keras.layers.Dense(1, dtype=dtype)(poses)
        scores = keras.layers.Reshape((self.num_classes,), dtype="float32")(scores)
        return scores, poses, coupling

    def default_loss(self):
        return SoftmaxCrossentropy()


class _ClusterRouting(keras.layers.Layer):
    """Combines a list of maps of votes: one of poses for each parent, and the coupling."""

    def __init__(self, cluster_size, parents, pose_dim, **kwargs):
        super().__init__(**kwargs)
        self.votes_shape = (cluster_size, parents, pose_dim)

    def call(self, maps):
        maps = [ops.reshape(one, (-1, *one.shape[1:3], *self.votes_shape)) for one in maps]
        poses, couplings = [], []
        for parent in range(self.votes_shape[1]):
            votes = ops.stack([one[..., parent, :] for one in maps], axis=-2)
            variances = ops.var(votes, axis=-3)
            weights = ops.softmax(-0.5 * ops.log(variances + 1e-8), axis=-2)
            poses.append(ops.sum(weights * ops.mean(votes, axis=-3), axis=-2))
            couplings.append(ops.mean(weights, axis=-1))
        return [*poses, ops.stack(couplings, axis=-2)]
