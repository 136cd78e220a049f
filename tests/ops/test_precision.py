"""Float32 arithmetic inside functions given half precision."""

import keras
import numpy as np
import pytest

from capszoo.ops import in_float32


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
