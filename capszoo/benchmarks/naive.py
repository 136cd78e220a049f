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

from capszoo.benchmarks.naive_single_pass import NaiveAttentionRouting
from capszoo.benchmarks.naive_single_pass import NaiveInterestRouting
from capszoo.benchmarks.naive_single_pass import NaiveStarRouting
from capszoo.ops import digamma
from capszoo.ops import log_normalize
from capszoo.ops import squash
from capszoo.routing import AttentionRouting
from capszoo.routing import ClusterRouting
from capszoo.routing import DeepCapsRouting
from capszoo.routing import DynamicRouting
from capszoo.routing import EMRouting
from capszoo.routing import InterestRouting
from capszoo.routing import InvertedAttentionRouting
from capszoo.routing import Routing
from capszoo.routing import SelfRouting
from capszoo.routing import StarRouting
from capszoo.routing import VariationalBayesRouting


def _route_children_first(self, votes, activations=None, training=None, **arguments):
    """Makes dense votes by one einsum, those of a child for all parents next to each other."""
    if not votes.dense or arguments.get("mask") is not None:
        # The second is refused there: `call` takes no mask.
        return Routing.route(self, votes, activations, **arguments)
    arguments.pop("mask", None)
    votes = ops.einsum("bic,icjd->bijd", *votes.dense_factors())
    tensors = () if activations is None else (activations,)
    return self._combine(votes, *tensors, **arguments)


@keras.saving.register_keras_serializable(package="capszoo_benchmarks")
class NaiveDynamicRouting(DynamicRouting):
    """Dynamic routing by three einsums, by the dot product or the cosine."""

    route = _route_children_first

    def call(self, votes, activations=None, return_coupling=False):
        return self._combine(ops.swapaxes(votes, -3, -2), return_coupling)

    def _combine(self, votes, return_coupling=False):
        logits = ops.zeros_like(votes[..., 0])
        for iteration in range(self.iterations):
            coupling = ops.softmax(logits, axis=-1)
            total = ops.einsum("...ij,...ijd->...jd", coupling, votes) + self.bias
            poses = squash(total)
            if iteration < self.iterations - 1:
                pair = (votes, poses)
                if self.agreement == "cosine":
                    pair = (_directions(votes), _directions(total))
                logits = logits + ops.einsum("...ijd,...jd->...ij", *pair)
        return (poses, ops.swapaxes(coupling, -2, -1)) if return_coupling else poses


def _directions(vectors):
    return vectors / ops.sqrt(ops.sum(ops.square(vectors), axis=-1, keepdims=True) + 1e-7)


@keras.saving.register_keras_serializable(package="capszoo_benchmarks")
class NaiveEMRouting(EMRouting):
    """EM routing by elementwise products of the size of the votes, and sums over them."""

    def call(self, votes, activations=None, return_coupling=False, windows=None):
        presence = ops.expand_dims(activations, -2)
        scale = self._information_scale(votes.shape, windows)
        coupling = ops.exp(log_normalize(ops.zeros_like(votes[..., 0]), windows))
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
                    log_normalize(ops.expand_dims(log_activations, -1) + densities, windows)
                )
        outputs = (means, ops.sigmoid(logits))
        return (*outputs, coupling) if return_coupling else outputs


@keras.saving.register_keras_serializable(package="capszoo_benchmarks")
class NaiveInvertedAttentionRouting(InvertedAttentionRouting):
    """Inverted attention by einsums, a child's votes for all parents next to each other."""

    def call(self, votes, activations=None, return_coupling=False):
        votes = ops.swapaxes(votes, -3, -2)
        coupling = ops.full_like(votes[..., 0], 1.0 / votes.shape[-2])
        for iteration in range(self.iterations):
            total = ops.einsum("...ij,...ijd->...jd", coupling, votes)
            centered = total - ops.mean(total, axis=-1, keepdims=True)
            variance = ops.mean(ops.square(centered), axis=-1, keepdims=True)
            poses = self.scale * centered / ops.sqrt(variance + 1e-5) + self.bias
            if iteration < self.iterations - 1:
                agreed = ops.einsum("...ijd,...jd->...ij", votes, poses)
                coupling = ops.softmax(agreed / votes.shape[-1] ** 0.5, axis=-1)
        return (poses, ops.swapaxes(coupling, -2, -1)) if return_coupling else poses


