"""The digamma function, which is the derivative of ln gamma(x), and its own derivative."""

from keras import ops

from capszoo.ops.precision import in_float32

# From here on the asymptotic series are exact to what float32 can tell.
_LARGE = 6.0


@in_float32
def digamma(x):
    """Computes the digamma function `psi(x) = d/dx ln gamma(x)` of positive numbers.

    The recurrence `psi(x) = psi(x + 6) - sum over k < 6 of 1 / (x + k)` takes small numbers to
    where the asymptotic series holds,

        psi(y) = ln y - 1 / (2 y) - 1 / (12 y**2) + 1 / (120 y**4) - 1 / (252 y**6) + ...

    From `x = 1` on the error is below `1e-6`, of the value where that is above 1. Its
    gradient is `trigamma(x)`.

    Args:
        x: Tensor of positive numbers.

    Returns:
        Tensor of the shape and dtype of `x`; computed in float32.

    Example:

    >>> round(float(capszoo.ops.digamma(np.array(1.0, "float32"))), 5)
    -0.57722

    Reference:

    - [Bernardo, 1976](https://doi.org/10.2307/2347257)
    """
    small, large = _small_and_large(x)
    inverse = 1.0 / large
    square = inverse * inverse
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square / 240)))
    # Sums of pairs, 1 / (x + k) + 1 / (x + 5 - k): half the divisions, and half the rounding.
    product = small * (small + 5.0)
    pairs = 1.0 / product + 1.0 / (product + 4.0) + 1.0 / (product + 6.0)
    steps = ops.where(x < _LARGE, (2.0 * small + 5.0) * pairs, 0.0)
    return ops.log(large) - 0.5 * inverse - series - steps


@in_float32
def trigamma(x):
    """Computes the trigamma function, the derivative of `digamma`, of positive numbers.

    By the derivatives of what `digamma` says.

    Args:
        x: Tensor of positive numbers.

    Returns:
        Tensor of the shape and dtype of `x`; computed in float32.

    Example:

    >>> round(float(capszoo.ops.trigamma(np.array(1.0, "float32"))), 5)
    1.64493
    """
    small, large = _small_and_large(x)
    inverse = 1.0 / large
    square = inverse * inverse
    series = square * (1 / 6 - square * (1 / 30 - square * (1 / 42 - square / 30)))
    steps = sum(ops.square(1.0 / (small + step)) for step in range(6))
    return inverse * (1.0 + 0.5 * inverse + series) + ops.where(x < _LARGE, steps, 0.0)


def _small_and_large(x):
    """`x`, or 6 in the place of what is larger; and `x`, 6 more where it is smaller."""
    # Where the one is not used it is a constant, so that no gradient of it is infinite.
    return ops.where(x < _LARGE, x, _LARGE), ops.where(x < _LARGE, x + _LARGE, x)
