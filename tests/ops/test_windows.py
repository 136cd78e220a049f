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
        ((7,), (3,), (2,), "same"),
        ((3, 4, 3), (2, 3, 2), (1, 2, 2), "valid"),
        ((3, 4, 2), (2, 3, 2), (2, 1, 2), "same"),
    ],
)
def test_logsumexp_per_child(size, kernel, strides, padding, rng):
    windows = Windows(size, kernel, strides, padding)
    types = 2
    values = rng.normal(size=(1, *windows.grid, np.prod(kernel) * types)).astype("float32")
    pads = [
        max((new - 1) * stride + window - old, 0) // 2 if padding == "same" else 0
        for new, stride, window, old in zip(windows.grid, strides, kernel, size, strict=True)
    ]

    def child(where, place):
        own = np.array(where) * strides + np.unravel_index(place, kernel) - pads
        return tuple(own) if (own >= 0).all() and (own < size).all() else None

    totals = {}
    places = [(where[:-1], where[-1]) for where in np.ndindex(*windows.grid, np.prod(kernel))]
    for where, place in places:
        own = np.exp(values[0][where].reshape(-1, types)[place])
        totals[child(where, place)] = totals.get(child(where, place), 0) + own
    found = to_numpy(windows.logsumexp_per_child(values))
    for where, place in places:
        own = child(where, place)
        expected = np.zeros(types) if own is None else np.log(totals[own])
        np.testing.assert_allclose(found[0][where].reshape(-1, types)[place], expected, atol=1e-5)
    assert windows.children_seen == len(totals) - (None in totals)
    assert windows.number == np.prod(windows.grid)
    assert windows.positions_per_window == np.prod(kernel)
