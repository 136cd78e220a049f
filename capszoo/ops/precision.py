"""Float32 arithmetic inside functions that may be given float16 or bfloat16."""

import functools

import keras
from keras import ops


def in_float32(function):
    """Decorates `function(x, ...)` to compute in float32 and return in the dtype of `x`.

    Squares, exponentials and logarithms leave the range of float16 quickly: sixteen squares
    of 80 already overflow it. A float64 `x` stays float64.

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
        return ops.cast(function(ops.cast(x, wide), *args, **kwargs), dtype)

    return wrapper
