"""One safe norm and the squashing functions, with finite gradients at zero."""

import functools

from keras import ops

from capszoo.ops.precision import in_float32
from capszoo.ops.precision import saturate
from capszoo.validation import check_choice
from capszoo.validation import check_number

EPSILON = 1e-7

# Longer vectors are as long as this. In units of its largest entry each could be measured, and
# would take two to three times as long.
_LONGEST_SQUARED = 3e38


def _squared_norm(x, axis, keepdims=True):
    return ops.minimum(ops.sum(ops.square(x), axis=axis, keepdims=keepdims), _LONGEST_SQUARED)


@in_float32
def safe_norm(x, axis=-1, keepdims=False, epsilon=EPSILON):
    """Computes the Euclidean length of vectors, with a finite gradient at zero.

    `length = sqrt(sum(x**2) + epsilon)`. The plain norm has the gradient 0/0 at the zero
    vector, which is NaN on every backend. Lengths above `1.7e19` saturate there.

    Args:
        x: Tensor of vectors.
        axis: The axis (or axes) along which a vector lies. Defaults to `-1`.
        keepdims: Whether the reduced axis stays, with size 1. Defaults to `False`.
        epsilon: Added under the root; the length of the zero vector is its root.
            Defaults to `1e-7`.

    Returns:
        Tensor of lengths, in the dtype of `x`; computed in float32.

    Example:

    >>> float(capszoo.ops.safe_norm(np.array([3.0, 4.0], "float32")))
    5.0
    """
    return ops.sqrt(_squared_norm(x, axis, keepdims) + epsilon)


def _standard_scale(squared_norm, epsilon):
    return squared_norm / (1.0 + squared_norm) / ops.sqrt(squared_norm + epsilon)


def _standard_slope(squared_norm, epsilon):
    root = ops.rsqrt(squared_norm + epsilon)
    slope = root / ops.square(1.0 + squared_norm)
    return slope - 0.5 * squared_norm / (1.0 + squared_norm) * root**3


def _exponential_scale(squared_norm, epsilon):
    norm = ops.sqrt(squared_norm + epsilon)
    return -ops.expm1(-norm) / norm


def _exponential_slope(squared_norm, epsilon):
    norm = ops.sqrt(squared_norm + epsilon)
    return 0.5 * (norm * ops.exp(-norm) + ops.expm1(-norm)) / norm**3


def _text_scale(squared_norm, epsilon):
    squared_norm = squared_norm + epsilon
    return ops.sqrt(squared_norm) / (0.5 + squared_norm)


def _text_slope(squared_norm, epsilon):
    squared_norm = squared_norm + epsilon
    return 0.5 * (0.5 - squared_norm) * ops.rsqrt(squared_norm) / ops.square(0.5 + squared_norm)


# What a vector is multiplied by, and the derivative of that by the squared length.
_SCALES_AND_SLOPES = {
    "standard": (_standard_scale, _standard_slope),
    "exponential": (_exponential_scale, _exponential_slope),
    "text": (_text_scale, _text_slope),
}
SQUASHES = tuple(_SCALES_AND_SLOPES)


