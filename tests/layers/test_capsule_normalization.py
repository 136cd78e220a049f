"""Normalization over positions and pose, shared by the types."""

import numpy as np
import pytest

from capszoo.layers import CapsuleNormalization
from tests.layer_checks import run_layer_test
from tests.layer_checks import to_numpy


def test_layer():
    run_layer_test(CapsuleNormalization, {}, (2, 4, 3, 5, 6), (2, 4, 3, 5, 6), 2, atol=1e-5)


def test_against_loops(rng):
    poses = rng.normal(2, 3, size=(2, 4, 3, 5, 6)).astype("float32")
    layer = CapsuleNormalization()
    layer.build(poses.shape)
    assert tuple(layer.scale.shape) == (4, 3, 1, 6)
    layer.scale.assign(rng.normal(size=layer.scale.shape))
    layer.offset.assign(rng.normal(size=layer.offset.shape))
    scale, offset = to_numpy([layer.scale, layer.offset])
    found = to_numpy(layer(poses))
    for n, t in np.ndindex(2, 5):
        own = poses[n, :, :, t]
        expected = (own - own.mean()) / np.sqrt(own.var() + 1e-5)
        np.testing.assert_allclose(
            found[n, :, :, t], expected * scale[:, :, 0] + offset[:, :, 0], atol=1e-4
        )


def test_bad_rank():
    with pytest.raises(ValueError, match="types"):
        CapsuleNormalization()(np.ones((2, 4, 3, 5)))
