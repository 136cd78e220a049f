"""Objects from `{ClassName: {argument: value}}`."""

import keras
import pytest

from capszoo.training.recipe_objects import make_loss
from capszoo.training.recipe_objects import make_optimizer
from capszoo.zoo.objects import make_object


def test_optimizer():
    optimizer = make_optimizer({"SGD": {"learning_rate": 0.5, "momentum": 0.25}})
    assert isinstance(optimizer, keras.optimizers.SGD)
    assert float(optimizer.learning_rate) == 0.5
    assert optimizer.momentum == 0.25


def test_no_arguments():
    assert isinstance(make_optimizer({"Adam": None}), keras.optimizers.Adam)
    assert isinstance(make_optimizer({"Adam": {}}), keras.optimizers.Adam)


def test_nested_schedule():
    schedule = {"CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 10}}
    optimizer = make_optimizer({"Adam": {"learning_rate": schedule}})
    assert float(optimizer.learning_rate) == pytest.approx(0.1)
    assert float(optimizer._learning_rate(10)) == pytest.approx(0.0, abs=1e-7)


def test_a_dictionary_argument_is_no_object():
    layer = make_object("layer", {"Dense": {"units": 2, "name": "one"}}, vars(keras.layers))
    assert layer.units == 2
    kept = make_object("thing", {"Holder": {"value": {"small": 1}}}, {"Holder": Holder})
    assert kept.value == {"small": 1}


class Holder:
    def __init__(self, value):
        self.value = value


def test_our_losses_win():
    assert make_loss({"MarginLoss": {}}).__module__.startswith("capszoo")
    assert type(make_loss({"CategoricalCrossentropy": {}})) is keras.losses.CategoricalCrossentropy
    assert make_loss(None) is None


def test_unknown_class_suggests():
    with pytest.raises(ValueError, match=r"Unknown optimizer 'Adamm'\. Did you mean 'Adam'"):
        make_optimizer({"Adamm": {}})
    with pytest.raises(ValueError, match=r"optimizer argument learning_rate.*'CosineDecay'"):
        make_optimizer({"Adam": {"learning_rate": {"CosineDecays": {}}}})


def test_wrong_argument_is_named():
    with pytest.raises(ValueError, match=r"optimizer Adam: .*learning_rat"):
        make_optimizer({"Adam": {"learning_rat": 0.1}})
    with pytest.raises(ValueError, match=r"optimizer Adam: .*learning_rate=1e-3"):
        make_optimizer({"Adam": {"learning_rate": "1e-3"}})
    with pytest.raises(ValueError, match=r"optimizer argument learning_rate CosineDecay: "):
        make_optimizer({"Adam": {"learning_rate": {"CosineDecay": {}}}})


@pytest.mark.parametrize("spec", ["Adam", {}, {"Adam": {}, "SGD": {}}, {"adam": {}}, {"Adam": 3}])
def test_wrong_form(spec):
    with pytest.raises(ValueError, match=r"Expected optimizer as \{ClassName: \{argument: value\}"):
        make_optimizer(spec)
