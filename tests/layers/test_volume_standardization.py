"""Each channel of each volume by its own mean and deviation."""

import numpy as np

from capszoo.layers import VolumeStandardization
from tests.layer_checks import compiled


def test_each_channel_of_each_volume_on_any_scale(rng):
    volumes = rng.normal(5, 3, size=(3, 4, 5, 3, 2)).astype("float32")
    volumes[1, ..., 1] = 7.0
    axes = (1, 2, 3)
    deviation = volumes.std(axes, keepdims=True)
    expected = (volumes - volumes.mean(axes, keepdims=True)) / np.maximum(deviation, 1e-3)
    for scale in (1e-9, 1.0, 1e9):
        found = compiled(VolumeStandardization(), (scale * volumes).astype("float32"))
        np.testing.assert_allclose(found, expected, atol=1e-4)
    found = compiled(VolumeStandardization(dtype="mixed_float16"), 1e6 * volumes)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(compiled(VolumeStandardization(), 0 * volumes), 0 * volumes)
