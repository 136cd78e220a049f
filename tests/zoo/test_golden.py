"""Golden records, and what every trained preset of the zoo promises."""

import types

import numpy as np
import pytest

import capszoo
from capszoo.zoo import golden
from capszoo.zoo import list_presets
from capszoo.zoo import read_preset
from tests.once import ONCE
from tests.zoo.tiny import tiny_model

trained = [name for name in list_presets() if read_preset(name).weights is not None]


def test_synthetic_images():
    images = tiny_model(image_shape=(5, 6, 2)).synthetic_examples()
    assert images.shape == (3, 5, 6, 2)
    assert images.dtype == np.uint8
    for n, row, column, channel in np.ndindex(*images.shape):
        rings = 3 * row**2 + 5 * column**2 + 7 * row * column
        assert images[n, row, column, channel] == (rings + 50 * channel + 80 * n) % 256


def test_difference():
    model = tiny_model()
    expected = types.SimpleNamespace(scores=golden.record(model))
    assert golden.difference(model, expected) < golden.TOLERANCE
    expected.scores[1][4] += 0.01
    assert golden.difference(model, expected) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("name", trained)
def test_trained_preset(name):
    preset = read_preset(name)
    model = capszoo.load(name)  # compares the file's SHA-256 on its way
    assert model.count_params() == preset.results.parameters
    assert golden.difference(model, preset.golden) <= golden.TOLERANCE


# What the backends compute alike, golden records say.
@ONCE
@pytest.mark.parametrize(
    "name",
    [
        name
        for name in trained
        if not name.endswith("digits") and hasattr(read_preset(name).results, "test_accuracy")
    ],
)
def test_recorded_accuracy_on_a_thousand_images(name, real_data):
    preset = read_preset(name)
    real_data(preset.data.name)
    model = capszoo.load(name)
    # As they are: what the preset resizes and crops, the model does.
    images, labels = capszoo.data.load(preset.data.name, "test")
    # Every so many: a test set may be sorted.
    chosen = np.linspace(0, len(images) - 1, 1000).astype(int)
    # In batches of one size, that one program is compiled for.
    scores = model.predict(images[chosen], batch_size=100, verbose=0)
    accuracy = (scores.argmax(-1) == labels[chosen]).mean()
    recorded = preset.results.test_accuracy
    # Three standard errors of a thousand.
    assert abs(accuracy - recorded) <= 3 * (recorded * (1 - recorded) / 1000) ** 0.5 + 1e-3
