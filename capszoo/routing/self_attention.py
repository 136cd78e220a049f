"""Self-attention routing: votes for a parent attend to each other, in a single pass."""

import keras
from keras import ops

from capszoo import kernels
from capszoo.ops import present
from capszoo.ops import softmax_over_parents
from capszoo.ops import squash
from capszoo.ops import widen
from capszoo.routing.base import Routing
from capszoo.routing.registry import register


@register("self_attention")
@keras.saving.register_keras_serializable(package="capszoo")
class SelfAttentionRouting(Routing):
    """Routes by how much a vote agrees with all votes for the same parent, in one pass.

    With `v_hat[i, j]` the vote of child `i` for parent `j`, of `D` numbers,

        A[j, i] = sum_k v_hat[i, j] . v_hat[k, j] / sqrt(D)    over all children k, i included
        c[:, i] = softmax(A[:, i]) + bias[:, i]                 over the parents
        v[j]    = squash(sum_i c[j, i] * v_hat[i, j])           the exponential squash

    The bias is added after the softmax. The sum over `k` is one vector per parent, so the
    children's Gram matrix is never made: time `O(B I J D)`, memory `O(B I J)` beside the votes.

    Args:
        use_bias: Whether a trainable bias is added to the couplings. Defaults to `True`.
        bias_initializer: Initializer of the bias. Defaults to `"zeros"`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        votes: Tensor of shape `(batch, *spatial, parents, children, pose_dim)`.
        activations: Must be `None`: a capsule's activation is the length of its pose.
        mask: Boolean tensor of shape `(batch, *spatial, children)`, true where there is a child:
            the others give nothing and count for nothing. Defaults to `None`, all are there.
        return_coupling: Whether the couplings, with their bias, are returned too.
            Defaults to `False`.

    Input shape:
        `(batch, *spatial, parents, children, pose_dim)`.

    Output shape:
        Poses `(batch, *spatial, parents, pose_dim)`, of length below 1; with
        `return_coupling=True` also the coupling `(batch, *spatial, parents, children)`.

    Raises:
        ValueError: If activations are given.

    Example:

    >>> votes = np.random.normal(size=(2, 10, 16, 16)).astype("float32")
    >>> tuple(capszoo.routing.SelfAttentionRouting()(votes).shape)
    (2, 10, 16)

    Reference:

    - [Mazzia, Salvetti, Chiaberge, 2021](https://arxiv.org/abs/2101.12491)
    """

    def __init__(self, use_bias=True, bias_initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        self.use_bias = use_bias
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, votes_shape):
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=votes_shape[-3:-1], initializer=self.bias_initializer, name="bias"
            )

    def call(self, votes, activations=None, mask=None, return_coupling=False):
        self.refuse_activations(activations)
        votes, presence = present(mask, votes)
        wide = widen(votes)
        total = ops.sum(wide, axis=-2, keepdims=True)
        attention = ops.sum(wide * total, axis=-1) / votes.shape[-1] ** 0.5
        coupling = softmax_over_parents(attention)
        if self.bias is not None:
            coupling = coupling + ops.cast(self.bias, "float32")
        if presence is not None:
            coupling = coupling * presence
        coupling = ops.cast(coupling, votes.dtype)
        poses = ops.squeeze(ops.matmul(ops.expand_dims(coupling, -2), votes), -2)
        poses = squash(poses, kind="exponential")
        return (poses, coupling) if return_coupling else poses

    def select_kernel(self, votes, activations=None, **arguments):
        return kernels.self_attention.select(votes, activations, bias=self.bias, **arguments)

    def get_config(self):
        return {
            **super().get_config(),
            "use_bias": self.use_bias,
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
