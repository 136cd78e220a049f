"""InterestCapsNet and its input end: histories of any length in, items that fit out."""

import keras
import numpy as np
import pytest

import capszoo
from capszoo.data.generated_histories import INTERESTS_OF_USER
from capszoo.data.generated_histories import interest_members
from capszoo.models.inputs import HistoryInput
from tests.layer_checks import to_numpy
from tests.once import ONCE

SMALL = {"history_shape": (6, 20), "num_classes": 20, "num_interests": 3, "pose_dim": 4}
each_variant = pytest.mark.parametrize("variant", ["comirec", "mind"])


def small(**changes):
    return capszoo.models.InterestCapsNet(**{**SMALL, **changes})


@ONCE
@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        # Vectors of items, one transform.
        ({}, 500 * 32 + 32 * 32),
        # A transform for each of 20 places and 4 interests.
        ({"variant": "comirec"}, 500 * 32 + 20 * 4 * 32 * 32),
        ({"num_interests": 8, "pose_dim": 8, "num_classes": 9}, 500 * 8 + 8 * 8),
    ],
)
def test_parameters(arguments, count):
    model = capszoo.models.InterestCapsNet(**arguments)
    assert sum(np.prod(one.shape) for one in model.trainable_variables) == count


def squashed(sums):
    squared = (sums**2).sum(-1, keepdims=True)
    return sums * np.sqrt(squared) / (1 + squared)


def interests_by_hand(vectors, transforms, logits, count):
    """The interests of one history, as the equations say, of the first `count` alone."""
    votes = np.einsum("ic,icjd->jid", vectors, transforms[: len(vectors)])
    logits = logits[:, : len(vectors)].copy()
    logits[count:] = -np.inf
    for iteration in range(3):
        shares = np.exp(logits - logits.max(axis=0))
        shares /= shares.sum(axis=0)
        found = squashed((shares[..., None] * votes).sum(axis=1))
        if iteration < 2:
            logits[:count] += (votes * found[:, None]).sum(-1)[:count]
    return found


@each_variant
def test_against_the_equations(variant, rng):
    model = small(variant=variant)
    items = to_numpy(model.get_layer("items_as_vectors").embeddings)
    layer = model.get_layer("interests")
    if variant == "mind":
        shared = to_numpy(model.get_layer("transform").kernel)
        start = to_numpy(layer.routing.logits)
        transforms = np.stack([np.stack([shared] * 3, axis=1)] * 6)
    else:
        transforms, start = to_numpy(layer.kernel)[:, :, 0], np.zeros((3, 6))
    histories = [[3, 7, 7, 19, 0, 2], [5], [1, 2, 3]]
    scores = model.predict(histories, verbose=0)
    for row, history in enumerate(histories):
        count = max(1, int(np.log2(len(history)))) if variant == "mind" else 3
        expected = interests_by_hand(items[history], transforms, start, count)
        np.testing.assert_allclose(model.interests(histories)[row], expected, atol=1e-5)
        np.testing.assert_allclose(scores[row], (expected[:count] @ items.T).max(axis=0), atol=1e-5)
    fewer = small(variant=variant, num_classes=7)
    fewer.set_weights(model.get_weights())
    np.testing.assert_allclose(fewer.predict(histories, verbose=0), scores[:, :7], atol=1e-6)


@each_variant
def test_padding_changes_nothing(variant):
    """Ten more places without an item, in the history and in the model."""
    model, longer = small(variant=variant), small(variant=variant, history_shape=(16, 20))
    histories = [[3, 7, 19], [5], [1, 2, 3, 4, 5, 6]]
    for own, other in zip(model.weights, longer.weights, strict=True):
        values = to_numpy(own.value)
        if values.shape != other.shape:
            # More places behind, whose transforms and logits nothing comes to.
            axis = 0 if "kernel" in own.path else 1
            widths = [(0, 10 if one == axis else 0) for one in range(values.ndim)]
            values = np.pad(values, widths, constant_values=7.0)
        other.assign(values)
    scores = model.predict(histories, verbose=0)
    np.testing.assert_allclose(longer.predict(histories, verbose=0), scores, atol=1e-6)
    coupling = longer.coupling(histories)
    assert coupling.shape == (3, 3, 16)
    assert not coupling[..., 6:].any()
    np.testing.assert_allclose(coupling[2, :, :6].sum(axis=0), 1, atol=1e-5)


