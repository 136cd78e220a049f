"""Families by name."""

import keras
import pytest

import capszoo
from capszoo.models.registry import FAMILIES
from tests.models import tiny


@pytest.fixture(autouse=True)
def _restore(monkeypatch):
    monkeypatch.setattr(FAMILIES, "items", dict(FAMILIES.items))


def test_ours():
    assert "capsnet" in capszoo.list_models()
    assert capszoo.list_models() == sorted(capszoo.list_models())
    assert capszoo.list_models("nothing*") == []
    assert capszoo.models.get_family("capsnet") is capszoo.models.CapsNet
    with pytest.raises(ValueError, match=r"family 'capsnt'. Did you mean 'capsnet'\?"):
        capszoo.models.get_family("capsnt")


def test_register():
    class Mine(capszoo.models.CapsNet):
        pass

    assert capszoo.register_family("test_mine")(Mine) is Mine
    assert capszoo.models.get_family("test_mine") is Mine
    assert Mine.family == "test_mine"
    assert capszoo.models.CapsNet.family == "capsnet"
    capszoo.register_family("test_mine")(Mine)
    with pytest.raises(ValueError, match="'capsnet' is taken by CapsNet"):
        capszoo.register_family("capsnet")(Mine)
    with pytest.raises(ValueError, match="is the family 'test_mine' already"):
        capszoo.register_family("test_other")(Mine)
    for name in ("my family", "", 3):
        with pytest.raises(ValueError, match="must be a lower-case identifier"):
            capszoo.register_family(name)(Mine)
    for no_family in (int, keras.Model, Mine(**tiny.ARGUMENTS)):
        with pytest.raises(TypeError, match="Expected a subclass of"):
            capszoo.register_family("test_other")(no_family)


def test_names_are_lower_case():
    with pytest.raises(ValueError, match="must be a lower-case identifier"):
        capszoo.register_family("Mine")(capszoo.models.CapsNet)


def test_unregistered_family(tmp_path):
    @keras.saving.register_keras_serializable(package="capszoo_tests")
    class Unregistered(capszoo.models.CapsNet):
        pass

    model = Unregistered(**tiny.ARGUMENTS)
    model.compile()
    model.fit(*tiny.data(4), verbose=0)
    model.save(tmp_path / "model.keras")
    assert type(keras.saving.load_model(tmp_path / "model.keras")) is Unregistered
    with pytest.raises(ValueError, match="is of no registered family"):
        model.save_to_preset(tmp_path / "preset")
