"""Reconstruction loss by hand."""

import keras
import numpy as np
import pytest

from capszoo.losses import ReconstructionLoss


def test_sum_over_pixels_mean_over_batch(rng):
    images, reconstructions = rng.uniform(size=(2, 3, 4, 5, 2)).astype("float32")
    each = ((images - reconstructions) ** 2).reshape(3, -1).sum(-1)
    loss = ReconstructionLoss()
    assert float(loss(images, reconstructions)) == pytest.approx(each.mean(), rel=1e-5)
    weight = np.array([1.0, 0.0, 2.0])
    weighted = float(loss(images, reconstructions, sample_weight=weight))
    assert weighted == pytest.approx((each * weight).mean(), rel=1e-5)
    mean = float(ReconstructionLoss(mean=True)(images, reconstructions, sample_weight=weight))
    assert mean == pytest.approx(weighted / (4 * 5 * 2), rel=1e-5)


def test_config_round_trip():
    config = keras.saving.serialize_keras_object(ReconstructionLoss(mean=True, name="mine"))
    again = keras.saving.deserialize_keras_object(config)
    assert isinstance(again, ReconstructionLoss)
    assert (again.name, again.mean) == ("mine", True)
