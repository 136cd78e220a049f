"""Dynamic routing: routing by agreement between votes and parents."""

import keras
from keras import ops

from capszoo import kernels
from capszoo.ops import NORMALIZATIONS
from capszoo.ops import SQUASHES
from capszoo.ops import agreement
from capszoo.ops import cosine
from capszoo.ops import couple
from capszoo.ops import present
from capszoo.ops import squash
from capszoo.ops import sum_children
from capszoo.ops import uniform_coupling
from capszoo.routing.base import IterativeRouting
from capszoo.routing.registry import register
from capszoo.validation import check_choice


@register("dynamic")
@keras.saving.register_keras_serializable(package="capszoo")
class DynamicRouting(IterativeRouting):
    """Routes by agreement: a child turns to the parents that its votes agree with.

    With `v_hat[i, j]` the vote of child `i` for parent `j` and logits `b = 0` at first, each
    iteration computes

        c[i, :] = softmax(b[i, :])                    over the parents
        v[j]    = squash(sum_i c[i, j] * v_hat[i, j] + bias[j])
        b[i, j] = b[i, j] + v_hat[i, j] . v[j]

    and the last `v` are the parents' poses. The couplings start uniform on every call and are
    each sample's own.

    With `agreement="cosine"`, of 3D-UCaps, what is added to `b[i, j]` is the cosine of the vote
    and the sum that `v[j]` is the squash of, bias included: only directions count, and no logit
    grows by more than 1 an iteration. That paper's votes have a bias besides, `vote_bias="parents"`
    of the capsule layers. For `B` samples, `I` children, `J` parents and `D` pose dimensions an
    iteration reads the votes twice: time `O(B I J D)`, memory `O(B I J)` beside the votes.

    Args:
        iterations: How many times the parents are computed. Defaults to `3`.
        leaky: Whether a child may turn to none of the parents: one more logit, always zero,
            takes part in the softmax. Defaults to `False`.
        use_bias: Whether a trainable bias is added before the squash. Without it a network
            cannot tell `x` from `-x`. Defaults to `True`.
        stop_gradient: Whether the gradient flows through the votes of the last iteration
            alone. Faster, and another training rule. Defaults to `False`.
        bias_initializer: Initializer of the bias; `None` stands for the constant 0.1 of the
            paper's code. Defaults to `None`.
        agreement: `"dot"` or `"cosine"`, what logits grow by. Defaults to `"dot"`.
        normalization: `"softmax"`, or `"sparsemax"`, by which a child leaves out the parents that
            its votes agree with least; see `capszoo.ops.sparsemax_over_parents`. Defaults to
            `"softmax"`.
        squash: `"standard"`, `"exponential"` or `"text"`, as in `capszoo.ops.squash`. Defaults to
            `"standard"`.
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
        Poses `(batch, *spatial, parents, pose_dim)`, of length below 1; with
        `return_coupling=True` also the coupling `(batch, *spatial, parents, children)`.

    Raises:
        ValueError: If `iterations` is not a positive integer, an option is unknown or activations
            are given.

    Example:

    >>> votes = np.random.normal(size=(2, 10, 1152, 16)).astype("float32")
    >>> tuple(capszoo.routing.DynamicRouting(iterations=3)(votes).shape)
    (2, 10, 16)

    Reference:

    - [Sabour, Frosst, Hinton, 2017](https://arxiv.org/abs/1710.09829)
    - Cosine: [Nguyen, Hua, Le, 2021](https://arxiv.org/abs/2107.09222)
    """

    tunable_arguments: tuple[str, ...] = (
        "iterations",
        "leaky",
        "agreement",
        "normalization",
        "squash",
    )

    def __init__(
        self,
        iterations=3,
        leaky=False,
        use_bias=True,
        stop_gradient=False,
        bias_initializer=None,
        agreement="dot",
        normalization="softmax",
        squash="standard",
        **kwargs,
    ):
        check_choice("agreement", agreement, ("dot", "cosine"))
        check_choice("normalization", normalization, NORMALIZATIONS)
        check_choice("squash", squash, SQUASHES)
        super().__init__(iterations=iterations, **kwargs)
        self.leaky = leaky
        self.use_bias = use_bias
        self.stop_gradient = stop_gradient
        self.bias_initializer = keras.initializers.get(
            keras.initializers.Constant(0.1) if bias_initializer is None else bias_initializer
        )
        self.agreement = agreement
        self.normalization = normalization
        self.squash = squash

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
        still_votes = ops.stop_gradient(votes) if self.stop_gradient else votes
        logits = None
        for iteration in range(self.iterations):
            last = iteration == self.iterations - 1
            seen = votes if last else still_votes
            # Uniform at first, which needs no tensor.
            coupling = None
            if logits is not None:
                coupling = couple(logits, self.leaky, self.normalization)
                coupling = ops.cast(coupling, votes.dtype)
            total = self._sum(seen, coupling)
            if not last:
                agreed = self._agreement(seen, total)
                logits = agreed if logits is None else logits + agreed
        poses = squash(total, kind=self.squash)
        if not return_coupling:
            return poses
        if coupling is None:
            coupling = ops.full_like(votes[..., 0], uniform_coupling(votes.shape[-3], self.leaky))
        return poses, coupling if presence is None else coupling * ops.cast(presence, votes.dtype)

    def _agreement(self, votes, total):
        if self.agreement == "cosine":
            return cosine(votes, total)
        return ops.cast(agreement(votes, squash(total, kind=self.squash)), "float32")

    def _sum(self, votes, coupling):
        if coupling is None:
            # A mean in float32: sums over a thousand float16 votes would lose digits.
            total = ops.sum(ops.cast(votes, "float32"), axis=-2)
            total = ops.cast(total * uniform_coupling(votes.shape[-3], self.leaky), votes.dtype)
        else:
            total = sum_children(coupling, votes)
        return total if self.bias is None else total + self.bias

    def select_kernel(self, votes, activations=None, **arguments):
        return kernels.dynamic.select(
            votes,
            activations,
            bias=self.bias,
            iterations=self.iterations,
            leaky=self.leaky,
            stop_gradient=self.stop_gradient,
            agreement=self.agreement,
            normalization=self.normalization,
            squash=self.squash,
            **arguments,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "leaky": self.leaky,
            "use_bias": self.use_bias,
            "stop_gradient": self.stop_gradient,
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "agreement": self.agreement,
            "normalization": self.normalization,
            "squash": self.squash,
        }
