"""Attacks on every backend: gradients against differences, losses that rise, bounds that hold."""

import keras
import numpy as np
import pytest

import capszoo
from capszoo import robustness
from capszoo.robustness import adversarial
from capszoo.robustness.gradients import gradients
from tests.once import ONCE


@pytest.fixture(scope="module")
def attacked():
    images, labels = (part[:24] for part in capszoo.data.load("digits", "test"))
    model = capszoo.load("efficient_capsnet_digits", prepared=True)
    return model, images, labels


def wrongness_of(model, images, labels):
    hot = np.eye(10, dtype="float32")[labels]
    images = keras.ops.convert_to_tensor(np.asarray(images, "float32"))
    return keras.ops.convert_to_numpy(robustness.wrongness(model)(images, hot))


def test_gradients_of_a_formula():
    images = np.random.default_rng(0).uniform(size=(3, 4, 4, 2)).astype("float32")
    found = gradients(lambda x: keras.ops.sum(x**3, axis=(1, 2, 3)), images)
    np.testing.assert_allclose(found, 3 * images**2, rtol=1e-5)


def test_wrongness_is_the_ratio_of_two_scores(attacked):
    model, images, labels = attacked
    scores = model.predict(images, verbose=0)
    rows = np.arange(len(labels))
    true = scores[rows, labels].copy()
    scores[rows, labels] = 0
    expected = np.log(scores.max(axis=1)) - np.log(true)
    np.testing.assert_allclose(wrongness_of(model, images, labels), expected, atol=1e-3)


def test_fgsm_goes_as_far_as_it_may_and_answers_get_worse(attacked):
    model, images, labels = attacked
    changed = robustness.fgsm(model, images, labels, 0.1)
    assert changed.dtype == np.float32
    assert changed.min() >= 0
    assert changed.max() <= 255
    moved = np.abs(changed - images)
    # All the way, but where black or white is nearer or the gradient is zero.
    free = (images >= 26) & (images <= 229) & (moved > 0)
    np.testing.assert_allclose(moved[free], 25.5, atol=1e-3)
    before = wrongness_of(model, images, labels)
    after = wrongness_of(model, changed, labels)
    assert (after > before).mean() > 0.9
    worse = wrongness_of(model, robustness.pgd(model, images, labels, 0.1, steps=4), labels)
    assert worse.mean() > after.mean(), "many small steps do more than a large one"


def test_pgd_keeps_its_bounds_and_its_seed(attacked):
    model, images, labels = (part if part is attacked[0] else part[:4] for part in attacked)
    changed = robustness.pgd(model, images, labels, 0.05, steps=2, seed=3)
    assert np.abs(changed - images).max() <= 0.05 * 255 + 1e-3
    assert changed.min() >= 0
    assert changed.max() <= 255
    again = robustness.pgd(model, images, labels, 0.05, steps=2, seed=3)
    np.testing.assert_array_equal(changed, again)


@ONCE
def test_measured(attacked, monkeypatch):
    monkeypatch.setattr(adversarial, "STEPS", 1)
    model, images, labels = attacked
    subject = robustness.Subject("efficient_capsnet_digits", "digits", [model])
    rows = robustness.measure_attacks([subject], images[:6], labels[:6])
    assert [(row.check, row.strength) for row in rows] == [
        (name, strength) for name in ("fgsm", "pgd") for strength in range(1, 6)
    ]
    assert all(row.images == 6 for row in rows)


def test_refused(attacked):
    model, images, labels = attacked
    with pytest.raises(ValueError, match=r"prepared=True.*Received: resize=\(8, 8\)"):
        robustness.fgsm(capszoo.load("conv_net_digits"), images, labels, 0.1)
    with pytest.raises(ValueError, match=r"`amount`"):
        robustness.fgsm(model, images, labels, 1.5)
    with pytest.raises(ValueError, match=r"`steps`"):
        robustness.pgd(model, images, labels, 0.1, steps=0)
    with pytest.raises(ValueError, match="one integer a picture"):
        robustness.fgsm(model, images, np.eye(10)[labels], 0.1)
    with pytest.raises(ValueError, match=r"Received: images of shape \(24, 7, 7, 1\)"):
        robustness.fgsm(model, images[:, :7, :7], labels, 0.1)
    graphs = capszoo.models.TextConvNet((8, 100), num_classes=2)
    with pytest.raises(ValueError, match="a model of pictures"):
        robustness.fgsm(graphs, images, labels, 0.1)