def test_recommended_items(tmp_path):
    model = small()
    histories = [[3, 7], [4, 8, 19, 0, 1, 2, 5, 6]]
    scores = model.predict(histories, verbose=0)
    found = model.recommend(histories, count=5)
    assert found.shape == (2, 5)
    # Items of the history that count, the last six, are left out.
    for row, seen in enumerate(([3, 7], [19, 0, 1, 2, 5, 6])):
        left = [item for item in np.argsort(-scores[row]) if item not in seen]
        assert found[row].tolist() == [int(item) for item in left[:5]]
    everything = model.recommend(histories, count=20, seen=True)
    assert everything.tolist() == np.argsort(-scores, axis=-1).tolist()
    with pytest.raises(ValueError, match="at most 14 of the items"):
        model.recommend(histories, count=15)
    model.save_to_preset(tmp_path / "preset")
    again = capszoo.load(tmp_path / "preset")
    assert again.recommend(histories, count=5).tolist() == found.tolist()


@ONCE
@pytest.mark.parametrize(
    ("histories", "message"),
    [
        ([[3], [20]], r"from 0 to 19, .* Received: from 20 to 20"),
        ([[3], [-2, 4]], "Received: from -2 to 4"),
        ([[2**40]], "Received: from 1099511627776"),
        (np.full((2, 6), 20), "Received: from 20 to 20"),
        ([[3], []], "at least one item. Received: none in 1 of 2, the first at row 1"),
        (np.full((2, 6), -1), "Received: none in 2 of 2"),
        ([[3], "ab"], "sequences of numbers of items. Received: str ab at row 1"),
        ([3, 4], "Received: int 3 at row 0"),
        ([[3.5]], "Received: list .* at row 0"),
        ([[[3]]], "Received: list .* at row 0"),
        ([], "at least one history"),
        (np.zeros((2, 6)), r"\(batch, 6\)\. Received: float64 of shape \(2, 6\)"),
        (np.zeros((2, 6, 1), int), r"Received: int64 of shape \(2, 6, 1\)"),
    ],
    ids=str,
)
def test_what_is_no_history_is_refused(histories, message):
    model = small()
    model.compile()
    with pytest.raises(ValueError, match=message):
        model.predict(histories, verbose=0)
    with pytest.raises(ValueError, match=message):
        model.fit(histories, [0] * len(histories), verbose=0)
    with pytest.raises(ValueError, match=message):
        model.recommend(histories, count=5)


@ONCE
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"history_shape": (6,)}, r"expected \(length, items\)"),
        ({"history_shape": (0, 9)}, "positive integer"),
        ({"num_classes": 21}, "no more classes than the 20 items"),
        ({"variant": "sasrec"}, "mind"),
        ({"routing": "em"}, "without explicit activations"),
        ({"decoder": (8,)}, "no decoder of histories"),
    ],
    ids=str,
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        small(**arguments)


@ONCE
def test_histories_as_arrays():
    histories = HistoryInput((4, 100))
    whole = np.array([[1, 2, 3, -1]])
    assert histories.to_arrays(whole) is whole
    found = histories.to_arrays(np.array([[1, 2, 3, 4, 5, -1], [9, -1, -1, -1, -1, -1]]))
    assert found.tolist() == [[2, 3, 4, 5], [9, -1, -1, -1]]
    ragged = np.array([[1], [2, 3]], dtype=object)
    assert histories.to_arrays(ragged).tolist() == [[1, -1, -1, -1], [2, 3, -1, -1]]
    assert histories.to_arrays(iter(())) is not None


@ONCE
def test_generated_histories_have_their_interests():
    members = interest_members()
    assert sorted(members.ravel()) == list(range(500))
    interest_of = np.empty(500, int)
    for interest, items in enumerate(members):
        interest_of[items] = interest
    histories, following = capszoo.data.load("generated_histories", "test")
    assert histories.shape == (2000, 20)
    assert histories[0, :3].tolist() == [38, 417, 397]
    for history, item in zip(histories, following, strict=True):
        taken = history[history >= 0]
        assert (history[len(taken) :] == -1).all()
        counts = np.bincount(interest_of[taken], minlength=50)
        lowest, highest = INTERESTS_OF_USER
        assert counts[interest_of[item]] >= lowest
        assert (counts >= lowest).sum() >= lowest
        assert (counts > 2).sum() <= highest + 1
        assert item not in taken


def test_finds_planted_interests():
    """The trained preset: items of one planted interest go to one capsule, others to others."""
    model = capszoo.load("interest_capsnet_generated_histories")
    histories, _ = capszoo.data.load("generated_histories", "test")
    histories = histories[:200]
    keras.utils.set_random_seed(0)
    taken_by = model.coupling(histories).argmax(axis=1)
    interest_of = np.empty(500, int)
    for interest, items in enumerate(interest_members()):
        interest_of[items] = interest
    same, apart = [], []
    for history, capsules in zip(histories, taken_by, strict=True):
        there = history >= 0
        pairs = np.triu_indices(there.sum(), 1)
        planted = interest_of[history[there]]
        own = capsules[there]
        alike = (own[:, None] == own)[pairs]
        same += alike[(planted[:, None] == planted)[pairs]].tolist()
        apart += alike[(planted[:, None] != planted)[pairs]].tolist()
    assert np.mean(same) > 2 * np.mean(apart)
