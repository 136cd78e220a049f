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

    Args:
        network: The `ClusterCapsNet` whose configuration it takes.

    Reference:

    - [Zhao, Cheng, 2021](https://arxiv.org/abs/2109.09213), released code
    """

    def __init__(self, network):
        dtype = network.dtype_policy
        shared = {
            name: getattr(network, name)
            for name in ("image_shape", "num_classes", "num_objects", "rescaling", "normalization")
        }
        images, features = self.image_input(**shared, dtype=dtype)
        maps = [features] * network.capsule_types
        parents = [network.capsule_types] * (len(network.strides) - 1) + [network.num_classes]
        for number, step in zip(parents, network.strides, strict=True):
            votes = (network.cluster_size, number, network.pose_dim)
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
        scores = keras.layers.Reshape((network.num_classes,), dtype="float32")(scores)
        super().__init__(
            images=images,
            scores=scores,
            poses=poses,
            coupling=coupling,
            decoder=self.make_decoder(network.get_config()["decoder"], network.image_shape, dtype),
            reconstruction_weight=network.reconstruction_weight,
            dtype=dtype,
            name="naive_cluster_capsnet",
            **shared,
        )

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
