"""The examples: each can be imported, says how to run it and what came out."""

import importlib.util
import pathlib

import pytest

from tests.once import ONCE

pytestmark = ONCE
FOLDER = pathlib.Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(FOLDER.glob("*.py"))


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path):
    module = load(path)
    assert callable(module.main)
    assert f"python examples/{path.name}" in module.__doc__


def test_fine_tune_runs():
    accuracy = load(FOLDER / "fine_tune.py").measure("digits", 20, pretrained=False, steps=1)
    assert 0 <= accuracy <= 1
