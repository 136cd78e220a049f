"""The mask of ranks: what is left, what training counts, and that the count is kept."""

import json

import keras
import numpy as np
import pytest

from capszoo.layers import RankMask
from tests.layer_checks import to_numpy

RANDOM = np.random.default_rng(0)
POSES = RANDOM.normal(size=(6, 5, 3)).astype("float32")
COUPLING = RANDOM.dirichlet(np.ones(5), size=(6, 8)).transpose(0, 2, 1).astype("float32")


def by_hand(coupling, types, boost, decay):
    """The mask, capsule by capsule."""
    masks = np.zeros(coupling.shape[:2])
    for sample, of_sample in enumerate(coupling):
        rho = [
            boost[j] * sum(max(given[p : p + types]) for p in range(0, len(given), types))
            for j, given in enumerate(of_sample)
        ]
        for rank, capsule in enumerate(sorted(range(len(rho)), key=lambda j: -rho[j])):
            left = np.exp(-decay * rank / (len(rho) - 1))
            masks[sample, capsule] = left if left >= 0.01 else 0
    return masks


@pytest.mark.parametrize("decay", [0.0, 2.0, 12.0])
def test_mask(decay):
    layer = RankMask(child_types=2, decay=decay)
    layer.build(POSES.shape, COUPLING.shape)
    boost = np.array([1, 1.2, 1, 1, 1.4], "float32")
    layer.boost.assign(boost)
    masked, mask = to_numpy(layer(POSES, COUPLING))
    expected = by_hand(COUPLING, 2, boost, decay)
    np.testing.assert_allclose(mask, expected, atol=1e-6)
    np.testing.assert_allclose(masked, POSES * expected[..., None], atol=1e-6)
    # A sample does not depend on the others.
    np.testing.assert_allclose(to_numpy(layer(POSES[:1], COUPLING[:1])[1]), mask[:1], atol=1e-6)


def test_training_counts_who_is_first():
    layer = RankMask(child_types=2, boost_every=3, rare=0.1, frequent=0.5, boost_step=0.25)
    layer(POSES, COUPLING)
    assert int(to_numpy(layer.steps)) == 0
    frequency, boost = None, np.ones(5)
    for step in range(1, 8):
        shifted = np.roll(COUPLING, step // 3, axis=1)
        first = np.bincount(by_hand(shifted, 2, boost, 12).argmax(1), minlength=5) / 6
        frequency = first if frequency is None else 0.99 * frequency + 0.01 * first
        layer(POSES, shifted, training=True)
        if step % 3 == 0:
            boost = np.where(
                frequency < 0.1,
                boost + 0.25,
                np.where(frequency > 0.5, np.maximum(boost - 0.25, 1), boost),
            )
        np.testing.assert_allclose(to_numpy(layer.frequency), frequency, atol=1e-6)
        np.testing.assert_allclose(to_numpy(layer.boost), boost, atol=1e-6)
    assert boost.max() > 1
    # A frozen layer counts nothing.
    layer.trainable = False
    layer(POSES, COUPLING, training=True)
    assert int(to_numpy(layer.steps)) == 7


def test_config_and_shapes():
    layer = RankMask(4, decay=3.0, reading="authors", boost_every=7, name="mask")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    assert keras.saving.deserialize_keras_object(config).get_config() == layer.get_config()
    symbols = keras.KerasTensor((None, 5, 3)), keras.KerasTensor((None, 5, 8))
    assert [one.shape for one in layer(*symbols)] == [(None, 5, 3), (None, 5)]
    assert (len(layer.trainable_weights), len(layer.non_trainable_weights)) == (0, 3)
    masked, mask = RankMask(2, dtype="mixed_float16")(POSES, COUPLING)
    dtypes = [keras.backend.standardize_dtype(one.dtype) for one in (masked, mask)]
    assert dtypes == ["float16", "float32"]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"child_types": 0}, "child_types"),
        ({"child_types": 2, "decay": -1}, "decay"),
        ({"child_types": 2, "reading": "types"}, "reading"),
        ({"child_types": 2, "boost_every": 0}, "boost_every"),
        ({"child_types": 3}, "as many children of each of 3 types. Received: 8"),
    ],
)
def test_bad_arguments(arguments, match):
    with pytest.raises(ValueError, match=match):
        RankMask(**arguments)(POSES, COUPLING)
