"""Every preset file of the zoo: it parses, builds, and can be trained."""

import keras
import pytest

from capszoo import data
from capszoo.data.augmentation import RandomAffine
from capszoo.data.augmentation import RandomIntensity
from capszoo.training.recipe_objects import make_augmentation
from capszoo.training.recipe_objects import make_corruptions
from capszoo.training.recipe_objects import make_loss
from capszoo.training.recipe_objects import make_optimizer
from capszoo.zoo import build
from capszoo.zoo import class_names
from capszoo.zoo import figures
from capszoo.zoo import find_preset
from capszoo.zoo import list_presets
from capszoo.zoo import read_preset
from tests.once import ONCE

pytestmark = ONCE

every_preset = pytest.mark.parametrize("name", list_presets())


@every_preset
def test_file(name):
    preset = read_preset(name)
    path = find_preset(name)
    assert preset.name == name == path.stem
    assert path.parent.name == preset.family
    assert preset.description
    assert preset.paper is not None
    if preset.weights is not None:
        assert preset.weights.file == f"{name}.weights.h5"
        assert (path.parent / preset.weights.file).stat().st_size == preset.weights.size
        assert preset.results is not None


@every_preset
def test_model(name):
    preset = read_preset(name)
    model = build(preset)
    assert model.name == name
    assert preset.data.name in data.names()
    if model.labeled:
        assert len(class_names(preset)) == model.num_classes
    if preset.results is not None:
        assert model.count_params() == preset.results.parameters
        # Where each position counts there are thousands in an example; the smallest set has 52.
        of_maps = preset.task in ("segmentation", "reconstruction")
        assert figures.test_examples(preset) >= (50 if of_maps else 360)


@every_preset
def test_recipe(name):
    preset = read_preset(name)
    if preset.members:
        assert preset.training is None
        assert all(read_preset(member).weights is not None for member in preset.members)
        return
    # A cosine decay that names no steps falls over those of the whole training.
    optimizer = make_optimizer(preset.training.optimizer, steps=100)
    assert isinstance(optimizer, keras.optimizers.Optimizer)
    loss = make_loss(preset.training.loss)
    assert loss is None or isinstance(loss, keras.losses.Loss)
    for layer in make_augmentation(preset.data):
        assert isinstance(layer, keras.layers.Layer | RandomAffine | RandomIntensity)
    assert len(make_corruptions(preset.data)) == len(getattr(preset.data, "corruption", ()))
