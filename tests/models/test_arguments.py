"""The arguments of every family: their kinds are declared, and checked before any layer is made."""

import inspect

import keras
import numpy as np
import pytest
import yaml

import capszoo
from capszoo import models
from capszoo.models import arguments
from tests.models.tiny import ARGUMENTS
from tests.once import ONCE
from tests.zoo.tiny import write_tiny

pytestmark = ONCE

OURS = [
    name
    for name in models.list_models()
    if models.get_family(name).__module__.startswith("capszoo.")
]
# Values of no kind, but that a name or a vocabulary may be any text.
WRONG = [object(), [[[]]], {"x": 1}, "no such thing", float("nan"), np.zeros((2, 2))]


@pytest.mark.parametrize("name", OURS)
def test_every_argument_declares_its_kind(name):
    checks = arguments.checks(models.get_family(name))
    assert set(checks) == set(models.get_family(name).argument_names())
    assert [argument for argument, check in checks.items() if check is None] == []


@pytest.mark.parametrize("name", OURS)
def test_wrong_arguments_never_reach_a_layer(name, monkeypatch):
    family = models.get_family(name)

    def body(*args):
        raise AssertionError("The graph was begun.")

    monkeypatch.setattr(family, "body", body)
    for argument in arguments.checks(family):
        for value in WRONG:
            if argument in ("name", "vocabulary") and isinstance(value, str):
                continue
            with pytest.raises(ValueError, match=argument):
                family(**{argument: value})


@pytest.mark.parametrize("name", OURS)
def test_defaults_are_of_their_kinds(name):
    family = models.get_family(name)
    given = {
        argument: value
        for argument, value in arguments.defaults(family).items()
        if value is not inspect.Parameter.empty
    }
    assert arguments.problems(family, given) == {}


def test_a_family_that_declares_nothing_is_taken_at_its_word():
    class Undeclared(models.CapsNet):
        def __init__(self, image_shape=(12, 10, 1), decoder="small", filters="few", **kwargs):
            units = {"small": (8,)}[decoder]
            super().__init__(image_shape, decoder=units, conv_filters={"few": 4}[filters], **kwargs)

    given = {
        key: value for key, value in ARGUMENTS.items() if key not in ("conv_filters", "decoder")
    }
    assert Undeclared(**given).conv_filters == 4
    assert arguments.problems(Undeclared, {"decoder": "small", "filters": "few"}) == {}
    with pytest.raises(ValueError, match="`primary_types`, expected a positive integer"):
        Undeclared(**{**given, "primary_types": 0})


def test_presets_name_file_and_key(tmp_path):
    wrong = {"conv_filters": 0, "decoder": {"X": {}}, "routing": {"name": "X"}}
    path = write_tiny(tmp_path)
    content = yaml.safe_load(path.read_text())
    content["model"].update(wrong)
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match=r"tiny\.yaml is not a valid preset") as caught:
        capszoo.zoo.read_preset(path)
    lines = str(caught.value).split("\n  ")[1:]
    assert [line.partition(":")[0] for line in lines] == [f"model.{key}" for key in sorted(wrong)]


def test_a_policy_is_one_of_numbers_with_a_fraction():
    for policy in ("float16", "mixed_bfloat16", keras.DTypePolicy("float32"), None):
        assert arguments.problems(models.CapsNet, {"dtype": policy}) == {}
    for policy in ("nonsense", "int32", "string", 5):
        assert "dtype" in arguments.problems(models.CapsNet, {"dtype": policy})
