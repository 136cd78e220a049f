"""The straightforward forms of routings by attention and of interests: as they are written."""

import keras
from keras import ops

from capszoo.routing import AttentionRouting
from capszoo.routing import InterestRouting
from capszoo.routing import StarRouting


def _squash(x, epsilon=1e-7):
    squared = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return squared / (1.0 + squared) * x / ops.sqrt(squared + epsilon)


def _weighted(coupling, votes):
    """A product of the size of the votes, and its sum over the children."""
    return ops.sum(ops.expand_dims(coupling, -1) * votes, axis=-2)


@keras.saving.register_keras_serializable(package="capszoo_benchmarks")
class NaiveAttentionRouting(AttentionRouting):
    """Attention routing by einsums over all axes at once."""

    def call(self, votes, activations=None, return_coupling=False):
        parents, children, pose_dim = votes.shape[-3:]
        kernel = ops.reshape(self.attention_kernel, (parents, children, pose_dim, children))
        coupling = ops.softmax(ops.einsum("...jid,jidk->...jk", votes, kernel), axis=-1)
        total = _weighted(coupling, votes)
        poses = ops.einsum("...jd,jde->...je", total, self.pose_kernel)
        poses = self.activation(poses if self.bias is None else poses + self.bias)
        return (poses, coupling) if return_coupling else poses


@keras.saving.register_keras_serializable(package="capszoo_benchmarks")
class NaiveStarRouting(StarRouting):
    """STAR routing by products of the size of the votes."""

    def call(self, votes, activations=None, return_coupling=False):
        def likelihood(kernel, bias):
            scores = ops.sum(votes * ops.expand_dims(kernel, -2), axis=-1)
            return ops.sigmoid(scores + ops.expand_dims(bias, -1))

        likely = likelihood(self.decision_kernel, self.bias)
        decision = likely + ops.stop_gradient(ops.cast(likely > 0.5, likely.dtype) - likely)
        coupling = likelihood(self.attention_kernel, self.attention_bias) * decision
        poses = _squash(_weighted(coupling, votes))
        return (poses, coupling) if return_coupling else poses


@keras.saving.register_keras_serializable(package="capszoo_benchmarks")
class NaiveInterestRouting(InterestRouting):
    """Multi-interest routing, of whole histories, by products of the size of the votes."""

    def call(self, votes, activations=None, return_coupling=False):
        logits = ops.zeros_like(votes[..., 0])
        if self.logits is not None:
            logits = logits + self.logits
        still_votes = ops.stop_gradient(votes) if self.stop_gradient else votes
        for iteration in range(self.iterations):
            last = iteration == self.iterations - 1
            coupling = ops.softmax(logits, axis=-2)
            poses = _squash(_weighted(coupling, votes if last else still_votes), epsilon=1e-9)
            if not last:
                logits = logits + ops.sum(still_votes * ops.expand_dims(poses, -2), axis=-1)
        return (poses, coupling) if return_coupling else poses
