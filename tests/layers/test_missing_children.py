"""Children that are missing: masks given, masks of Keras, layers that take none."""

import keras
import numpy as np
import pytest

import capszoo
from capszoo import layers
from tests.layer_checks import outputs_of
from tests.layer_checks import to_numpy

THERE = np.array([[True, True, False, True], [False, True, True, False]])


@pytest.fixture
def poses(rng):
    return rng.normal(size=(2, 4, 3)).astype("float32")


@pytest.mark.parametrize("routing", capszoo.routing.names())
def test_what_stands_in_an_empty_place_is_not_seen(routing, poses):
    layer = layers.DenseCapsules(2, 3, routing=routing, vote_bias="votes")
    expected = keras.tree.flatten(layer(poses, mask=THERE))
    poses[~THERE] = np.nan
    for one, other in zip(keras.tree.flatten(layer(poses, mask=THERE)), expected, strict=True):
        np.testing.assert_allclose(to_numpy(one), to_numpy(other), atol=1e-6)
        assert np.isfinite(to_numpy(one)).all()


def test_all_there_is_no_mask(poses):
    layer = layers.DenseCapsules(2, 3)
    with_mask, coupling = layer(poses, mask=np.ones((2, 4), bool), return_coupling=True)
    np.testing.assert_allclose(to_numpy(with_mask), outputs_of(layer, poses), atol=1e-5)
    assert coupling.shape == (2, 2, 4)


def test_masks_of_keras_come_by_themselves(poses):
    layer = layers.DenseCapsules(2, 3)
    poses[~THERE] = -1.0
    inputs = keras.Input((4, 3))
    masked = keras.layers.Masking(mask_value=-1.0)(inputs)
    model = keras.Model(inputs, layer(masked))
    np.testing.assert_allclose(
        model.predict(poses, verbose=0), outputs_of(layer, poses, mask=THERE), atol=1e-5
    )


@pytest.mark.parametrize("routing", ["em", "scaled_distance"])
def test_pairs_and_maps(routing, rng):
    """On a map too: a place of it may be empty."""
    poses = rng.normal(size=(2, 2, 2, 3, 4)).astype("float32")
    mask = rng.uniform(size=(2, 2, 2, 3)) < 0.6
    inputs = (poses, np.ones(poses.shape[:-1], "float32")) if routing == "em" else poses
    for layer in (layers.DenseCapsules, layers.ClassCapsules):
        outputs = keras.tree.flatten(layer(3, 4, routing=routing)(inputs, mask=mask))
        assert all(np.isfinite(to_numpy(one)).all() for one in outputs)


def test_refused(poses):
    with pytest.raises(ValueError, match=r"of shape \(batch, 4\). Received: .*\(2, 3\)"):
        layers.DenseCapsules(2, 3)(poses, mask=np.ones((2, 3), bool))
    maps = np.ones((2, 5, 5, 2, 3), "float32")
    with pytest.raises(ValueError, match="its parents see windows"):
        layers.ConvCapsules2D(2, 3, 3)(maps, mask=np.ones((2, 5, 5, 2), bool))

    class NoMask(capszoo.routing.Routing):
        def call(self, votes, activations=None, return_coupling=False):
            return votes[..., 0, :]

    with pytest.raises(ValueError, match="NoMask cannot leave out missing children"):
        layers.DenseCapsules(2, 3, routing=NoMask())(poses, mask=THERE)
