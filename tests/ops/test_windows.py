"""Which children windows share, against a loop; sums over all windows that see a child."""

import numpy as np
import pytest

from capszoo.ops import Windows
from tests.layer_checks import to_numpy


@pytest.mark.parametrize(
    ("size", "kernel", "strides", "padding"),
    [
        ((4, 4), (3, 3), (1, 1), "valid"),
        ((6, 5), (3, 2), (2, 1), "valid"),
        ((5, 6), (3, 3), (2, 2), "same"),
        ((7, 7), (2, 2), (3, 3), "valid"),
    ],
)
def test_logsumexp_per_child(size, kernel, strides, padding, rng):
    windows = Windows(size, kernel, strides, padding)
    types = 2
    values = rng.normal(size=(1, *windows.grid, kernel[0] * kernel[1] * types)).astype("float32")
    pads = [
        max((new - 1) * stride + window - old, 0) // 2 if padding == "same" else 0
        for new, stride, window, old in zip(windows.grid, strides, kernel, size, strict=True)
    ]

    def child(row, column, place):
        y = row * strides[0] + place // kernel[1] - pads[0]
        x = column * strides[1] + place % kernel[1] - pads[1]
        return (y, x) if 0 <= y < size[0] and 0 <= x < size[1] else None

    totals = {}
    places = list(np.ndindex(*windows.grid, kernel[0] * kernel[1]))
    for row, column, place in places:
        own = np.exp(values[0, row, column].reshape(-1, types)[place])
        totals[child(row, column, place)] = totals.get(child(row, column, place), 0) + own
    found = to_numpy(windows.logsumexp_per_child(values))
    for row, column, place in places:
        where = child(row, column, place)
        expected = np.zeros(types) if where is None else np.log(totals[where])
        np.testing.assert_allclose(
            found[0, row, column].reshape(-1, types)[place], expected, atol=1e-5
        )
    assert windows.children_seen == len(totals) - (None in totals)
