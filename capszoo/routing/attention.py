"""Attention routing: learned scores share a parent out among its children, in a single pass."""

import keras
from keras import ops

from capszoo import kernels
from capszoo.ops import present
from capszoo.ops import softmax_over_children
from capszoo.ops import sum_children
from capszoo.ops import widen
from capszoo.routing.base import Routing
from capszoo.routing.registry import register


@register("attention")
@keras.saving.register_keras_serializable(package="capszoo")
class AttentionRouting(Routing):
    """Routes by learned scores, each of which sees the votes of all children, in one pass.

    With `v_hat[i, j]` the vote of child `i` for parent `j`, trained weights `A`, `W` and `b`,

        score[j, k] = sum over i of v_hat[i, j] . A[j, i, :, k]
        c[j, :]     = softmax(score[j, :])                       over the children
        v[j]        = tanh((sum_i c[j, i] * v_hat[i, j]) @ W[j] + b[j])

    No squash: the numbers of a pose lie between -1 and 1 each, so that a length of up to the root
    of `D` says how present a capsule is. The softmax is one over the children: a parent shares
    out its attention, and a child may be of use to many parents or to none. `A` ties the routing
    to the number of children and their order, and holds `J I**2 D` numbers: it is meant for a
    few children, such as the types of a map. Time `O(B I**2 J D)`, memory `O(B I J)` beside the
    votes.

    Args:
        activation: What comes last: the name of a Keras activation, a function, or `None` for
            nothing, where a residual is to be added before. Defaults to `"tanh"`.
        use_bias: Whether there is the bias `b`. Defaults to `True`.
        attention_initializer: Initializer of `A`; `None` stands for Glorot's uniform
            distribution, for each parent by itself. Defaults to `None`.
        pose_initializer: Initializer of `W`; `None` stands for the same. Defaults to `None`.
        bias_initializer: Initializer of the bias. Defaults to `"zeros"`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        votes: Tensor of shape `(batch, *spatial, parents, children, pose_dim)`.
        activations: Must be `None`: a capsule's activation is the length of its pose.
        mask: Boolean tensor of shape `(batch, *spatial, children)`, true where there is a child:
            the others give nothing and count for nothing. Defaults to `None`, all are there.
        return_coupling: Whether the couplings are returned too; those of a parent sum to 1.
            Defaults to `False`.

    Input shape:
        `(batch, *spatial, parents, children, pose_dim)`.

    Output shape:
        Poses `(batch, *spatial, parents, pose_dim)`; with `return_coupling=True` also the
        coupling `(batch, *spatial, parents, children)`.

    Raises:
        ValueError: If activations are given.

    Example:

    >>> votes = np.random.normal(size=(2, 10, 8, 16)).astype("float32")
    >>> poses, coupling = capszoo.routing.AttentionRouting()(votes, return_coupling=True)
    >>> tuple(poses.shape), bool(keras.ops.max(keras.ops.abs(poses)) < 1)
    ((2, 10, 16), True)

    Reference:

    - [Choi, Seo, Im, Kang, 2019](https://arxiv.org/abs/1907.01750)
    """

    def __init__(
        self,
        activation="tanh",
        use_bias=True,
        attention_initializer=None,
        pose_initializer=None,
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.attention_initializer = keras.initializers.get(attention_initializer)
        self.pose_initializer = keras.initializers.get(pose_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, votes_shape):
        parents, children, pose_dim = votes_shape[-3:]
        # Keras takes the first axis for places of a window, and would start smaller.
        of_each_parent = keras.initializers.VarianceScaling(
            scale=parents, mode="fan_avg", distribution="uniform"
        )
        self.attention_kernel = self.add_weight(
            shape=(parents, children * pose_dim, children),
            initializer=self.attention_initializer or of_each_parent,
            name="attention_kernel",
        )
        self.pose_kernel = self.add_weight(
            shape=(parents, pose_dim, pose_dim),
            initializer=self.pose_initializer or of_each_parent.clone(),
            name="pose_kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(parents, pose_dim), initializer=self.bias_initializer, name="bias"
            )

    def call(self, votes, activations=None, mask=None, return_coupling=False):
        self.refuse_activations(activations)
        votes, presence = present(mask, votes)
        outputs = self._combine(votes, presence, **self._own_weights())
        return outputs if return_coupling else outputs[0]

    def _own_weights(self):
        names = ("attention_kernel", "pose_kernel", *(("bias",) if self.use_bias else ()))
        return {name: getattr(self, name) for name in names}

    def _combine(self, votes, presence=None, *, attention_kernel, pose_kernel, bias=None):
        *outer, parents, children, pose_dim = votes.shape[1:]
        # All axes before the parents as one: a parent's scores are one product of matrices.
        seen = widen(ops.reshape(votes, (-1, parents, children * pose_dim)))
        scores = ops.einsum("njf,jfk->njk", seen, ops.cast(attention_kernel, "float32"))
        scores = ops.reshape(scores, (-1, *outer, parents, children))
        coupling = ops.cast(softmax_over_children(scores, presence), votes.dtype)
        total = ops.reshape(sum_children(coupling, votes), (-1, parents, pose_dim))
        poses = ops.einsum("njd,jde->nje", total, ops.cast(pose_kernel, votes.dtype))
        if bias is not None:
            poses = poses + ops.cast(bias, votes.dtype)
        return ops.reshape(self.activation(poses), (-1, *outer, parents, pose_dim)), coupling

    def select_kernel(self, votes, activations=None, **arguments):
        return kernels.in_tiles.select(
            votes, activations, function=self._combine, weights=self._own_weights(), **arguments
        )

    def get_config(self):
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "attention_initializer": _serialized(self.attention_initializer),
            "pose_initializer": _serialized(self.pose_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }


def _serialized(initializer):
    return None if initializer is None else keras.initializers.serialize(initializer)
