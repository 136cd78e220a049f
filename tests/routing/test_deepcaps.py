"""3-D routing of DeepCaps: golden vectors, NumPy loops, what it is in dense layers."""

import numpy as np
import pytest

from capszoo import layers
from capszoo.routing import DeepCapsRouting
from capszoo.routing import DynamicRouting
from tests.layer_checks import gradients
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


def test_golden_class_capsules():
    # Without positions, with a bias for each number: the released class capsules.
    poses = sequence((2, 3, 2), 7, 11, 5, 5).astype("float32")
    layer = layers.DenseCapsules(2, 2, routing="deepcaps")
    layer.build(poses.shape)
    kernel = sequence((2, 3, 2, 2), 5, 13, 6, 5)  # parents, children, pose, pose of a child
    layer.kernel.assign(kernel.transpose(1, 3, 0, 2)[:, :, None])
    layer.routing.bias.assign(sequence((2, 2), 2, 5, 2, 10))
    found, coupling = to_numpy(layer(poses, return_coupling=True))
    expected = [
        [[0.633374, -0.172558], [0.399416, -0.410929]],
        [[-0.325622, 0.251442], [0.569285, -0.67321]],
    ]
    np.testing.assert_allclose(found, expected, atol=2e-5)
    expected = [[0.854864, 0.56665, 0.29184], [0.582071, 0.126598, 0.130893]]
    np.testing.assert_allclose(coupling[:, 0], expected, atol=2e-5)


def loops(votes, iterations, bias):
    """Poses and coupling of one sample, in loops; votes `(positions, parents, children, pose)`."""
    positions, parents, children, _ = votes.shape
    logits = np.zeros((positions, parents, children))
    for _ in range(iterations):
        coupling = np.zeros_like(logits)
        poses = np.zeros((positions, parents, votes.shape[-1]))
        for i in range(children):
            coupling[..., i] = np.exp(logits[..., i]) / np.exp(logits[..., i]).sum()
        for j in range(parents):
            for p in range(positions):
                poses[p, j] = bias[j] + sum(
                    coupling[p, j, i] * votes[p, j, i] for i in range(children)
                )
            squared = (poses[:, j] ** 2).sum()
            poses[:, j] *= squared / (1 + squared) / np.sqrt(squared)
        for p, j, i in np.ndindex(logits.shape):
            logits[p, j, i] += votes[p, j, i] @ poses[p, j]
    return poses, coupling


@pytest.mark.parametrize("iterations", [1, 2, 4])
def test_against_loops(iterations, rng):
    votes = rng.normal(size=(2, 2, 3, 4, 5, 3)).astype("float32")
    bias = rng.normal(size=(4, 3)).astype("float32")
    routing = DeepCapsRouting(iterations)
    routing.build(votes.shape)
    np.testing.assert_allclose(to_numpy(routing.bias), 0.1)
    routing.bias.assign(bias)
    poses, coupling = to_numpy(routing(votes, return_coupling=True))
    for sample in range(2):
        expected = loops(votes[sample].reshape(6, 4, 5, 3), iterations, bias)
        np.testing.assert_allclose(poses[sample].reshape(6, 4, 3), expected[0], atol=1e-5)
        np.testing.assert_allclose(coupling[sample].reshape(6, 4, 5), expected[1], atol=1e-5)


def test_without_positions_it_is_dynamic_routing(rng):
    votes = rng.normal(size=(2, 4, 5, 3)).astype("float32")
    expected = to_numpy(DynamicRouting()(votes, return_coupling=True))
    found = to_numpy(DeepCapsRouting()(votes, return_coupling=True))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_the_map_of_a_parent_has_a_length_below_one(rng):
    votes = (100 * rng.normal(size=(2, 3, 3, 4, 5, 3))).astype("float32")
    poses = to_numpy(DeepCapsRouting()(votes))
    lengths = np.sqrt((poses**2).sum((1, 2, 4)))
    assert (lengths < 1 + 1e-6).all()
    assert lengths.max() > 0.9


def test_a_child_that_is_not_everywhere(rng):
    votes = rng.normal(size=(1, 3, 2, 4, 3)).astype("float32")
    mask = np.ones((1, 3, 4), bool)
    mask[0, 1, 2] = mask[0, :, 3] = False
    votes[0, 1, :, 2] = votes[0, :, :, 3] = np.nan
    routing = DeepCapsRouting()
    poses, coupling = to_numpy(routing(votes, mask=mask, return_coupling=True))
    assert np.isfinite(poses).all()
    np.testing.assert_allclose(coupling[0].sum((0, 1)), [1, 1, 1, 0], atol=1e-5)
    np.testing.assert_array_equal(coupling[0, 1, :, 2], 0)
    # Once: uniform over the places where the child is.
    _, coupling = to_numpy(DeepCapsRouting(1)(votes, mask=mask, return_coupling=True))
    np.testing.assert_allclose(coupling[0, 0, 0], [1 / 6, 1 / 6, 1 / 4, 0], atol=1e-6)
    there = np.nan_to_num(votes)
    (gradient,) = gradients(lambda votes: routing(votes, mask=mask), there)
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[0, :, :, 3], 0)


def test_bias_is_optional():
    for use_bias in (True, False):
        routing = DeepCapsRouting(use_bias=use_bias, bias_initializer="ones")
        routing(np.ones((1, 2, 2, 3, 4, 5), "float32"))
        assert [weight.shape for weight in routing.weights] == [(3, 5)] * use_bias
