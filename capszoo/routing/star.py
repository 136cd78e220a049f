"""STAR routing: attention times a decision of each vote, straight through, in a single pass."""

import math

import keras
from keras import ops

from capszoo import kernels
from capszoo.ops import agreement
from capszoo.ops import present
from capszoo.ops import squash
from capszoo.ops import sum_children
from capszoo.ops import widen
from capszoo.routing.base import Routing
from capszoo.routing.registry import register
from capszoo.validation import check_number


@register("star")
@keras.saving.register_keras_serializable(package="capszoo")
class StarRouting(Routing):
    """Routes each vote by itself: how much of it, and whether at all, in one pass.

    After the abstract and the reviews of STAR-Caps; not the authors' formula, which could not be
    found. Known is that each coupling depends on its own vote alone, that an attention and a
    binary decision make it, that the gradient goes straight through the decision, and that
    nothing is iterated. With `v_hat[i, j]` the vote of child `i` for parent `j`, trained
    vectors `q[j]` and `r[j]` and numbers `a[j]` and `b[j]`, this is taken:

        attention[i, j] = sigmoid(v_hat[i, j] . q[j] + a[j])
        decision[i, j]  = 1 if v_hat[i, j] . r[j] + b[j] > 0 else 0
        c[i, j]         = attention[i, j] * decision[i, j]
        v[j]            = squash(sum_i c[i, j] * v_hat[i, j])

    The gradient of a decision is that of the sigmoid of what it is taken by. In training the
    decision is the same as elsewhere: no noise is drawn, where the authors' is said to be of the
    Gumbel-softmax kind. Attention starts at 1 / J, the coupling of a child without preference,
    and decisions start as yes unless the vote speaks against it. Time `O(B I J D)`, memory
    `O(B I J)` beside the votes.

    Args:
        initializer: Initializer of `q` and `r`. Defaults to `"glorot_uniform"`.
        decision_bias: Where the `b` start: the more, the more votes are let through.
            Defaults to `1.0`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        votes: Tensor of shape `(batch, *spatial, parents, children, pose_dim)`.
        activations: Must be `None`: a capsule's activation is the length of its pose.
        mask: Boolean tensor of shape `(batch, *spatial, children)`, true where there is a child:
            the others give nothing and count for nothing. Defaults to `None`, all are there.
        return_coupling: Whether the couplings, from 0 to 1, are returned too; they sum to
            nothing in particular. Defaults to `False`.

    Input shape:
        `(batch, *spatial, parents, children, pose_dim)`.

    Output shape:
        Poses `(batch, *spatial, parents, pose_dim)`, of length below 1; with
        `return_coupling=True` also the coupling `(batch, *spatial, parents, children)`.

    Raises:
        ValueError: If activations are given.

    Example:

    >>> votes = np.random.normal(size=(2, 10, 32, 16)).astype("float32")
    >>> tuple(capszoo.routing.StarRouting()(votes).shape)
    (2, 10, 16)

    Reference:

    - [Ahmed, Torresani, 2019](https://papers.nips.cc/paper/2019/hash/cf040fc71060367913e81ac1eb050aea-Abstract.html)
    """

    def __init__(self, initializer="glorot_uniform", decision_bias=1.0, **kwargs):
        check_number("decision_bias", decision_bias)
        super().__init__(**kwargs)
        self.initializer = keras.initializers.get(initializer)
        self.decision_bias = decision_bias

    def build(self, votes_shape):
        parents, _, pose_dim = votes_shape[-3:]
        self.attention_kernel = self.add_weight(
            shape=(parents, pose_dim), initializer=self.initializer, name="attention_kernel"
        )
        self.attention_bias = self.add_weight(
            shape=(parents,),
            # The logit of 1 / parents; a single parent starts as one of two.
            initializer=keras.initializers.Constant(-math.log(max(parents, 2) - 1)),
            name="attention_bias",
        )
        self.decision_kernel = self.add_weight(
            shape=(parents, pose_dim), initializer=self.initializer.clone(), name="decision_kernel"
        )
        self.bias = self.add_weight(
            shape=(parents,),
            initializer=keras.initializers.Constant(self.decision_bias),
            name="bias",
        )

    def call(self, votes, activations=None, mask=None, return_coupling=False):
        self.refuse_activations(activations)
        votes, presence = present(mask, votes)
        outputs = self._combine(votes, presence, **self._own_weights())
        return outputs if return_coupling else outputs[0]

    def _own_weights(self):
        names = ("attention_kernel", "attention_bias", "decision_kernel", "bias")
        return {name: getattr(self, name) for name in names}

    @staticmethod
    def _combine(votes, presence=None, *, attention_kernel, attention_bias, decision_kernel, bias):
        attention = ops.sigmoid(_scores(votes, attention_kernel, attention_bias))
        likely = ops.sigmoid(_scores(votes, decision_kernel, bias))
        # A step whose gradient is the sigmoid's.
        step = ops.cast(likely > 0.5, likely.dtype)
        coupling = attention * (likely + ops.stop_gradient(step - likely))
        if presence is not None:
            coupling = coupling * presence
        coupling = ops.cast(coupling, votes.dtype)
        return squash(sum_children(coupling, votes)), coupling

    def select_kernel(self, votes, activations=None, **arguments):
        return kernels.in_tiles.select(
            votes, activations, function=self._combine, weights=self._own_weights(), **arguments
        )

    def get_config(self):
        return {
            **super().get_config(),
            "initializer": keras.initializers.serialize(self.initializer),
            "decision_bias": self.decision_bias,
        }


def _scores(votes, kernel, bias):
    """Multiplies each vote with its parent's vector: `(..., parents, children)`, in float32."""
    scores = agreement(votes, ops.cast(kernel, votes.dtype))
    return widen(scores) + ops.expand_dims(ops.cast(bias, "float32"), -1)
