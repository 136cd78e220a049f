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
from capszoo.ops import share_of_type
from capszoo.ops import squash
from capszoo.ops import sum_children
from capszoo.ops import uniform_coupling
from capszoo.ops import widen
from capszoo.routing.base import IterativeRouting
from capszoo.routing.registry import register
from capszoo.validation import check_choice
from capszoo.validation import check_flag
from capszoo.validation import check_positive_int


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
        amend_coefficients: Whether each coupling is multiplied by how present the child is, its
            length, so that a child in doubt has less of a say (coefficient amendment, of text
            capsules). The layer then gives the lengths. Defaults to `False`.
        child_types: Of how many types the children are, where their sum is to be divided by how
            many there are of each (of capsules of nodes, by the number of nodes, as in CapsGNN), so
            that parents of many children are no longer than those of few. Defaults to `None`, the
            sum as it is.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        votes: Tensor of shape `(batch, *spatial, parents, children, pose_dim)`.
        activations: The children's lengths, `(batch, *spatial, children)`, where coefficients are
            amended; else `None`: a capsule's activation is the length of its pose.
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
        ValueError: If `iterations` is not a positive integer, an option is unknown, or activations
            are given that are not asked for, or asked for and not given.

    Example:

    >>> votes = np.random.normal(size=(2, 10, 1152, 16)).astype("float32")
    >>> tuple(capszoo.routing.DynamicRouting(iterations=3)(votes).shape)
    (2, 10, 16)

    Reference:

    - [Sabour, Frosst, Hinton, 2017](https://arxiv.org/abs/1710.09829)
    - Leaky, amended coefficients: [Zhao et al., 2018](https://arxiv.org/abs/1804.00538)
    - Divided sum: [Xinyi and Chen, 2019](https://openreview.net/forum?id=Byl8BnRcYm)
    - Cosine: [Nguyen, Hua, Le, 2021](https://arxiv.org/abs/2203.08965)
    """

    tunable_arguments: tuple[str, ...] = (
        "iterations",
        "leaky",
        "agreement",
        "normalization",
        "squash",
        "amend_coefficients",
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
        amend_coefficients=False,
        child_types=None,
        **kwargs,
    ):
        check_choice("agreement", agreement, ("dot", "cosine"))
        check_choice("normalization", normalization, NORMALIZATIONS)
        check_choice("squash", squash, SQUASHES)
        check_flag("amend_coefficients", amend_coefficients)
        if child_types is not None:
            child_types = check_positive_int("child_types", child_types)
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
        self.amend_coefficients = self.needs_lengths = amend_coefficients
        self.child_types = child_types

    def build(self, votes_shape):
        self.bias = None
        if self.use_bias:
            parents, _, pose_dim = votes_shape[-3:]
            self.bias = self.add_weight(
                shape=(parents, pose_dim), initializer=self.bias_initializer, name="bias"
            )

    def call(self, votes, activations=None, mask=None, return_coupling=False):
        lengths = self._lengths(activations)
        votes, presence = present(mask, votes)
        share = 1.0
        if self.child_types is not None:
            share = share_of_type(mask, votes.shape[-2], self.child_types)
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
            if lengths is not None:
                alike = uniform_coupling(votes.shape[-3], self.leaky)
                coupling = lengths * (
                    ops.full_like(votes[..., 0], alike) if coupling is None else coupling
                )
            total = self._sum(seen, coupling, share)
            if not last:
                agreed = self._agreement(seen, total)
                logits = agreed if logits is None else logits + agreed
        poses = squash(total, kind=self.squash)
        if not return_coupling:
            return poses
        if coupling is None:
            coupling = ops.full_like(votes[..., 0], uniform_coupling(votes.shape[-3], self.leaky))
        return poses, coupling if presence is None else coupling * ops.cast(presence, votes.dtype)

    def _lengths(self, activations):
        """The children's lengths as they are multiplied with couplings, `None` where not."""
        if not self.amend_coefficients:
            return self.refuse_activations(activations)
        if activations is None:
            raise ValueError(
                "DynamicRouting amends coefficients by the children's lengths: give them as "
                "`activations`. Received: activations=None"
            )
        return ops.expand_dims(activations, -2)

    def _agreement(self, votes, total):
        if self.agreement == "cosine":
            return cosine(votes, total)
        return widen(agreement(votes, squash(total, kind=self.squash)))

    def _sum(self, votes, coupling, share):
        if coupling is None:
            # A mean in float32: sums over a thousand float16 votes would lose digits.
            total = ops.sum(widen(votes), axis=-2)
            total = ops.cast(total * uniform_coupling(votes.shape[-3], self.leaky), votes.dtype)
        else:
            total = sum_children(coupling, votes)
        if self.child_types is not None:
            total = ops.cast(widen(total) * share, votes.dtype)
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
            child_types=self.child_types,
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
            "amend_coefficients": self.amend_coefficients,
            "child_types": self.child_types,
        }
