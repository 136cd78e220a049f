"""Scaled-distance routing: agreement by distance, scaled by the mean distance."""

import math

import keras
from keras import ops

from capszoo.ops import present
from capszoo.ops import safe_norm
from capszoo.ops import squash
from capszoo.ops import sum_children
from capszoo.ops import widen
from capszoo.routing.base import IterativeRouting
from capszoo.routing.registry import register

# The coupling of a vote at half the mean distance.
_COUPLING_AT_HALF = 0.9


@register("scaled_distance")
@keras.saving.register_keras_serializable(package="capszoo")
class ScaledDistanceRouting(IterativeRouting):
    """Routes by the distance between vote and parent, on the scale of the mean distance.

    Votes are first shortened to at most their child's length. With logits `b = 0` at first,
    each iteration computes

        c[i, :] = softmax(b[i, :])                          over the parents
        v[j]    = squash(sum_i c[i, j] * v_hat[i, j] + bias[j])
        d[i, j] = |v[j] - v_hat[i, j]|
        b[i, j] = t * d[i, j],   t = (ln(0.9 (J - 1)) - ln(0.1)) / (mean(d) / 2 - mean(d))

    so that a vote at half the mean distance gets the coupling 0.9. The logits are replaced, not
    added up. Time `O(B I J D)` per iteration, memory `O(B I J)` beside the votes.

    Args:
        iterations: How many times the parents are computed. Defaults to `2`.
        use_bias: Whether a trainable bias is added before the squash. Defaults to `True`.
        batch_mean: Whether the mean distance is taken over the whole batch, as in the paper's
            code, so that a sample's result depends on its batch mates. Otherwise it is each
            sample's own. Defaults to `False`.
        bias_initializer: Initializer of the bias; `None` stands for the constant 0.1 of the
            paper's code. Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        votes: Tensor of shape `(batch, *spatial, parents, children, pose_dim)`.
        activations: Lengths of the children, `(batch, *spatial, children)`; the capsule layers
            give them. `None` leaves the votes as long as they are. Defaults to `None`.
        mask: Boolean tensor of shape `(batch, *spatial, children)`, true where there is a child:
            the others give nothing and count for nothing. Defaults to `None`, all are there.
        return_coupling: Whether the couplings of the last iteration are returned too.
            Defaults to `False`.

    Input shape:
        `(batch, *spatial, parents, children, pose_dim)`.

    Output shape:
        Poses `(batch, *spatial, parents, pose_dim)`, of length below 1; with
        `return_coupling=True` also the coupling `(batch, *spatial, parents, children)`.

    Raises:
        ValueError: If `iterations` is not a positive integer or there is only one parent.

    Example:

    >>> votes = np.random.normal(size=(2, 10, 32, 16)).astype("float32")
    >>> tuple(capszoo.routing.ScaledDistanceRouting()(votes).shape)
    (2, 10, 16)

    Reference:

    - [Peer, Stabinger, Rodriguez-Sanchez, 2018](https://arxiv.org/abs/1812.09707)
    """

    needs_lengths = True

    def __init__(
        self, iterations=2, use_bias=True, batch_mean=False, bias_initializer=None, **kwargs
    ):
        super().__init__(iterations=iterations, **kwargs)
        self.use_bias = use_bias
        self.batch_mean = batch_mean
        self.bias_initializer = keras.initializers.get(
            keras.initializers.Constant(0.1) if bias_initializer is None else bias_initializer
        )

    def build(self, votes_shape):
        parents, _, pose_dim = votes_shape[-3:]
        if parents < 2:
            raise ValueError(
                "ScaledDistanceRouting needs at least two parents to choose between: its scale "
                f"is the logarithm of their number less one. Received: {parents} parent"
            )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(parents, pose_dim), initializer=self.bias_initializer, name="bias"
            )

    def call(self, votes, activations=None, mask=None, return_coupling=False):
        dtype = votes.dtype
        votes = widen(votes)
        if activations is not None:
            longest = ops.cast(activations, "float32")[..., None, :, None]
            lengths = safe_norm(votes, keepdims=True)
            votes = votes * (ops.minimum(lengths, longest) / lengths)
        votes, presence = present(mask, votes)
        parents = votes.shape[-3]
        log_odds = math.log(_COUPLING_AT_HALF * (parents - 1)) - math.log(1 - _COUPLING_AT_HALF)
        logits = ops.zeros_like(votes[..., 0])
        for iteration in range(self.iterations):
            coupling = ops.softmax(logits, axis=-2)
            poses = sum_children(coupling, votes)
            if self.bias is not None:
                poses = poses + ops.cast(self.bias, "float32")
            poses = squash(poses)
            if iteration < self.iterations - 1:
                distances = safe_norm(ops.expand_dims(poses, -2) - votes)
                axes = tuple(range(0 if self.batch_mean else 1, len(distances.shape)))
                if presence is None:
                    mean = ops.mean(distances, axis=axes, keepdims=True)
                else:
                    counted = ops.sum(presence, axis=axes, keepdims=True) * parents
                    total = ops.sum(distances * presence, axis=axes, keepdims=True)
                    mean = total / ops.maximum(counted, 1.0)
                logits = log_odds / (-0.5 * mean + 1e-12) * distances
        if presence is not None:
            coupling = coupling * presence
        poses = ops.cast(poses, dtype)
        return (poses, ops.cast(coupling, dtype)) if return_coupling else poses

    def get_config(self):
        return {
            **super().get_config(),
            "use_bias": self.use_bias,
            "batch_mean": self.batch_mean,
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
