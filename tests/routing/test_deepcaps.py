"""3-D routing of DeepCaps: golden vectors, NumPy loops, what it is in dense layers."""

import numpy as np
import pytest

from capszoo import layers
from capszoo.routing import DeepCapsRouting
from tests.layer_checks import to_numpy

# Computed from the authors' released functions, run on the same numbers.
ROUTED = {  # (parents, pose dimensions, height, width)
    1: [
        [[[-0.104029, 0.069353]], [[0.052015, 0.034676]]],
        [[[0.050951, 0.038213]], [[0.025475, 0.012738]]],
    ],
    3: [
        [[[-0.126129, 0.077358]], [[0.054364, 0.043105]]],
        [[[0.054016, 0.047215]], [[0.028924, 0.00721]]],
    ],
}
COUPLING = [  # after three iterations; (parents, children, height, width)
    [[[0.270822, 0.258732]], [[0.263909, 0.232611]], [[0.27885, 0.242153]]],
    [[[0.249509, 0.220937]], [[0.238144, 0.265336]], [[0.241456, 0.237541]]],
]
# A layer of 3x3 positions by 2 parents by 2 numbers, row by row: what the equations give, and
# what the released layer gives, which reads (height, width, types, pose) as (types, pose, height,
# width).
INTENDED = """
0.043970 0.019575 0.039460 0.044716 0.024756 0.064305 0.031797 0.023196 0.047423 0.027078 0.032998
0.041763 0.017393 0.039864 0.048622 0.027232 0.070237 0.026365 0.016211 0.050483 0.021399 0.043025
0.047328 0.023944 0.041234 0.049987 0.030611 0.042889 0.026093 0.026103 0.045709 0.024780 0.049999
0.041229 0.027782 0.044315
"""
RELEASED = """
0.044101 0.039474 0.035290 0.041221 0.026445 0.039476 0.037686 0.023355 0.044397 0.038231 0.037210
0.041663 0.038501 0.044718 0.036515 0.028223 0.045322 0.036149 0.023208 0.055849 0.035048 0.041682
0.033937 0.026073 0.051612 0.034481 0.032478 0.046667 0.033271 0.032681 0.047623 0.026773 0.045100
0.031347 0.028278 0.041776
"""


def sequence(shape, factor, modulus, offset, scale):
    """Numbers that are alike on every machine."""
    return ((factor * np.arange(np.prod(shape)) % modulus - offset) / scale).reshape(shape)


def as_map(text):
    return np.array(text.split(), float).reshape(3, 3, 2, 2)


@pytest.mark.parametrize("iterations", ROUTED)
def test_golden(iterations):
    votes = sequence((1, 2, 3, 2, 1, 2), 7, 11, 5, 5).astype("float32")
    votes = votes.transpose(0, 4, 5, 1, 2, 3)
    poses, coupling = to_numpy(DeepCapsRouting(iterations)(votes, return_coupling=True))
    np.testing.assert_allclose(poses[0].transpose(2, 3, 0, 1), ROUTED[iterations], atol=2e-5)
    expected = COUPLING if iterations == 3 else np.full((2, 3, 1, 2), 0.25)
    np.testing.assert_allclose(coupling[0].transpose(2, 3, 0, 1), expected, atol=2e-5)


def shared_layer(input_shape):
    layer = layers.ConvCapsules2D(
        2, 2, 3, padding="same", votes_from="types", share_types=True, routing="deepcaps"
    )
    layer.build(input_shape)
    kernel = sequence((2, 3, 3, 4), 5, 13, 6, 20)  # pose dimensions of a child first
    layer.kernel.assign(kernel.transpose(1, 2, 0, 3).reshape(layer.kernel.shape))
    return layer


def test_golden_layer():
    poses = sequence((1, 3, 3, 2, 2), 7, 11, 5, 5).astype("float32")
    layer = shared_layer(poses.shape)
    np.testing.assert_allclose(to_numpy(layer(poses))[0], as_map(INTENDED), atol=2e-5)


def test_the_released_layer_reads_its_input_in_another_order():
    poses = sequence((1, 3, 3, 2, 2), 7, 11, 5, 5).astype("float32")
    layer = shared_layer(poses.shape)
    misread = poses.reshape(1, 2, 2, 3, 3).transpose(0, 3, 4, 1, 2)
    np.testing.assert_allclose(to_numpy(layer(misread))[0], as_map(RELEASED), atol=2e-5)
    assert np.abs(to_numpy(layer(poses))[0] - as_map(RELEASED)).max() > 0.01
