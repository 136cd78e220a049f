"""3-D routing of DeepCaps: a child shares itself out among parents and positions at once."""

import math

import keras
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

# Stands for minus infinity: its exponential is zero, and it has a gradient.
_NOTHING = -1e30


@register("deepcaps")
@keras.saving.register_keras_serializable(package="capszoo")
class DeepCapsRouting(IterativeRouting):
    """Routes by agreement among all parents at all positions, which compete for a child.

    Made for convolutional capsules whose votes come from child types (`votes_from="types"`): a
    type `i` is seen at every position. With `v_hat[p, i, j]` its vote at position `p` for the
    parent `j`, and logits `b = 0` at first, each iteration computes

        c[p, i, j] = exp(b[p, i, j]) / sum_{q, k} exp(b[q, i, k])    over positions and parents
        s[p, j]    = sum_i c[p, i, j] * v_hat[p, i, j] + bias[j]
        v[p, j]    = n[j]**2 / (1 + n[j]**2) * s[p, j] / n[j],   n[j]**2 = sum_p |s[p, j]|**2
        b[p, i, j] = b[p, i, j] + v_hat[p, i, j] . v[p, j]

    so that the map of a parent, all its poses together, is what has a length below 1. Where
    there are no positions, in dense layers, it is plain dynamic routing. With votes from positions
    the children of a window are told apart by their place in it, and each such place is a
    type. For `B` samples, `P` positions, `I` children, `J` parents and `D` pose dimensions an
    iteration reads the votes twice: time `O(B P I J D)`, memory `O(B P I J)` beside the votes.

    Args:
        iterations: How many times the parents are computed. Defaults to `3`.
        use_bias: Whether a trainable bias, one vector for each parent at all positions, is added
            before the squash. Defaults to `True`.
        bias_initializer: Initializer of the bias; `None` stands for the constant 0.1 of the
            paper's code. Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        votes: Tensor of shape `(batch, *spatial, parents, children, pose_dim)`.
        activations: Must be `None`: a capsule's activation is the length of its pose.
        mask: Boolean tensor of shape `(batch, *spatial, children)`, true where there is a child:
            the others give nothing and count for nothing. Defaults to `None`, all are there.
        return_coupling: Whether the couplings of the last iteration are returned too.
            Defaults to `False`.

    Input shape:
        `(batch, *spatial, parents, children, pose_dim)`.

    Output shape:
        Poses `(batch, *spatial, parents, pose_dim)`; with `return_coupling=True` also the
        coupling `(batch, *spatial, parents, children)`, whose sums over positions and parents
        are 1.

    Raises:
        ValueError: If `iterations` is not a positive integer or activations are given.

    Example:

    >>> votes = np.random.normal(size=(2, 4, 4, 32, 16, 8)).astype("float32")
    >>> tuple(capszoo.routing.DeepCapsRouting()(votes).shape)
    (2, 4, 4, 32, 8)

    Reference:

    - [Rajasegaran et al., 2019](https://arxiv.org/abs/1904.09546)
    """

    def __init__(self, iterations=3, use_bias=True, bias_initializer=None, **kwargs):
        super().__init__(iterations=iterations, **kwargs)
        self.use_bias = use_bias
        self.bias_initializer = keras.initializers.get(
            keras.initializers.Constant(0.1) if bias_initializer is None else bias_initializer
        )

    def build(self, votes_shape):
        self.bias = None
        if self.use_bias:
            parents, _, pose_dim = votes_shape[-3:]
            self.bias = self.add_weight(
                shape=(parents, pose_dim), initializer=self.bias_initializer, name="bias"
            )

    def call(self, votes, activations=None, mask=None, return_coupling=False):
        self.refuse_activations(activations)
        votes, presence = present(mask, votes)
        *spatial, parents, children, pose_dim = votes.shape[1:]
        # A child's choices: each parent at each position is one.
        choices = math.prod(spatial) * parents
        votes = ops.reshape(votes, (-1, choices, children, pose_dim))
        logits = None
        if presence is not None:
            presence = ops.repeat(presence, parents, axis=-2)
            presence = ops.reshape(presence, (-1, choices, children))
            logits = ops.zeros_like(presence)
        for iteration in range(self.iterations):
            # Uniform at first, which needs no tensor where all children are there.
            coupling = None if logits is None else self._couple(logits, presence, votes.dtype)
            poses = self._parents(votes, coupling, parents)
            if iteration < self.iterations - 1:
                agreed = widen(agreement(votes, poses))
                logits = agreed if logits is None else logits + agreed
        poses = ops.reshape(poses, (-1, *spatial, parents, pose_dim))
        if not return_coupling:
            return poses
        if coupling is None:
            coupling = ops.full_like(votes[..., 0], 1.0 / choices)
        return poses, ops.reshape(coupling, (-1, *spatial, parents, children))

    def _couple(self, logits, presence, dtype):
        if presence is not None:
            logits = ops.where(presence > 0, logits, _NOTHING)
        coupling = softmax_over_parents(logits)
        return ops.cast(coupling if presence is None else coupling * presence, dtype)

    def _parents(self, votes, coupling, parents):
        choices, _, pose_dim = votes.shape[1:]
        if coupling is None:
            # A mean in float32: sums over many float16 votes would lose digits.
            total = ops.sum(widen(votes), axis=-2)
            total = ops.cast(total / choices, votes.dtype)
        else:
            total = sum_children(coupling, votes)
        total = ops.reshape(total, (-1, choices // parents, parents, pose_dim))
        if self.bias is not None:
            total = total + self.bias
        # A parent's map has one length, that of its poses at all positions together.
        return ops.reshape(squash(total, axis=(1, 3)), (-1, choices, pose_dim))

    def select_kernel(self, votes, activations=None, **arguments):
        return kernels.deepcaps.select(
            votes, activations, bias=self.bias, iterations=self.iterations, **arguments
        )

    def get_config(self):
        return {
            **super().get_config(),
            "use_bias": self.use_bias,
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
