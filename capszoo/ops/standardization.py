"""Vectors of mean 0 and variance 1: layer normalization without its scale and offset."""

from keras import ops

from capszoo.ops.precision import in_float32

# Of the variance, as in the released code of inverted dot-product attention routing.
EPSILON = 1e-5


@in_float32
def standardize(x, epsilon=EPSILON):
    """Takes the mean out of vectors and divides them by their standard deviation.

    `(x - mean(x)) / sqrt(variance(x) + epsilon)`, over the last axis; the variance is that of
    the numbers themselves, not an estimate from a sample.

    Args:
        x: Tensor of vectors, along the last axis.
        epsilon: Added under the root. Defaults to `1e-5`.

    Returns:
        Tensor of the shape and dtype of `x`; computed in float32.

    Example:

    >>> standardized = capszoo.ops.standardize(np.array([1.0, 3.0], "float32"))
    >>> [round(float(number), 4) for number in standardized]
    [-1.0, 1.0]
    """
    centered = x - ops.mean(x, axis=-1, keepdims=True)
    return centered * ops.rsqrt(ops.mean(ops.square(centered), axis=-1, keepdims=True) + epsilon)


def standardize_vjp(x, upstream, epsilon=EPSILON):
    """Computes the gradient of `standardize(x)` where that of its result is `upstream`.

    With `y = standardize(x)` and `s` the standard deviation it is divided by,
    `(upstream - mean(upstream) - y * mean(y * upstream)) / s`. A vector-Jacobian product, for
    kernels whose gradients are written out.

    Args:
        x: Tensor of vectors, along the last axis.
        upstream: Tensor of the shape of `x`.
        epsilon: As in `standardize`. Defaults to `1e-5`.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> x = np.array([1.0, 3.0, 5.0], "float32")
    >>> along = capszoo.ops.standardize_vjp(x, np.ones(3, "float32"))
    >>> float(np.abs(np.asarray(along)).max())
    0.0
    """
    x, upstream = ops.convert_to_tensor(x), ops.convert_to_tensor(upstream)
    centered = x - ops.mean(x, axis=-1, keepdims=True)
    inverse = ops.rsqrt(ops.mean(ops.square(centered), axis=-1, keepdims=True) + epsilon)
    standardized = centered * inverse
    along = ops.mean(standardized * upstream, axis=-1, keepdims=True)
    return inverse * (upstream - ops.mean(upstream, axis=-1, keepdims=True) - standardized * along)
