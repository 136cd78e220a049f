"""The examples: each can be imported, says how to run it and what came out."""

import importlib.util
import pathlib

import pytest

from capszoo import zoo
from capszoo.training.request import resolve
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


@pytest.mark.parametrize("pretrained", [True, False])
def test_pretraining_asks_for_what_can_be_trained(pretrained, tmp_path, monkeypatch):
    pretraining, asked = load(FOLDER / "pretraining.py"), []

    def train(preset, settings, epochs, seed, init_from, output, resume, verbose):
        changes = {**settings, "training.epochs": epochs, "training.seed": seed}
        if init_from is not None:
            changes["training.init_from"] = init_from
        asked.append((resolve(preset, changes)[0], resume))
        output.mkdir()
        (output / "report.json").write_text('{"test_dice": 0.5}', encoding="utf-8")
        return {"test_dice": 0.5}

    monkeypatch.setattr(pretraining.capszoo.training, "train", train)
    for name, (_, pretext, rate, epochs) in pretraining.EXPERIMENTS.items():
        for share in epochs:
            run = (name, share, pretrained, 3, tmp_path)
            # The second time what was measured before is taken.
            assert pretraining.measure(*run) == pretraining.measure(*run) == 0.5
            preset, resume = asked.pop()
            assert (preset.data.name, preset.data.share, preset.training.seed) == (name, share, 3)
            assert preset.training.epochs == epochs[share]
            assert preset.training.init_from == (pretext if pretrained else None)
            assert str(rate) in str(preset.training.optimizer)
            assert not resume
            assert not asked
    assert pretraining.in_words([0.5, 0.6]) == "0.550 ± 0.050"


def test_deformed_digits_compares_networks_of_one_size(tmp_path, monkeypatch):
    deformed, sizes = load(FOLDER / "deformed_digits.py"), []

    def train(preset, data, epochs, seed, settings, output, resume, verbose):
        changes = {"data.name": data, **settings, "training.epochs": epochs}
        resolved = resolve(preset, changes)[0]
        sizes.append(zoo.build(resolved).count_params())
        output.mkdir()
        (output / "report.json").write_text(
            '{"validation_accuracy": 0.9, "test_accuracy": 0.8}', encoding="utf-8"
        )
        return {"validation_accuracy": 0.9, "test_accuracy": 0.8}

    monkeypatch.setattr(deformed.capszoo.training, "train", train)
    for preset in deformed.NETWORKS:
        # The second time what was measured before is taken.
        assert deformed.measure(preset, 0, tmp_path) == deformed.measure(preset, 0, tmp_path)
    capsules, control = sizes
    assert control == pytest.approx(capsules, rel=0.01)
    assert deformed.in_words([0.8, 0.9]) == "85.0 ± 5.0 %"


def test_fine_tune_runs():
    accuracy = load(FOLDER / "fine_tune.py").measure("digits", 20, pretrained=False, steps=1)
    assert 0 <= accuracy <= 1
