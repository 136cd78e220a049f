"""The length of capsules."""

import numpy as np

from capszoo.layers import CapsuleLength
from tests.layer_checks import run_layer_test
from tests.layer_checks import to_numpy


def test_layer():
    layer, _ = run_layer_test(CapsuleLength, {}, (2, 5, 3, 4), (2, 5, 3), weights=0)
    poses = np.array([[[3.0, 4.0], [0.0, 0.0]]], "float32")
    np.testing.assert_allclose(to_numpy(layer(poses)), [[5, 0]], atol=1e-3)
