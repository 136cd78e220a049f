"""Inverted dot-product attention routing: parents query children, and poses are normalized."""

import keras
from keras import ops

from capszoo import kernels
from capszoo.ops import agreement
from capszoo.ops import present
from capszoo.ops import softmax_over_parents
from capszoo.ops import standardize
from capszoo.ops import sum_children
from capszoo.ops import widen
from capszoo.routing.base import IterativeRouting
from capszoo.routing.registry import register


@register("inverted_attention")
@keras.saving.register_keras_serializable(package="capszoo")
class InvertedAttentionRouting(IterativeRouting):
    """Routes by inverted dot-product attention: parents compete for what each child attends to.

    With `v_hat[i, j]` the vote of child `i` for parent `j`, of `D` numbers, and couplings
    `c = 1 / parents` at first, each iteration computes

        c[i, :] = softmax(v_hat[i, :] . v[:] / sqrt(D))     over the parents; not in the first
        v[j]    = scale * standardize(sum_i c[i, j] * v_hat[i, j]) + bias

    and the last `v` are the parents' poses: layer normalization instead of a squash, one scale
    and bias for all parents and iterations, and logits that are not summed up over the
    iterations. The poses are as long as each other, `sqrt(D)` at first: their lengths say
    nothing of presence, so that classes are told by a linear function of the poses that all of
    them share. For `B` samples, `I` children and `J` parents an iteration reads the votes
    twice: time `O(B I J D)`, memory `O(B I J)` beside the votes.

    Args:
        iterations: How many times the parents are computed. `1` means once, with uniform
            couplings: no attention. Defaults to `2`, what the paper recommends.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        votes: Tensor of shape `(batch, *spatial, parents, children, pose_dim)`.
        activations: Must be `None`: capsules have no activation beside their pose.
        mask: Boolean tensor of shape `(batch, *spatial, children)`, true where there is a child:
            the others give nothing and count for nothing. Defaults to `None`, all are there.
        return_coupling: Whether the couplings of the last iteration are returned too.
            Defaults to `False`.

    Input shape:
        `(batch, *spatial, parents, children, pose_dim)`.

    Output shape:
        Poses `(batch, *spatial, parents, pose_dim)`; with `return_coupling=True` also the
        coupling `(batch, *spatial, parents, children)`.

    Raises:
        ValueError: If `iterations` is not a positive integer or activations are given.

    Example:

    >>> votes = np.random.normal(size=(2, 10, 1152, 16)).astype("float32")
    >>> tuple(capszoo.routing.InvertedAttentionRouting(iterations=2)(votes).shape)
    (2, 10, 16)

    Reference:

    - [Tsai, Srivastava, Goh, Salakhutdinov, 2020](https://arxiv.org/abs/2002.04764)
    """

    def __init__(self, iterations=2, **kwargs):
        super().__init__(iterations=iterations, **kwargs)

    def build(self, votes_shape):
        shape = votes_shape[-1:]
        self.scale = self.add_weight(shape=shape, initializer="ones", name="scale")
        self.bias = self.add_weight(shape=shape, initializer="zeros", name="bias")

    def call(self, votes, activations=None, mask=None, return_coupling=False):
        self.refuse_activations(activations)
        votes, presence = present(mask, votes)
        dtype = keras.backend.standardize_dtype(votes.dtype)
        # Nothing bounds a vote: its product with a pose may leave the range of float16.
        wide = widen(votes, keras.backend.result_type(dtype, "float32"))
        poses = None
        for _ in range(self.iterations):
            poses, coupling = self.attend(wide, poses)
        poses = ops.cast(poses, dtype)
        if not return_coupling:
            return poses
        if coupling is None:
            coupling = ops.full_like(wide[..., 0], 1.0 / votes.shape[-3])
        coupling = coupling if presence is None else coupling * presence
        return poses, ops.cast(coupling, dtype)

    def attend(self, votes, poses=None):
        """Computes the parents once: one iteration.

        Args:
            votes: Tensor of votes, in float32.
            poses: Poses of the parents that the children turn to,
                `(batch, *spatial, parents, pose_dim)`. Defaults to `None`: children turn to
                all parents equally.

        Returns:
            The new poses of the parents and the coupling; `None` for it where it is uniform.
        """
        coupling = None
        if poses is None:
            total = ops.sum(votes, axis=-2) / votes.shape[-3]
        else:
            coupling = softmax_over_parents(agreement(votes, poses) / votes.shape[-1] ** 0.5)
            total = sum_children(coupling, votes)
        scale, bias = (ops.cast(weight, total.dtype) for weight in (self.scale, self.bias))
        return standardize(total) * scale + bias, coupling

    def select_kernel(self, votes, activations=None, **arguments):
        return kernels.inverted_attention.select(
            votes,
            activations,
            scale=self.scale,
            bias=self.bias,
            iterations=self.iterations,
            **arguments,
        )