def squash(x, axis=-1, kind="standard", epsilon=EPSILON, power=2):
    """Shrinks vectors to a length below 1 and keeps their direction.

    With `n` the length of a vector,

    - `"standard"`: `n**2 / (1 + n**2) * x / n`;
    - `"exponential"`: `(1 - exp(-n)) * x / n`, steeper near zero;
    - `"text"`: `n**2 / (0.5 + n**2) * x / n`, of text capsules: half as long already at
      `n**2 = 0.5`.

    A `power` above 2 makes the standard squash steeper, `n**power / (1 + n**power) * x / n`: what
    is shorter than 1 becomes shorter, what is longer longer. Entries above `1e15` saturate there.

    Args:
        x: Tensor of vectors.
        axis: The axis along which a vector lies. Defaults to `-1`.
        kind: `"standard"`, `"exponential"` or `"text"`. Defaults to `"standard"`.
        epsilon: Added under the root of the norm. Defaults to `1e-7`.
        power: The power of the length in the standard squash, at least 2. Defaults to `2`.

    Returns:
        Tensor of the shape and dtype of `x`; computed in float32.

    Raises:
        ValueError: If `kind` is unknown, or `power` below 2 or not for this kind.

    Example:

    >>> squashed = capszoo.ops.squash(np.array([3.0, 4.0], "float32"))
    >>> [round(float(number), 4) for number in squashed]
    [0.5769, 0.7692]

    Reference:

    - Standard: [Sabour et al., 2017](https://arxiv.org/abs/1710.09829)
    - Exponential: [Xi et al., 2017](https://arxiv.org/abs/1712.03480)
    - Text: [Zhao et al., 2018](https://arxiv.org/abs/1804.00538)
    """
    check_choice("kind", kind, SQUASHES)
    check_squash_power("power", power, kind)
    if power == 2:
        return _squash(x, axis, _SCALES_AND_SLOPES[kind][0], epsilon)
    return _squash(x, axis, functools.partial(_power_scale, power), epsilon)


def check_squash_power(argument, power, kind="standard"):
    """Raises `ValueError` unless `power` is 2, or above it and for the standard squash."""
    check_number(argument, power, minimum=2)
    if power != 2 and kind != "standard":
        raise ValueError(
            f"Argument `{argument}` is for the standard squash alone. "
            f"Received: {argument}={power}, with squash {kind!r}"
        )


def _power_scale(power, squared_norm, epsilon):
    squared_norm = squared_norm + epsilon
    # As the sigmoid of power * log(n): powers of long vectors would overflow.
    return ops.sigmoid(0.5 * power * ops.log(squared_norm)) * ops.rsqrt(squared_norm)


@in_float32
def _squash(x, axis, scale, epsilon):
    # Of a vector that is divided by its length the squares may not overflow.
    x = saturate(x)
    return scale(_squared_norm(x, axis), epsilon) * x


def squash_vjp(x, upstream, kind="standard", epsilon=EPSILON, axis=-1):
    """Computes the gradient of `squash(x)` where that of its result is `upstream`.

    With `q = sum(x**2)` and `squash(x) = f(q) * x`, it is
    `f(q) * upstream + 2 * f'(q) * (x . upstream) * x`. A vector-Jacobian product, for
    kernels whose gradients are written out.

    Args:
        x: Tensor of vectors.
        upstream: Tensor of the shape of `x`.
        kind: As in `squash`. Defaults to `"standard"`.
        epsilon: As in `squash`. Defaults to `1e-7`.
        axis: The axis along which a vector lies. Defaults to `-1`.

    Returns:
        Tensor of the shape of `x`.

    Raises:
        ValueError: If `kind` is unknown.

    Example:

    >>> x = np.array([3.0, 4.0], "float32")
    >>> across = capszoo.ops.squash_vjp(x, np.array([-4.0, 3.0], "float32"))
    >>> [round(float(number), 4) for number in across]
    [-0.7692, 0.5769]
    """
    check_choice("kind", kind, SQUASHES)
    scale, slope = _SCALES_AND_SLOPES[kind]
    x, upstream = saturate(x), ops.convert_to_tensor(upstream)
    squared_norm = _squared_norm(x, axis)
    along = ops.sum(x * upstream, axis=axis, keepdims=True)
    along = 2.0 * slope(squared_norm, epsilon) * along
    return scale(squared_norm, epsilon) * upstream + along * x


@in_float32
def log_sigmoid(x):
    """Computes `log(sigmoid(x))` without underflow: `min(0, x) - log1p(exp(-|x|))`.

    Args:
        x: Tensor.

    Returns:
        Tensor of the shape and dtype of `x`; computed in float32.

    Example:

    >>> float(capszoo.ops.log_sigmoid(np.array(-200.0, "float32")))
    -200.0
    """
    return ops.minimum(x, 0.0) - ops.log1p(ops.exp(-ops.abs(x)))
