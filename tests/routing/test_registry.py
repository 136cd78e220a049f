"""Routings by name, config and instance."""

import numpy as np
import pytest

import capszoo
from capszoo import routing as routings
from capszoo.routing.registry import ROUTINGS


@pytest.fixture(autouse=True)
def _restore(monkeypatch):
    monkeypatch.setattr(ROUTINGS, "items", dict(ROUTINGS.items))


def test_get():
    assert type(routings.get("dynamic")) is routings.DynamicRouting
    assert routings.get("dynamic", iterations=2).iterations == 2
    assert routings.get({"name": "dynamic", "leaky": True}).leaky
    routing = routings.DynamicRouting(5)
    assert routings.get(routing) is routing
    assert routings.get(routings.serialize(routing)).iterations == 5


def test_arguments_fill_what_the_identifier_leaves_open():
    routing = routings.get({"name": "dynamic", "iterations": 2}, iterations=7, leaky=True)
    assert (routing.iterations, routing.leaky) == (2, True)


def test_identifier_is_not_changed():
    identifier = {"name": "dynamic", "leaky": True}
    routings.get(identifier)
    assert identifier == {"name": "dynamic", "leaky": True}


def test_unknown_name():
    with pytest.raises(ValueError, match=r"Unknown routing 'dynamik'. Did you mean 'dynamic'\?"):
        routings.get("dynamik")
    with pytest.raises(ValueError, match="Unknown routing 'x'"):
        routings.get({"name": "x"})


@pytest.mark.parametrize(
    "identifier", [None, 3, {}, {"iterations": 3}, routings.DynamicRouting, ["dynamic"]], ids=str
)
def test_no_routing(identifier):
    with pytest.raises(TypeError, match="Expected `routing` to be a name"):
        routings.get(identifier)


def test_config_of_something_else():
    config = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}}
    with pytest.raises(TypeError, match="Expected `routing` to be a name"):
        routings.get(config)


def test_unknown_argument():
    with pytest.raises((TypeError, ValueError), match="iteration"):
        routings.get("dynamic", iteration=3)


def test_register():
    class Last(routings.Routing):
        def call(self, votes, activations=None, return_coupling=False):
            return votes[..., -1, :]

    assert routings.register("test_last")(Last) is Last
    assert "test_last" in routings.names()
    assert routings.names() == sorted(routings.names())
    assert type(routings.get("test_last")) is Last
    routings.register("test_last")(Last)
    with pytest.raises(ValueError, match=r"'dynamic' is taken by DynamicRouting"):
        routings.register("dynamic")(Last)
    for no_routing in (int, Last()):
        with pytest.raises(TypeError, match="Expected a subclass of"):
            routings.register("test_other")(no_routing)


def test_base_class_asks_for_call():
    import numpy as np

    with pytest.raises(NotImplementedError, match="must implement `call`"):
        routings.Routing()(np.ones((1, 2, 3, 4), "float32"))


@pytest.mark.parametrize("name", ["dynamic", "em", "cluster"])
def test_layer_calls_a_subclass_that_overrides_call_alone(name):
    class Own(type(routings.get(name))):
        def call(self, votes, activations=None, return_coupling=False):
            raise RuntimeError("called")

    poses, activations = np.ones((1, 6, 3)), np.ones((1, 6))
    layer = capszoo.layers.DenseCapsules(2, 3, routing=Own())
    with pytest.raises(RuntimeError, match="called"):
        layer([poses, activations] if Own.explicit_activations else poses)
