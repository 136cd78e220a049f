"""The straightforward implementations that ours are measured against.

They follow the equations literally, as the common scripts do: all votes at once by an einsum, as
`(batch, children, parents, pose_dim)`, the algorithm in as many steps as it is written in.
Convolutions are computed directly; but on JAX on a CPU as patches and one matrix product, for the
native gradient of the primary capsules alone would take seconds. Votes of convolutional capsules
are made as ours are, but where the authors' code is at hand: see `naive_cluster_capsnet`.
"""

import math

import keras
from keras import ops

from capszoo.ops import squash
from capszoo.routing import ClusterRouting
from capszoo.routing import DynamicRouting
from capszoo.routing import EMRouting
from capszoo.routing import Routing
from capszoo.routing.written_em import normalize


@keras.saving.register_keras_serializable(package="capszoo_benchmarks")
class NaiveDynamicRouting(DynamicRouting):
    """Dynamic routing by three einsums."""

    def route(self, votes, activations=None, **arguments):
        if votes.dense_children is None:
            return Routing.route(self, votes, activations, **arguments)
        kernel = ops.squeeze(votes.kernel, 2)
        votes = ops.einsum("bic,icjd->bijd", votes.dense_children, kernel)
        return self._combine(votes, **arguments)

    def call(self, votes, activations=None, return_coupling=False):
        return self._combine(ops.swapaxes(votes, -3, -2), return_coupling)

    def _combine(self, votes, return_coupling=False):
        logits = ops.zeros_like(votes[..., 0])
        for iteration in range(self.iterations):
            coupling = ops.softmax(logits, axis=-1)
            poses = squash(ops.einsum("...ij,...ijd->...jd", coupling, votes) + self.bias)
            if iteration < self.iterations - 1:
                logits = logits + ops.einsum("...ijd,...jd->...ij", votes, poses)
        return (poses, ops.swapaxes(coupling, -2, -1)) if return_coupling else poses


@keras.saving.register_keras_serializable(package="capszoo_benchmarks")
class NaiveEMRouting(EMRouting):
    """EM routing by elementwise products of the size of the votes, and sums over them."""

    def call(self, votes, activations=None, return_coupling=False, windows=None):
        presence = ops.expand_dims(activations, -2)
        scale = self._information_scale(votes.shape, windows)
        coupling = ops.exp(normalize(ops.zeros_like(votes[..., 0]), windows))
        for iteration in range(self.iterations):
            weights = ops.expand_dims(coupling * presence, -1)
            mass = ops.sum(weights, axis=-2) + 1e-7
            means = ops.sum(weights * votes, axis=-2) / mass
            squares = ops.square(votes - ops.expand_dims(means, -2))
            variances = ops.sum(weights * squares, axis=-2) / mass + self.variance_floor
            use = ops.expand_dims(self.beta_use, -1) + 0.5 * ops.log(variances)
            cost = use * mass * scale
            inverse_temperature = self.inverse_temperature * (1.0 - 0.95 ** (iteration + 1))
            logits = inverse_temperature * (self.beta_activation - ops.sum(cost, axis=-1))
            if iteration < self.iterations - 1:
                variances = ops.expand_dims(variances, -2)
                densities = -0.5 * ops.sum(
                    squares / variances + ops.log(2 * math.pi * variances), axis=-1
                )
                log_activations = ops.log(ops.sigmoid(logits) + 1e-30)
                coupling = ops.exp(
                    normalize(ops.expand_dims(log_activations, -1) + densities, windows)
                )
        outputs = (means, ops.sigmoid(logits))
        return (*outputs, coupling) if return_coupling else outputs


@keras.saving.register_keras_serializable(package="capszoo_benchmarks")
class DynamicRoutingAtOnce(DynamicRouting):
    """Dynamic routing of votes that are all made."""

    route = Routing.route


@keras.saving.register_keras_serializable(package="capszoo_benchmarks")
class EMRoutingAtOnce(EMRouting):
    """EM routing of votes that are all made."""

    route = Routing.route


@keras.saving.register_keras_serializable(package="capszoo_benchmarks")
class ClusterRoutingAtOnce(ClusterRouting):
    """Cluster routing of votes that are all made."""

    route = Routing.route


_NAIVE = {
    DynamicRouting: NaiveDynamicRouting,
    EMRouting: NaiveEMRouting,
    # Its authors' code differs in how votes are made: see `NaiveClusterCapsNet`.
    ClusterRouting: ClusterRoutingAtOnce,
}
_AT_ONCE = {
    DynamicRouting: DynamicRoutingAtOnce,
    EMRouting: EMRoutingAtOnce,
    ClusterRouting: ClusterRoutingAtOnce,
}


def naive(routing):
    """Makes the straightforward implementation of a routing, with the same configuration.

    Raises:
        ValueError: If there is none.
    """
    return _convert(routing, _NAIVE)


def at_once(routing):
    """Makes a routing that works on votes which are all made, with the same configuration.

    Raises:
        ValueError: If there is none.
    """
    return _convert(routing, _AT_ONCE)


def _convert(routing, classes):
    if type(routing) not in classes:
        raise ValueError(
            "There are straightforward implementations of dynamic, em and cluster routing to "
            f"compare with. Received: {type(routing).__name__}"
        )
    return classes[type(routing)].from_config(routing.get_config())
