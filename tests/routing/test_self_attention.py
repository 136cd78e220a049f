"""Self-attention routing: the golden vector, and a loop with a bias."""

import numpy as np

from capszoo.ops import squash
from capszoo.routing import SelfAttentionRouting
from tests.layer_checks import to_numpy
from tests.routing.golden import VOTES


def test_golden_vector():
    poses = to_numpy(SelfAttentionRouting()(VOTES))
    sums = np.array([[[2.175397, 0.096231], [-0.121124, 0.242905]]], "float32")
    np.testing.assert_allclose(poses, to_numpy(squash(sums, kind="exponential")), atol=1e-5)


def test_against_loops(rng):
    votes = rng.normal(size=(2, 3, 5, 4)).astype("float32")
    routing = SelfAttentionRouting(bias_initializer="normal")
    poses, coupling = to_numpy(routing(votes, return_coupling=True))
    bias = to_numpy(routing.bias)
    assert bias.shape == (3, 5)
    for n in range(2):
        attention = np.zeros((3, 5))
        for j, i, k in np.ndindex(3, 5, 5):
            attention[j, i] += votes[n, j, i] @ votes[n, j, k] / 2.0
        expected = np.exp(attention) / np.exp(attention).sum(axis=0) + bias
        np.testing.assert_allclose(coupling[n], expected, atol=1e-5)
        for j in range(3):
            total = sum(expected[j, i] * votes[n, j, i] for i in range(5))
            length = np.linalg.norm(total)
            np.testing.assert_allclose(
                poses[n, j], (1 - np.exp(-length)) * total / length, atol=1e-5
            )
