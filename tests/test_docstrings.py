"""Every example in a docstring runs; defaults in docstrings equal those in signatures.

On one backend, but for modules that are for another alone: those on theirs.
"""

import doctest
import importlib
import inspect
import pkgutil
import re

import keras
import numpy as np
import pytest

import capszoo
from capszoo.data.data_set import DATA_SETS
from capszoo.models.registry import FAMILIES
from capszoo.models.registry import TASKS
from capszoo.routing.registry import ROUTINGS
from tests.once import QUICKEST

BACKEND = keras.backend.backend()
# A module named after a backend is for it alone.
OTHER_BACKENDS = {"jax", "tensorflow", "torch"} - {BACKEND}
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(capszoo.__path__, "capszoo.")
    if not module.name.startswith("capszoo.cli")
    and module.name.rpartition(".")[2] not in OTHER_BACKENDS
    and (BACKEND == QUICKEST or module.name.rpartition(".")[2] == BACKEND)
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    names = {"capszoo": capszoo, "keras": keras, "np": np}
    # Examples may register names of their own: they are gone afterwards.
    for registry in (TASKS, FAMILIES, ROUTINGS, DATA_SETS):
        monkeypatch.setattr(registry, "items", dict(registry.items))
    assert doctest.testmod(module, extraglobs=names).failed == 0


def documented_defaults(docstring):
    """Maps each argument of an `Args:` section to the default it states."""
    section = re.search(r"Args:\n(.*?)(?:\n\n|\Z)", inspect.cleandoc(docstring), re.DOTALL)
    arguments = re.split(r"\n    (?=\w+: )", "\n" + section.group(1)) if section else []
    found = {}
    for argument in arguments:
        name, _, text = argument.strip().partition(": ")
        default = re.search(r"Defaults to `(.*?)`", text.replace("\n        ", " "))
        if default:
            found[name] = default.group(1)
    return found


def public_objects():
    for name in MODULES:
        module = importlib.import_module(name)
        for key, value in vars(module).items():
            is_ours = getattr(value, "__module__", None) == name and not key.startswith("_")
            if is_ours and (inspect.isclass(value) or inspect.isfunction(value)):
                yield pytest.param(value, id=f"{name}.{key}")


@pytest.mark.parametrize("thing", list(public_objects()))
def test_documented_defaults_are_the_real_ones(thing):
    assert thing.__doc__, "a public object needs a docstring"
    defaults = documented_defaults(thing.__doc__)
    parameters = inspect.signature(thing).parameters if defaults else {}
    for name, text in defaults.items():
        if name not in parameters:
            continue
        default = parameters[name].default
        assert default is not inspect.Parameter.empty, f"{name} has no default"
        assert eval(text, {"keras": keras}) == default, f"{name}: {text} is not {default!r}"
