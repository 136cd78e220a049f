"""One safe norm and the squashing functions, with finite gradients at zero."""

from keras import ops

from capszoo.ops.precision import in_float32
from capszoo.validation import check_choice

EPSILON = 1e-7


def _squared_norm(x, axis):
    return ops.sum(ops.square(x), axis=axis, keepdims=True)


@in_float32
def safe_norm(x, axis=-1, keepdims=False, epsilon=EPSILON):
    """Computes the Euclidean length of vectors, with a finite gradient at zero.

    `length = sqrt(sum(x**2) + epsilon)`. The plain norm has the gradient 0/0 at the zero
    vector, which is NaN on every backend.

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
    return ops.sqrt(ops.sum(ops.square(x), axis=axis, keepdims=keepdims) + epsilon)


def _standard_scale(squared_norm, epsilon):
    return squared_norm / (1.0 + squared_norm) / ops.sqrt(squared_norm + epsilon)


def _exponential_scale(squared_norm, epsilon):
    norm = ops.sqrt(squared_norm + epsilon)
    return -ops.expm1(-norm) / norm


SQUASHES = {"standard": _standard_scale, "exponential": _exponential_scale}


def squash(x, axis=-1, kind="standard", epsilon=EPSILON):
    """Shrinks vectors to a length below 1 and keeps their direction.

    With `n` the length of a vector,

    - `"standard"`: `n**2 / (1 + n**2) * x / n`;
    - `"exponential"`: `(1 - exp(-n)) * x / n`, steeper near zero.

    Args:
        x: Tensor of vectors.
        axis: The axis along which a vector lies. Defaults to `-1`.
        kind: `"standard"` or `"exponential"`. Defaults to `"standard"`.
        epsilon: Added under the root of the norm. Defaults to `1e-7`.

    Returns:
        Tensor of the shape and dtype of `x`; computed in float32.

    Raises:
        ValueError: If `kind` is unknown.

    Example:

    >>> squashed = capszoo.ops.squash(np.array([3.0, 4.0], "float32"))
    >>> [round(float(number), 4) for number in squashed]
    [0.5769, 0.7692]

    Reference:

    - Standard: [Sabour et al., 2017](https://arxiv.org/abs/1710.09829)
    - Exponential: [Xi et al., 2017](https://arxiv.org/abs/1712.03480)
    """
    check_choice("kind", kind, SQUASHES)
    return _squash(x, axis, SQUASHES[kind], epsilon)


@in_float32
def _squash(x, axis, scale, epsilon):
    return scale(_squared_norm(x, axis), epsilon) * x


def squash_vjp(x, upstream, epsilon=EPSILON):
    """Computes the gradient of `squash(x)` where that of its result is `upstream`.

    With `q = sum(x**2)` and `squash(x) = f(q) * x`, it is
    `f(q) * upstream + 2 * f'(q) * (x . upstream) * x`. A vector-Jacobian product, for
    kernels whose gradients are written out.

    Args:
        x: Tensor of vectors, along the last axis.
        upstream: Tensor of the shape of `x`.
        epsilon: As in `squash`. Defaults to `1e-7`.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> x = np.array([3.0, 4.0], "float32")
    >>> across = capszoo.ops.squash_vjp(x, np.array([-4.0, 3.0], "float32"))
    >>> [round(float(number), 4) for number in across]
    [-0.7692, 0.5769]
    """
    x, upstream = ops.convert_to_tensor(x), ops.convert_to_tensor(upstream)
    squared_norm = _squared_norm(x, -1)
    root = ops.rsqrt(squared_norm + epsilon)
    slope = root / ops.square(1.0 + squared_norm)
    slope = slope - 0.5 * squared_norm / (1.0 + squared_norm) * root**3
    along = ops.sum(x * upstream, axis=-1, keepdims=True)
    return _standard_scale(squared_norm, epsilon) * upstream + 2.0 * slope * along * x


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
