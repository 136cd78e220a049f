"""Subpart capsules: each is where it looks, and looks around a home of its own."""

import math

import keras
import numpy as np
from keras import ops

from capszoo.kinds import check_positive
from capszoo.layers.gathered_capsules import GatheredCapsules
from capszoo.ops import widen

# How many numbers, beside the features, are gathered: two scales and the logit of presence.
_OTHERS = 3


@keras.saving.register_keras_serializable(package="capszoo")
class SubpartCapsules(GatheredCapsules):
    """Gathers capsules from a map of features, each at the middle of where it attends.

    With `f` the features of a position, `x` where it is on the picture, which reaches from -1 to 1,
    and a learnt home of each capsule,

        a[p, n] = softmax over positions of f[p] V[n] - |x[p] - home[n]|^2 / (2 reach^2)
        middle[n] = sum_p a[p, n] x[p]
        numbers[n] = sum_p a[p, n] f[p] W[n]

    A capsule is where it looks, so it moves with what it looks at; its home keeps it from what
    looks alike elsewhere. The numbers are its scales, `size 2^tanh(.)`, the logit of its presence
    and its features. Homes begin spread over the picture in rows.

    Args:
        num_capsules: How many subparts there are.
        feature_dim: How many features each has.
        reach: How far from home a capsule looks, of a side of 2. Defaults to `0.25`.
        size: Half the side of a subpart of scale 1. Defaults to `0.4`.
        kernel_initializer: Initializer of `V` and `W`. Defaults to `None`, small: all begin at
            home and alike.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        Places, affine maps `(batch, num_capsules, 2, 3)` that neither turn nor shear, in float32;
        logits `(batch, num_capsules)` and features `(batch, num_capsules, feature_dim)`.

    Raises:
        ValueError: If a size is not positive, or the input not of four axes.

    Example:

    >>> features = np.random.normal(size=(2, 8, 8, 5)).astype("float32")
    >>> found = capszoo.layers.SubpartCapsules(num_capsules=9, feature_dim=4)(features)
    >>> [tuple(one.shape) for one in found]
    [(2, 9, 2, 3), (2, 9), (2, 9, 4)]

    Reference:

    - [Yu et al., 2022](https://arxiv.org/abs/2203.10699), after its abstract
    """

    def __init__(
        self,
        num_capsules,
        feature_dim,
        reach=0.25,
        size=0.4,
        kernel_initializer=None,
        **kwargs,
    ):
        check_positive("reach", reach)
        check_positive("size", size)
        initializer = kernel_initializer or keras.initializers.TruncatedNormal(stddev=0.02)
        super().__init__(num_capsules, feature_dim, initializer, **kwargs)
        self.reach = reach
        self.size = size

    def build(self, input_shape):
        super().build(input_shape)
        self.homes = self.add_weight(
            shape=(self.num_capsules, 2), initializer=spread_out, name="homes"
        )
        self.add_transforms(input_shape[-1], _OTHERS + self.feature_dim)

    def call(self, inputs):
        height, width, channels = inputs.shape[1:]
        features = ops.reshape(inputs, (-1, height * width, channels))
        numbers = ops.einsum("bpc,cnd->bnpd", features, self.kernel)
        positions = ops.convert_to_tensor(positions_of(height, width))
        homes = widen(ops.convert_to_tensor(self.homes))
        away = ops.sum(ops.square(homes[:, None] - positions), axis=-1)
        logits = widen(numbers[..., -1]) - away / (2 * self.reach**2)
        attention = ops.softmax(logits, axis=-1)
        middles = ops.einsum("bnp,pd->bnd", attention, positions)
        attention = ops.cast(attention, numbers.dtype)
        gathered = ops.einsum("bnp,bnpd->bnd", attention, numbers[..., :-1]) + self.bias
        scales = self.size * 2 ** ops.tanh(widen(gathered[..., :2]))
        place = placed(middles, scales)
        return place, gathered[..., 2], gathered[..., _OTHERS:]

    def get_config(self):
        return {**super().get_config(), "reach": self.reach, "size": self.size}


def spread_out(shape, dtype=None):
    """Spreads points `(x, y)` over the picture from -1 to 1, in rows of nearly as many.

    Args:
        shape: `(points, 2)`.
        dtype: Dtype of what is returned. Defaults to `None`, `"float32"`.

    Returns:
        Tensor of that shape.
    """
    count = shape[0]
    rows = max(round(math.sqrt(count)), 1)
    points = []
    for row in range(rows):
        in_row = count // rows + (row < count % rows)
        y = (2 * row + 1) / rows - 1
        points += [((2 * column + 1) / in_row - 1, y) for column in range(in_row)]
    return ops.convert_to_tensor(np.array(points, "float32"), dtype=dtype or "float32")


def positions_of(height: int, width: int) -> np.ndarray:
    """The middles `(x, y)` of the positions of a map, row by row, on a picture from -1 to 1."""
    y, x = ((np.arange(size) + 0.5) * 2 / size - 1 for size in (height, width))
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype("float32")


def placed(middles, scales):
    """Makes affine maps that neither turn nor shear.

    Args:
        middles: Where the middle comes to, `(x, y)`: tensor `(..., 2)`.
        scales: By how much both axes are stretched: tensor `(..., 2)`.

    Returns:
        Tensor `(..., 2, 3)`.
    """
    diagonal = ops.expand_dims(scales, -1) * ops.eye(2, dtype=scales.dtype)
    return ops.concatenate([diagonal, ops.expand_dims(middles, -1)], axis=-1)
