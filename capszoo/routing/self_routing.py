"""Self-routing: each child chooses its parents by its own pose, in a single pass."""

import keras
from keras import ops

from capszoo import kernels
from capszoo.ops import activations_and_shares
from capszoo.ops import gate
from capszoo.ops import present
from capszoo.ops import sum_children
from capszoo.routing.base import Routing
from capszoo.routing.registry import register


@register("self_routing")
@keras.saving.register_keras_serializable(package="capszoo")
class SelfRouting(Routing):
    """Routes by what each child says of itself: no vote and no other child has a say.

    With `u[i]` the pose of child `i`, `a[i]` its activation and `v_hat[i, j]` its vote for parent
    `j`, each child is a small router of its own, a mixture of experts where votes are the experts:

        c[i, :] = softmax(u[i] @ logit_kernel[i] + logit_bias[:, i])   over the parents
        a[j]    = sum_i a[i] c[i, j] / sum_i a[i]
        v[j]    = sum_i a[i] c[i, j] v_hat[i, j] / sum_i a[i] c[i, j]

    The activations of the parents sum to one, so those of class capsules are a distribution over
    the classes. Time `O(B I J (C + D))` for child poses of `C` numbers, memory `O(B I J)` beside
    the votes.

    Where the child is the whole window of a type, as in `capszoo.layers.ConvCapsules2D` with
    `votes_from="types"` and in `capszoo.layers.TransposedConvCapsules2D`, its pose is that of all
    places of the window one after another.

    Args:
        leaky: Whether a child may turn to none of the parents: one more logit, always zero,
            takes part in the softmax, and the activations sum to less than one.
            Defaults to `False`.
        kernel_initializer: Initializer of what the logits are made with. From zeros couplings are
            uniform at first, and the first step trains nothing below. Defaults to `"zeros"`, as
            in the paper's code.
        bias_initializer: Initializer of the bias of the logits. Defaults to `"zeros"`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        votes: Tensor of shape `(batch, *spatial, parents, children, pose_dim)`.
        activations: Activations of the children, `(batch, *spatial, children)`, from 0 to 1.
        mask: Boolean tensor of shape `(batch, *spatial, children)`, true where there is a child:
            the others give nothing and count for nothing. Defaults to `None`, all are there.
        return_coupling: Whether the couplings `c` are returned too. Defaults to `False`.
        poses: Poses of the children, `(batch, *spatial, children, child_dim)`.

    Input shape:
        `(batch, *spatial, parents, children, pose_dim)`.

    Output shape:
        Poses `(batch, *spatial, parents, pose_dim)` and activations
        `(batch, *spatial, parents)`; with `return_coupling=True` also the coupling
        `(batch, *spatial, parents, children)`.

    Raises:
        ValueError: If no activations or no poses are given.

    Example:

    >>> votes = np.random.normal(size=(2, 10, 32, 16)).astype("float32")
    >>> presence = np.ones((2, 32), "float32")
    >>> children = np.random.normal(size=(2, 32, 8)).astype("float32")
    >>> routing = capszoo.routing.SelfRouting()
    >>> poses, activations = routing(votes, presence, poses=children)
    >>> tuple(poses.shape), tuple(activations.shape)
    ((2, 10, 16), (2, 10))

    Reference:

    - [Hahn, Pyeon, Kim, 2019](https://papers.nips.cc/paper/2019/hash/e46bc064f8e92ac2c404b9871b2a4ef2-Abstract.html)
    """

    explicit_activations = True
    needs_poses = True
    tunable_arguments = ("leaky",)

    def __init__(self, leaky=False, kernel_initializer="zeros", bias_initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        self.leaky = leaky
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, votes_shape, poses_shape=None):
        if poses_shape is None:
            self._refuse_without("poses")
        parents, children = votes_shape[-3:-1]
        if tuple(poses_shape[1:-1]) != (*votes_shape[1:-3], children):
            raise ValueError(
                "SelfRouting expects a pose of each child, of shape (batch, *spatial, children, "
                f"child_dim). Received: poses of shape {tuple(poses_shape)} beside votes of shape "
                f"{tuple(votes_shape)}"
            )
        self.logit_kernel = self.add_weight(
            shape=(children, poses_shape[-1], parents),
            initializer=self.kernel_initializer,
            name="logit_kernel",
        )
        self.logit_bias = self.add_weight(
            shape=(parents, children), initializer=self.bias_initializer, name="logit_bias"
        )

    def call(self, votes, activations=None, mask=None, return_coupling=False, poses=None):
        if activations is None:
            self._refuse_without("activations")
        votes, presence = present(mask, votes)
        activations = ops.cast(activations, "float32")
        if presence is not None:
            # Not by a product: a missing child may hold anything, NaN too.
            activations = ops.where(ops.squeeze(presence, -2) > 0, activations, 0.0)
            there = ops.expand_dims(ops.squeeze(presence, -2) > 0, -1)
            poses = ops.where(there, poses, ops.zeros_like(poses))
        coupling = gate(poses, self.logit_kernel, self.logit_bias, self.leaky)
        activations, shares = activations_and_shares(coupling, activations)
        parents = sum_children(ops.cast(shares, votes.dtype), votes)
        outputs = (parents, ops.cast(activations, votes.dtype))
        if not return_coupling:
            return outputs
        if presence is not None:
            coupling = coupling * presence
        return (*outputs, ops.cast(coupling, votes.dtype))

    def select_kernel(self, votes, activations=None, **arguments):
        return kernels.self_routing.select(
            votes,
            activations,
            logit_kernel=ops.convert_to_tensor(self.logit_kernel),
            logit_bias=ops.convert_to_tensor(self.logit_bias),
            leaky=self.leaky,
            **arguments,
        )

    def _refuse_without(self, argument):
        raise ValueError(
            "SelfRouting needs the poses and the activations of the children beside their votes. "
            f"Received: {argument}=None"
        )

    def get_config(self):
        return {
            **super().get_config(),
            "leaky": self.leaky,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
