"""Float32 arithmetic inside functions given half precision."""

import keras
import numpy as np
import pytest

from capszoo.ops import finite
from capszoo.ops import in_float32
from capszoo.ops import saturate
from capszoo.ops import widen


@pytest.mark.parametrize(
    ("given", "inside"),
    [("float16", "float32"), ("bfloat16", "float32"), ("float32", "float32"), ("int32", "float32")],
)
def test_dtypes(given, inside):
    seen = []

    @in_float32
    def double(x, by=2):
        seen.append(keras.backend.standardize_dtype(x.dtype))
        return x * by

    result = double(keras.ops.ones((2,), given), by=3)
    assert seen == [inside]
    assert keras.backend.standardize_dtype(result.dtype) == given
    assert double.__name__ == "double"
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(keras.ops.cast(result, "int32")), 3)


@pytest.mark.parametrize(
    ("dtype", "largest"), [("float16", 1e4), ("bfloat16", 1e15), ("float32", 1e15)]
)
def test_saturate(dtype, largest):
    x = keras.ops.cast(np.array([-np.inf, -1.5, 0, 9e3, np.inf, np.nan], "float32"), dtype)
    found = saturate(x)
    assert keras.backend.standardize_dtype(found.dtype) == dtype
    expected = [-largest, -1.5, 0, 9e3, largest, np.nan]
    found = keras.ops.convert_to_numpy(keras.ops.cast(found, "float32"))
    np.testing.assert_allclose(found, expected, rtol=5e-3)
    found = keras.ops.convert_to_numpy(keras.ops.cast(saturate(x, 7.0), "float32"))
    np.testing.assert_allclose(found, [-7, -1.5, 0, 7, 7, np.nan])


def test_finite():
    found = finite(keras.ops.cast(np.array([np.inf, -np.inf, 6e4], "float32"), "float16"))
    assert keras.backend.standardize_dtype(found.dtype) == "float16"
    found = keras.ops.convert_to_numpy(found).astype("float32")
    np.testing.assert_allclose(found, [65504, -65504, 6e4], rtol=1e-3)
    np.testing.assert_array_equal(finite(np.array([np.inf, 3.0], "float32")), [np.inf, 3])


def test_widen():
    wide = widen(keras.ops.cast(np.array([np.inf, -np.inf, 2.5], "float32"), "float16"))
    assert keras.backend.standardize_dtype(wide.dtype) == "float32"
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(wide), [65504, -65504, 2.5])
    # Of what has the range of float32 nothing is taken.
    wide = widen(keras.ops.cast(np.array([np.inf, 3.0], "float32"), "bfloat16"))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(wide), [np.inf, 3])
