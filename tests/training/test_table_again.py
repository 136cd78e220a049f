"""All trained presets measured again: verdicts, their order, and what does not stop the others."""

import itertools
import json
import shutil

import pytest
import yaml

import capszoo
from capszoo.training import table_again
from capszoo.zoo.what_is_here import EMBEDDED
from tests.once import ONCE
from tests.zoo.tiny import write_toy

pytestmark = ONCE


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """A trained preset and copies of it, of each of which something else is wrong."""
    folder = tmp_path_factory.mktemp("zoo")
    toy = write_toy(tmp_path_factory.mktemp("recipe"))
    capszoo.training.train(toy, epochs=1, output=folder / "toy_good", verbose=0)
    content = yaml.safe_load((folder / "toy_good" / "preset.yaml").read_text())
    right = content["results"]["test_accuracy"]
    record = [[number + 0.01 for number in row] for row in content["golden"]["scores"]]
    # Of 40 examples of which more than half are classified rightly, all or none is no chance.
    wrong = 0.0 if right > 0.5 else 1.0
    changes = {
        "toy_absent": {"data": {"name": str(folder / "gone.npz")}},
        "toy_better": {"results": {**content["results"], "test_accuracy": wrong}},
        "toy_damaged": {"weights": {**content["weights"], "sha256": "0" * 64}},
        "toy_golden": {"golden": {"scores": record}},
        "toy_lost": {"weights": {**content["weights"], "file": "lost.weights.h5"}},
        "toy_published": {"published": {"test_accuracy": 0.75, "source": "a paper"}},
        "toy_unmeasured": {"results": None},
        "toy_unshipped": {"weights": None},
        "toy_untrained": {"weights": None, "results": None},
    }
    for name, change in changes.items():
        shutil.copytree(folder / "toy_good", folder / name)
        (folder / name / "preset.yaml").write_text(yaml.safe_dump({**content, **change}))
    return folder


@pytest.fixture(autouse=True)
def _only_ours(zoo, monkeypatch):
    monkeypatch.setenv("CAPSZOO_PRESETS", str(zoo))


def test_verdicts(zoo):
    rows = {row["preset"]: row for row in capszoo.training.evaluate_all("toy_*")}
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "toy_absent": "skipped",
        "toy_better": "disagrees",
        "toy_damaged": "failed",
        "toy_golden": "disagrees",
        "toy_good": "agrees",
        "toy_lost": "failed",
        "toy_published": "agrees",
        "toy_unmeasured": "measured",
        "toy_unshipped": "skipped",
    }
    good = json.loads((zoo / "toy_good" / "report.json").read_text())
    for name in ("toy_good", "toy_better", "toy_golden", "toy_published", "toy_unmeasured"):
        assert rows[name]["measured"] == pytest.approx(good["test_accuracy"], abs=1e-6)
        assert rows[name]["examples"] == 40
    assert (rows["toy_good"]["published"], rows["toy_good"]["reason"]) == (None, None)
    assert rows["toy_published"]["published"] == 0.75
    assert rows["toy_unmeasured"]["recorded"] is None
    assert "gone.npz" in rows["toy_absent"]["reason"]
    assert rows["toy_absent"]["recorded"] == pytest.approx(good["test_accuracy"])
    assert rows["toy_better"]["reason"] == "the accuracy is another than the recorded one"
    assert rows["toy_golden"]["reason"].endswith("golden record by 1.0e-02")
    assert "SHA-256" in rows["toy_damaged"]["reason"]
    assert rows["toy_unshipped"]["reason"] == "its weights are not shipped"


def test_order():
    """Small data first, then one set after the other, and what is made of others behind them."""
    names = table_again.presets_to_measure()
    data = [capszoo.zoo.read_preset(name).data.name for name in names]
    embedded = [name in EMBEDDED for name in data]
    assert embedded == sorted(embedded, reverse=True)
    assert len(list(itertools.groupby(data))) == len(set(data))
    for name in names:
        for member in capszoo.zoo.read_preset(name).members:
            assert names.index(member) < names.index(name)
    assert "toy_untrained" not in names
    assert "capsnet_mnist" in names


def test_lines_come_one_by_one(run, monkeypatch):
    """What was measured before an interruption has been printed; no other is begun."""
    begun = []

    def interrupted(name, **options):
        begun.append(name)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return capszoo.training.evaluate(name, **options)

    monkeypatch.setattr(table_again, "evaluate", interrupted)
    code, out, _ = run("evaluate", "toy_[gp]*", "--all", "--json")
    assert code != 0
    assert begun == ["toy_golden", "toy_good"]
    assert [json.loads(line)["preset"] for line in out.splitlines()] == ["toy_golden"]


def test_command(run):
    code, out, err = run("evaluate", "--all", "toy_[gpu]*")
    assert code == 1, err
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert list(lines) == ["toy_golden", "toy_good", "toy_published", "toy_unmeasured"] + [
        "toy_unshipped"
    ]
    assert "DOES NOT AGREE: its output differs" in lines["toy_golden"]
    assert lines["toy_good"].endswith("  agrees")
    assert "published 75.00 %" in lines["toy_published"]
    assert "±" in lines["toy_good"].partition("recorded")[0]
    assert lines["toy_unshipped"].endswith("skipped: its weights are not shipped")
    assert "2 of 5, 0 min: toy_good" in err
    assert "Of 5 presets: 2 agrees, 1 measured, 1 skipped, 1 DOES NOT AGREE." in err
    assert run("evaluate", "--all", "toy_p*")[0] == 0


def test_what_is_refused(run, tmp_path):
    for words, message in (
        (("evaluate",), "Expected a PRESET, or --all."),
        (("evaluate", "--all", "no_such_*"), "No trained preset is named like 'no_such_*'."),
        (("evaluate", "--all", "--split", "train"), "--all measures on test examples."),
        (("evaluate", "--all", "--data-dir", tmp_path / "no"), "There is no folder"),
    ):
        code, out, err = run(*words)
        assert (code, out) == (2, "")
        assert message in " ".join(err.split())
