"""Numbers that stay finite: float32 inside functions given less, and bounds of what is given."""

import functools

import keras
from keras import ops


def in_float32(function):
    """Decorates `function(x, ...)` to compute in float32 and return in the dtype of `x`.

    Squares, exponentials and logarithms leave the range of float16 quickly: sixteen squares
    of 80 already overflow it. A float64 `x` stays float64. What is infinite in float16, given or
    returned, is taken for the largest number instead.

    Args:
        function: A function whose first argument, and result, is one tensor.

    Returns:
        The decorated function.
    """

    @functools.wraps(function)
    def wrapper(x, *args, **kwargs):
        x = ops.convert_to_tensor(x)
        dtype = keras.backend.standardize_dtype(x.dtype)
        wide = keras.backend.result_type(dtype, "float32")
        result = function(widen(x, wide), *args, **kwargs)
        return ops.saturate_cast(result, dtype) if dtype == "float16" else ops.cast(result, dtype)

    return wrapper


def finite(x):
    """Takes what is infinite in float16 for the largest number that it has.

    Nothing is done to tensors of other dtypes, whose range is that of float32.

    Args:
        x: Tensor.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> capszoo.ops.finite(np.array([np.inf], "float16"))[0].item()
    65504.0
    """
    float16 = keras.backend.standardize_dtype(x.dtype) == "float16"
    return ops.saturate_cast(x, "float16") if float16 else x


def widen(x, dtype="float32"):
    """Casts to float32, where what is infinite in float16 is as large as can be instead.

    Products and sums in float16 overflow above 65504, and what is computed of infinite numbers
    is soon NaN.

    Args:
        x: Tensor.
        dtype: What it is cast to. Defaults to `"float32"`.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> capszoo.ops.widen(np.array([np.inf], "float16"))[0].item()
    65504.0
    """
    return ops.cast(finite(x), dtype)


# What layers compute with is bounded by it, so that sums of squares, of thousands of votes that
# are a thousand times as large, stay finite. Of float16, whose votes are float16, by less.
_LARGEST = 1e15
_LARGEST_FLOAT16 = 1e4


def saturate(x, largest=_LARGEST):
    """Takes numbers that are too large to compute with for the largest that are not.

    Capsule layers bound what they are given: with larger poses squares, or in float16 the votes
    themselves, would overflow, and the difference of infinite numbers be NaN. The gradient of
    what is out of bounds is zero.

    Args:
        x: Tensor.
        largest: The largest number to compute with. Defaults to `1e15`.

    Returns:
        Tensor of the shape and dtype of `x`, from `-largest` to `largest`; in float16 from `-1e4`
        to `1e4`. NaN stays NaN.

    Example:

    >>> capszoo.ops.saturate(np.array([1.5, -3e38], "float32"))[0].item()
    1.5
    """
    x = ops.convert_to_tensor(x)
    float16 = keras.backend.standardize_dtype(x.dtype) == "float16"
    largest = min(largest, _LARGEST_FLOAT16) if float16 else largest
    return ops.clip(x, -largest, largest)
