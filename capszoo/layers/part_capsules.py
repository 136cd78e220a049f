"""Part capsules: what is to be said of each part of a picture, gathered where it looks."""

import keras
from keras import ops

from capszoo.layers.gathered_capsules import GatheredCapsules
from capszoo.ops import affine_of_pose
from capszoo.ops import softmax_over_children

# How many numbers a place is made of.
_POSE = 6


@keras.saving.register_keras_serializable(package="capszoo")
class PartCapsules(GatheredCapsules):
    """Gathers capsules from a map of features, each from the positions that it attends to.

    With `f` the features of a position and a trainable bias for each,

        c[p, n] = (f[p] + bias[p]) W[n]             numbers of capsule n, by position p
        a[p, n] = softmax over positions of (f[p] + bias[p]) V[n]
        c[n]    = sum_p a[p, n] c[p, n]

    and the numbers of a capsule are its pose, from which its place is made
    (`capszoo.ops.affine_of_pose`), the logit of its presence and special features.

    Args:
        num_capsules: How many parts there are.
        feature_dim: How many special features each has.
        kernel_initializer: Initializer of `W` and `V`. Defaults to `"glorot_uniform"`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        Places, affine maps `(batch, num_capsules, 2, 3)` in float32, logits
        `(batch, num_capsules)` and features `(batch, num_capsules, feature_dim)`.

    Raises:
        ValueError: If a size is not a positive integer, or the input not of four axes.

    Example:

    >>> features = np.random.normal(size=(2, 7, 7, 8)).astype("float32")
    >>> parts = capszoo.layers.PartCapsules(num_capsules=12, feature_dim=4)(features)
    >>> [tuple(one.shape) for one in parts]
    [(2, 12, 2, 3), (2, 12), (2, 12, 4)]

    Reference:

    - [Kosiorek et al., 2019](https://arxiv.org/abs/1906.06818)
    """

    def __init__(
        self,
        num_capsules,
        feature_dim,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(num_capsules, feature_dim, kernel_initializer, **kwargs)

    def build(self, input_shape):
        super().build(input_shape)
        self.position_bias = self.add_weight(
            shape=input_shape[1:], initializer="zeros", name="position_bias"
        )
        self.add_transforms(input_shape[-1], _POSE + 1 + self.feature_dim)

    def call(self, inputs):
        positions = inputs.shape[1] * inputs.shape[2]
        features = ops.reshape(inputs + self.position_bias, (-1, positions, inputs.shape[-1]))
        numbers = ops.einsum("bpc,cnd->bnpd", features, self.kernel)
        attention = ops.cast(numbers[..., -1], "float32")
        attention = ops.cast(softmax_over_children(attention), numbers.dtype)
        gathered = ops.einsum("bnp,bnpd->bnd", attention, numbers[..., :-1]) + self.bias
        place = affine_of_pose(gathered[..., :_POSE])
        return place, gathered[..., _POSE], gathered[..., _POSE + 1 :]
