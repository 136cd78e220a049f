"""Multi-interest routing: what a user has done becomes a few interests."""

import keras
import numpy as np
from keras import ops

from capszoo import kernels
from capszoo.ops import agreement
from capszoo.ops import present
from capszoo.ops import softmax_over_parents
from capszoo.ops import squash
from capszoo.ops import sum_children
from capszoo.ops import widen
from capszoo.routing.base import IterativeRouting
from capszoo.routing.registry import register

# Under the root of the squash's norm, as in the authors' code.
_EPSILON = 1e-9
# Less than any logit: that of interests that a history is too short for.
_MASKED_LOGIT = -1e30


@register("interest")
@keras.saving.register_keras_serializable(package="capszoo")
class InterestRouting(IterativeRouting):
    """Routes the items of a history to interests, by agreement: MIND and ComiRec-DR.

    Children are items, parents interests. With `v_hat[i, j]` the vote of item `i` for interest
    `j` and logits `b` that start as below, each iteration computes

        c[i, :] = softmax(b[i, :])                    over the interests, never over the items
        v[j]    = squash(sum_i c[i, j] * v_hat[i, j])  over the items that are there
        b[i, j] = b[i, j] + v_hat[i, j] . v[j]

    and the gradient flows through the votes of the last iteration alone. Which transforms make
    the votes is the layer's: own ones of each place are ComiRec's
    (`capszoo.layers.DenseCapsules`), those shared by all items MIND's
    (`capszoo.layers.ClassCapsules` with `coordinate_scale=0`). MIND's are shared by the
    interests too, which then differ by nothing but where their logits start: at random, once
    and for all. Time `O(B I J D)` for an iteration, memory `O(B I J)` beside the votes.

    Args:
        iterations: How many times the interests are computed. Defaults to `3`.
        adaptive: Whether a history of `n` items has no more than
            `max(1, min(J, floor(log2(n))))` interests; the others are zero and take nothing.
            Defaults to `False`.
        stop_gradient: Whether the gradient flows through the votes of the last iteration alone.
            Defaults to `True`.
        logits_initializer: Initializer of the logits' start, drawn once, saved and not trained.
            The authors of MIND draw from a normal distribution of deviation 1. `None` stands
            for zeros, as in ComiRec. Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        votes: Tensor of shape `(batch, *spatial, interests, items, pose_dim)`.
        activations: Must be `None`: an interest is present by the length of its pose.
        mask: Boolean tensor of shape `(batch, *spatial, items)`, true where there is an item,
            false where a history is padded. Defaults to `None`, all are there.
        return_coupling: Whether the couplings of the last iteration are returned too.
            Defaults to `False`.

    Input shape:
        `(batch, *spatial, interests, items, pose_dim)`.

    Output shape:
        Poses `(batch, *spatial, interests, pose_dim)`, of length below 1; with
        `return_coupling=True` also the coupling `(batch, *spatial, interests, items)`.

    Raises:
        ValueError: If `iterations` is not a positive integer or activations are given.

    Example:

    >>> items = np.random.normal(size=(2, 20, 8)).astype("float32")
    >>> there = np.arange(20) < np.array([[20], [5]])
    >>> routing = {"name": "interest", "adaptive": True}
    >>> interests = capszoo.layers.DenseCapsules(4, 8, routing=routing)(items, mask=there)
    >>> lengths = capszoo.layers.CapsuleLength()(interests)
    >>> np.asarray(lengths > 0.01).tolist()
    [[True, True, True, True], [True, True, False, False]]

    Reference:

    - MIND: [Li et al., 2019](https://arxiv.org/abs/1904.08030)
    - ComiRec: [Cen et al., 2020](https://arxiv.org/abs/2005.09347)
    """

    tunable_arguments: tuple[str, ...] = ("iterations", "adaptive")

    def __init__(
        self, iterations=3, adaptive=False, stop_gradient=True, logits_initializer=None, **kwargs
    ):
        super().__init__(iterations=iterations, **kwargs)
        self.adaptive = adaptive
        self.stop_gradient = stop_gradient
        self.logits_initializer = keras.initializers.get(logits_initializer)

        self.logits = None

    def build(self, votes_shape):
        if self.logits_initializer is not None:
            self.logits = self.add_weight(
                shape=votes_shape[-3:-1],
                initializer=self.logits_initializer,
                trainable=False,
                name="logits",
            )

    def call(self, votes, activations=None, mask=None, return_coupling=False):
        self.refuse_activations(activations)
        votes, presence = present(mask, votes)
        outputs = self._combine(votes, presence, **self._own_weights())
        return outputs if return_coupling else outputs[0]

    def _own_weights(self):
        return {} if self.logits is None else {"logits": self.logits}

    def _combine(self, votes, presence=None, *, logits=None):
        still_votes = ops.stop_gradient(votes) if self.stop_gradient else votes
        start = ops.zeros_like(votes[..., 0], dtype="float32")
        logits = start if logits is None else start + ops.cast(logits, "float32")
        there = self._interests_there(presence, votes.shape[-3:-1])
        for iteration in range(self.iterations):
            last = iteration == self.iterations - 1
            seen = votes if last else still_votes
            coupling = self._couplings(logits, there, presence)
            coupling = ops.cast(coupling, votes.dtype)
            poses = squash(sum_children(coupling, seen), epsilon=_EPSILON)
            if not last:
                logits = logits + widen(agreement(seen, poses))
        return poses, coupling

    def select_kernel(self, votes, activations=None, **arguments):
        return kernels.in_tiles.select(
            votes, activations, function=self._combine, weights=self._own_weights(), **arguments
        )

    def _interests_there(self, presence, sizes):
        """Which interests a history is long enough for, `(..., interests, 1)`; `None` for all."""
        if not self.adaptive:
            return None
        interests, items = sizes
        # The first is always there, the k-th for 2 ** k items or more.
        least = np.exp2(np.arange(1, interests + 1, dtype="float32"))[:, None]
        least[0] = 0.0
        number = float(items) if presence is None else ops.sum(presence, axis=-1, keepdims=True)
        return ops.greater_equal(number, ops.convert_to_tensor(least))

    @staticmethod
    def _couplings(logits, there, presence):
        if there is not None:
            logits = ops.where(there, logits, _MASKED_LOGIT)
        coupling = softmax_over_parents(logits)
        return coupling if presence is None else coupling * presence

    def get_config(self):
        initializer = self.logits_initializer
        return {
            **super().get_config(),
            "adaptive": self.adaptive,
            "stop_gradient": self.stop_gradient,
            "logits_initializer": initializer and keras.initializers.serialize(initializer),
        }