@keras.saving.register_keras_serializable(package="capszoo_benchmarks")
class NaiveSelfRouting(SelfRouting):
    """Self-routing by einsums, of votes that are all made."""

    route = _route_children_first

    def call(self, votes, activations=None, return_coupling=False, poses=None):
        return self._combine(ops.swapaxes(votes, -3, -2), activations, poses, return_coupling)

    def _combine(self, votes, activations, poses, return_coupling=False):
        logits = ops.einsum("...ic,icj->...ij", poses, self.logit_kernel)
        logits = logits + ops.transpose(self.logit_bias)
        if self.leaky:
            logits = ops.concatenate([logits, ops.zeros_like(logits[..., :1])], axis=-1)
        coupling = ops.softmax(logits, axis=-1)[..., : votes.shape[-2]]
        weights = coupling * ops.expand_dims(activations, -1)
        mass = ops.sum(weights, axis=-2)
        weighted = ops.sum(ops.expand_dims(weights, -1) * votes, axis=-3)
        outputs = (
            weighted / ops.expand_dims(mass, -1),
            mass / ops.sum(activations, axis=-1, keepdims=True),
        )
        return (*outputs, ops.swapaxes(coupling, -2, -1)) if return_coupling else outputs


@keras.saving.register_keras_serializable(package="capszoo_benchmarks")
class NaiveDeepCapsRouting(DeepCapsRouting):
    """3-D routing by elementwise products of the size of the votes, and sums over them."""

    def call(self, votes, activations=None, return_coupling=False):
        *spatial, parents, children, _ = votes.shape[1:]
        axes = tuple(range(1, 1 + len(spatial)))
        logits = ops.zeros_like(votes[..., 0])
        for iteration in range(self.iterations):
            flat = ops.reshape(logits, (-1, math.prod(spatial) * parents, children))
            coupling = ops.reshape(ops.softmax(flat, axis=1), (-1, *spatial, parents, children))
            total = ops.sum(ops.expand_dims(coupling, -1) * votes, axis=-2) + self.bias
            poses = squash(total, axis=(*axes, -1))
            if iteration < self.iterations - 1:
                logits = logits + ops.sum(votes * ops.expand_dims(poses, -2), axis=-1)
        return (poses, coupling) if return_coupling else poses


@keras.saving.register_keras_serializable(package="capszoo_benchmarks")
class NaiveVariationalBayesRouting(VariationalBayesRouting):
    """Variational Bayes routing by elementwise products of the size of the votes, and sums."""

    def posterior(self, votes, activations=None, mask=None, return_coupling=False, windows=None):
        presence, pose_dim = ops.expand_dims(activations, -2), votes.shape[-1]
        below = ops.arange(pose_dim, dtype="float32")
        coupling = ops.exp(log_normalize(ops.zeros_like(votes[..., 0])))
        for iteration in range(self.iterations):
            weights = ops.expand_dims(coupling * presence, -1)
            taken = ops.sum(weights, axis=-2)
            mass = 1.0 + taken
            averages = ops.sum(weights * votes, axis=-2) / (taken + 1e-7)
            means = taken * averages / mass
            squares = ops.square(votes - ops.expand_dims(averages, -2))
            scales = 1.0 + ops.sum(weights * squares, axis=-2)
            scales = scales + taken / mass * ops.square(averages)
            if iteration < self.iterations - 1:
                log_mixing = digamma(mass) - digamma(ops.sum(mass, axis=-2, keepdims=True))
                freedom = pose_dim + mass
                log_precision = ops.sum(digamma((freedom - below) / 2), axis=-1, keepdims=True)
                log_precision = log_precision + pose_dim * math.log(2.0)
                log_precision = log_precision - ops.sum(ops.log(scales), axis=-1, keepdims=True)
                squares = ops.square(votes - ops.expand_dims(means, -2))
                distances = ops.expand_dims(freedom / scales, -2) * squares
                distances = ops.sum(distances, axis=-1) + pose_dim / mass
                log_densities = log_precision - pose_dim * math.log(2 * math.pi) - distances
                log_coupling = log_normalize(log_mixing + 0.5 * log_densities, windows)
                coupling = ops.exp(log_coupling)
        outputs = (means, scales, mass[..., 0])
        return (*outputs, coupling) if return_coupling else outputs


_NAIVE = {
    DeepCapsRouting: NaiveDeepCapsRouting,
    DynamicRouting: NaiveDynamicRouting,
    EMRouting: NaiveEMRouting,
    InvertedAttentionRouting: NaiveInvertedAttentionRouting,
    SelfRouting: NaiveSelfRouting,
    VariationalBayesRouting: NaiveVariationalBayesRouting,
    # Its equations, without a kernel. The authors' code differs in how votes are made: see
    # `NaiveClusterCapsNet`.
    ClusterRouting: ClusterRouting,
    AttentionRouting: NaiveAttentionRouting,
    StarRouting: NaiveStarRouting,
    InterestRouting: NaiveInterestRouting,
}


def naive(routing):
    """Makes the straightforward implementation of a routing, with the same configuration.

    It is meant to run where `capszoo.kernels` are disabled.

    Raises:
        ValueError: If there is none.
    """
    if type(routing) not in _NAIVE:
        known = ", ".join(sorted(known.__name__ for known in _NAIVE))
        raise ValueError(
            f"There are straightforward implementations of {known} to compare with. "
            f"Received: {type(routing).__name__}"
        )
    return _NAIVE[type(routing)].from_config(routing.get_config())
