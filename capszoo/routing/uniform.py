"""No routing at all: every child turns equally to every parent."""

import keras

from capszoo.routing.dynamic import DynamicRouting
from capszoo.routing.registry import register


@register("uniform")
@keras.saving.register_keras_serializable(package="capszoo")
class UniformRouting(DynamicRouting):
    """Averages the votes: the baseline every claim about routing is measured against.

    `v[j] = squash(1 / J * sum_i v_hat[i, j] + bias[j])`: dynamic routing with one iteration.
    Time `O(B I J D)`, no memory beside the votes.

    Args:
        use_bias: Whether a trainable bias is added before the squash. Defaults to `True`.
        bias_initializer: Initializer of the bias; `None` stands for the constant 0.1.
            Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        votes: Tensor of shape `(batch, *spatial, parents, children, pose_dim)`.
        activations: Must be `None`.
        mask: Boolean tensor of shape `(batch, *spatial, children)`, true where there is a child:
            the others give nothing and count for nothing. Defaults to `None`, all are there.
        return_coupling: Whether the couplings, all `1 / parents`, are returned too.
            Defaults to `False`.

    Input shape:
        `(batch, *spatial, parents, children, pose_dim)`.

    Output shape:
        Poses `(batch, *spatial, parents, pose_dim)`, of length below 1.

    Example:

    >>> votes = np.random.normal(size=(2, 10, 1152, 16)).astype("float32")
    >>> tuple(capszoo.routing.UniformRouting()(votes).shape)
    (2, 10, 16)

    """

    tunable_arguments = ()

    def __init__(self, use_bias=True, bias_initializer=None, **kwargs):
        super().__init__(
            iterations=1, use_bias=use_bias, bias_initializer=bias_initializer, **kwargs
        )

    def get_config(self):
        config = super().get_config()
        for fixed in ("iterations", "leaky", "stop_gradient"):
            del config[fixed]
        return config
