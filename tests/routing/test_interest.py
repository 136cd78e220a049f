"""Multi-interest routing: the golden vectors of ComiRec and MIND, and histories of any length."""

import numpy as np
import pytest

from capszoo.layers import ClassCapsules
from capszoo.layers import DenseCapsules
from capszoo.ops import squash
from capszoo.ops import sum_children
from capszoo.routing import InterestRouting
from tests.layer_checks import gradients
from tests.layer_checks import to_numpy


def sequence(shape, multiplier=7, modulus=11, offset=5, scale=10):
    """Exact decimals that are alike on every machine, as the golden vectors' inputs."""
    numbers = (multiplier * np.arange(np.prod(shape)) % modulus - offset) / scale
    return numbers.reshape(shape).astype("float32")


THERE = np.array([[True] * 4, [True] * 3 + [False]])
HISTORY = sequence((2, 4, 2), scale=5) * THERE[..., None]
# (interests, items) of each history.
COMIREC_COUPLING = [
    [
        [0.362001, 0.240954, 0.252545, 0.300030],
        [0.274968, 0.519617, 0.496531, 0.395698],
        [0.363031, 0.239429, 0.250925, 0.304272],
    ],
    [
        [0.422111, 0.420501, 0.320824, 0],
        [0.127094, 0.120769, 0.330621, 0],
        [0.450795, 0.458731, 0.348555, 0],
    ],
]
COMIREC = [
    [[0.055307, -0.031133], [0.300327, -0.435356], [0.062997, -0.029197]],
    [[0.345019, -0.455606], [0.071989, -0.006864], [0.302964, -0.543523]],
]
MIND_COUPLING = [
    [
        [0.099114, 0.097701, 0.248558, 0.246015],
        [0.198016, 0.197010, 0.365104, 0.364732],
        [0.702870, 0.705289, 0.386339, 0.389253],
    ],
    [
        [0.191721, 0.166560, 0.181781, 0],
        [0.312978, 0.288501, 0.302554, 0],
        [0.495301, 0.544938, 0.515665, 0],
    ],
]
MIND = [
    [[-0.019139, -0.001680], [-0.005177, -0.005476], [0.623201, -0.228841]],
    [[0.004700, 0.015362], [0.009876, 0.045056], [-0.001602, 0.151785]],
]


def comirec():
    """Transforms of each place: `(items, child_dim, 1, interests, pose_dim)`."""
    layer = DenseCapsules(3, 2, routing="interest")
    layer.build((None, 4, 2))
    by_place = sequence((4, 6, 2), 5, 13, 6, 5).reshape(4, 3, 2, 2)
    layer.kernel.assign(by_place.transpose(0, 3, 1, 2)[:, :, None])
    return layer


def mind(logits):
    """One transform for all items and interests, and logits that start unlike."""
    layer = ClassCapsules(
        3,
        2,
        coordinate_scale=0.0,
        routing={"name": "interest", "logits_initializer": "random_normal"},
    )
    layer.build((None, 4, 1, 1, 2))
    shared = sequence((2, 2), 5, 13, 6, 5)
    layer.kernel.assign(np.repeat(shared[None, :, None, None], 3, axis=3))
    layer.routing.logits.assign(logits)
    return layer


def mind_of_each_history():
    starts = sequence((2, 3, 4), 7, 13, 6, 4)
    found = [
        mind(starts[n])(
            HISTORY[n : n + 1, :, None, None],
            mask=THERE[n : n + 1, :, None, None],
            return_coupling=True,
        )
        for n in range(2)
    ]
    return [np.concatenate([to_numpy(one[part]) for one in found]) for part in range(2)]


def test_golden_vector_of_comirec():
    interests, coupling = comirec()(HISTORY, mask=THERE, return_coupling=True)
    np.testing.assert_allclose(to_numpy(coupling), COMIREC_COUPLING, atol=2e-5)
    np.testing.assert_allclose(to_numpy(interests), COMIREC, atol=2e-5)


def test_golden_vector_of_mind():
    interests, coupling = mind_of_each_history()
    np.testing.assert_allclose(coupling, MIND_COUPLING, atol=2e-5)
    np.testing.assert_allclose(interests, MIND, atol=2e-5)


def test_not_a_softmax_over_the_items():
    """A library in wide use shares an interest out among the items: 0.207 away."""
    layer = comirec()
    votes = np.einsum("bic,icjd->bjid", HISTORY, to_numpy(layer.kernel.value)[:, :, 0])
    logits = np.zeros((2, 3, 4))
    for _ in range(3):
        shares = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True) * THERE[:, None]
        total = np.einsum("bji,bjid->bjd", shares, votes)
        squared = (total**2).sum(-1, keepdims=True)
        wrong = total * np.sqrt(squared) / (1 + squared)
        logits = logits + np.einsum("bjid,bjd->bji", votes, wrong)
    interests = to_numpy(layer(HISTORY, mask=THERE))
    assert np.abs(interests - wrong).max() == pytest.approx(0.207, abs=5e-4)


def test_the_gradient_is_of_the_last_iteration(rng):
    """With the couplings held fast, the gradient stays as it is."""
    votes = rng.normal(size=(2, 3, 5, 4)).astype("float32")
    routing = InterestRouting()
    _, coupling = to_numpy(routing(votes, return_coupling=True))

    def fixed(votes):
        return squash(sum_children(coupling, votes), epsilon=1e-9)

    expected = gradients(fixed, votes)[0]
    np.testing.assert_allclose(gradients(routing, votes)[0], expected, atol=1e-5)
    through = gradients(InterestRouting(stop_gradient=False), votes)[0]
    assert np.abs(through - expected).max() > 1e-3


@pytest.mark.parametrize(
    ("items", "interests"), [(1, 1), (2, 1), (3, 1), (4, 2), (7, 2), (8, 3), (9, 3), (20, 3)]
)
@pytest.mark.parametrize("masked", [True, False])
def test_interests_by_length(items, interests, masked, rng):
    """max(1, min(3, floor(log2(n)))) interests, and the others take nothing."""
    votes = rng.normal(size=(2, 3, 20 if masked else items, 4)).astype("float32")
    mask = np.broadcast_to(np.arange(20) < items, (2, 20)) if masked else None
    routing = InterestRouting(adaptive=True)
    poses, coupling = to_numpy(routing(votes, mask=mask, return_coupling=True))
    lengths = np.linalg.norm(poses, axis=-1)
    assert (lengths[:, :interests] > 0).all()
    np.testing.assert_array_equal(poses[:, interests:], 0)
    np.testing.assert_array_equal(coupling[:, interests:], 0)
    # What is there shares out as if the others had never been.
    few = InterestRouting()
    expected = to_numpy(few(votes[:, :interests], mask=mask, return_coupling=True))
    np.testing.assert_allclose(poses[:, :interests], expected[0], atol=1e-5)
    np.testing.assert_allclose(coupling[:, :interests], expected[1], atol=1e-5)


def test_logits_are_drawn_once(rng):
    votes = rng.normal(size=(2, 3, 5, 4)).astype("float32")
    routing = InterestRouting(logits_initializer="truncated_normal")
    first = to_numpy(routing(votes))
    np.testing.assert_array_equal(to_numpy(routing(votes)), first)
    assert len(routing.non_trainable_weights) == 1
    assert routing.trainable_weights == []
