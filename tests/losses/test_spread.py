"""Spread loss by hand, and its schedule."""

import itertools
import json

import keras
import numpy as np
import pytest

from capszoo.losses import SpreadLoss
from capszoo.losses import SpreadMargin
from tests.models import tiny

ACTIVATIONS = np.array([[0.8, 0.5, 0.1], [0.2, 0.3, 0.9]], "float32")


def by_hand(hot, activations, margin):
    losses = np.zeros(len(activations))
    for n, (present, a) in enumerate(zip(hot, activations, strict=True)):
        for t in np.flatnonzero(present):
            for i in np.flatnonzero(present == 0):
                losses[n] += max(0, margin - (a[t] - a[i])) ** 2
    return losses


@pytest.mark.parametrize("margin", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("labels", [[[1, 0, 0], [0, 1, 0]], [[1, 1, 0], [0, 1, 1]]], ids=str)
def test_by_hand(margin, labels):
    hot = np.array(labels)
    each = by_hand(hot, ACTIVATIONS, margin)
    loss = SpreadLoss(margin)
    assert float(loss(hot, ACTIVATIONS)) == pytest.approx(each.mean(), rel=1e-5)
    weighted = float(loss(hot, ACTIVATIONS, sample_weight=np.array([2.0, 0.0])))
    assert weighted == pytest.approx(each[0], rel=1e-5)


def test_soft_labels():
    soft, margin = np.array([[0.7, 0.3, 0.0], [0.1, 0.1, 0.8]]), 0.5
    each = [
        soft[n, t] * (1 - soft[n, i]) * max(0, margin - (a[t] - a[i])) ** 2
        for n, a in enumerate(ACTIVATIONS)
        for t, i in itertools.permutations(range(3), 2)
    ]
    assert float(SpreadLoss(margin)(soft, ACTIVATIONS)) == pytest.approx(sum(each) / 2, rel=1e-5)


@pytest.mark.parametrize("form", [[1, 0], [[1], [0]]], ids=str)
def test_a_single_class_is_held_against_its_absence(form):
    ones = np.array([[0.7], [0.4]], "float32")
    both = np.concatenate([ones, 1 - ones], axis=-1)
    expected = by_hand(np.array([[1, 0], [0, 1]]), both, 0.9).mean()
    assert expected > 0
    assert float(SpreadLoss(0.9)(np.array(form), ones)) == pytest.approx(expected, rel=1e-5)


def test_true_class_is_left_out():
    perfect = np.array([[1.0, 0.0]], "float32")
    assert float(SpreadLoss(0.9)(np.array([0]), perfect)) == 0
    assert float(SpreadLoss(0.9)(np.array([1]), perfect)) == pytest.approx(1.9**2)


@pytest.mark.parametrize(
    ("step", "margin"), [(0, 0.2142), (100_000, 0.2942), (200_000, 0.595), (300_000, 0.8958)]
)
def test_schedule(step, margin):
    assert float(SpreadMargin()(np.array(step))) == pytest.approx(margin, abs=1e-3)
    assert float(SpreadMargin(steps=500)(np.array(step // 100))) == pytest.approx(margin, abs=1e-3)
    loss = SpreadLoss(SpreadMargin())
    loss.step.assign(step)
    expected = by_hand(np.eye(3)[[0, 1]], ACTIVATIONS, margin).mean()
    assert float(loss(np.array([0, 1]), ACTIVATIONS)) == pytest.approx(expected, abs=5e-3)


def test_schedule_ends_below_one():
    assert float(SpreadMargin()(np.array(10**9))) == pytest.approx(0.99, abs=1e-4)


@pytest.mark.parametrize("margin", [0.3, SpreadMargin(70)], ids=["number", "schedule"])
def test_config_round_trip(margin):
    loss = SpreadLoss(margin, name="mine")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(loss)))
    again = keras.saving.deserialize_keras_object(config)
    assert isinstance(again, SpreadLoss)
    assert again.get_config() == loss.get_config()
    assert (again.step is None) == (loss.step is None)


@pytest.mark.parametrize("margin", [-0.1, 1.5, "big", None])
def test_bad_margin(margin):
    with pytest.raises(ValueError, match="`margin`"):
        SpreadLoss(margin)


@pytest.mark.parametrize("steps", [0, "many"])
def test_bad_steps(steps):
    with pytest.raises(ValueError, match="`steps`"):
        SpreadMargin(steps)


def test_step_advances_in_fit_and_survives_saving(tmp_path):
    images, labels = tiny.data(8)
    given = SpreadLoss(SpreadMargin(steps=1))
    model = tiny.capsnet(decoder=None)
    # Nothing moves, so only the margin can change the loss.
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss=given)
    history = model.fit(images, labels, batch_size=4, epochs=3, verbose=0).history["loss"]
    assert int(model.step_counter.step) == 6
    scores = model.predict(images, verbose=0)
    hot = np.eye(tiny.CLASSES)[labels]
    margins = [float(SpreadMargin(steps=1)(np.array(step))) for step in range(6)]
    expected = [
        np.mean(
            [by_hand(hot, scores, margin).mean() for margin in margins[2 * epoch : 2 * epoch + 2]]
        )
        for epoch in range(3)
    ]
    # The batches of an epoch are drawn at random, so the halves differ a little.
    np.testing.assert_allclose(history, expected, rtol=0.05)
    assert int(given.step) == 0

    evaluated = float(model.evaluate(images, labels, verbose=0, return_dict=True)["loss"])
    assert int(model.step_counter.step) == 6
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert int(again.step_counter.step) == 6
    assert float(again.evaluate(images, labels, verbose=0, return_dict=True)["loss"]) == (
        pytest.approx(evaluated, rel=1e-5)
    )
    again.fit(images, labels, batch_size=4, verbose=0)
    assert int(again.step_counter.step) == 8


def test_step_is_no_weight(tmp_path):
    scheduled, plain = tiny.capsnet(), tiny.capsnet()
    scheduled.compile(loss=SpreadLoss(SpreadMargin()))
    scheduled.fit(*tiny.data(4), verbose=0)
    assert scheduled.count_params() == plain.count_params()
    plain.set_weights(scheduled.get_weights())
    scheduled.save_weights(tmp_path / "scheduled.weights.h5")
    plain.load_weights(tmp_path / "scheduled.weights.h5")
    scheduled.load_weights(tmp_path / "scheduled.weights.h5")
    scheduled.compile(loss=SpreadLoss(SpreadMargin()))
    assert int(scheduled.step_counter.step) == 0
