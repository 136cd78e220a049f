"""The table of models."""

from capszoo.zoo import list_presets
from capszoo.zoo import read_preset
from capszoo.zoo import table
from capszoo.zoo.schema import validate
from tests.once import ONCE
from tests.zoo.tiny import tiny_content

pytestmark = ONCE

RESULTS = {
    "test_accuracy": 0.9,
    "test_images": 100,
    "validation_accuracy": 0.91,
    "parameters": 12345,
    "best_epoch": 1,
    "epochs": 2,
    "seed": 0,
    "training_seconds": 3.5,
    "command": "capszoo train tiny",
    "date": "2026-01-01",
    "hardware": "2 CPU cores",
    "versions": {"keras": "3"},
}


def test_row():
    content = tiny_content(
        results=RESULTS,
        published={"test_accuracy": 0.95, "source": "a paper"},
        weights={"file": "tiny.weights.h5", "sha256": "0" * 64, "size": 1_234_567},
    )
    preset = validate(content, "here")
    cells = table.row(preset, "yes")
    size, accuracy = ("12,345", "1.2 MB"), ("90.00 ± 3.00 %", "95.00 %")
    expected = ("tiny", "capsnet", "digits", *size, "yes", *accuracy)
    assert cells == expected
    assert len(cells) == len(table.COLUMNS)
    assert table.row(preset, "downloaded", "hf://me/tiny")[0] == "hf://me/tiny"


def test_row_of_an_untrained_preset():
    content = tiny_content()
    del content["data"]
    expected = ("tiny", "capsnet", "-", "-", "-", "no", "-", "-")
    assert table.row(validate(content, "here"), "no") == expected


def test_weights_here(tmp_path, monkeypatch):
    monkeypatch.setenv("CAPSZOO_HOME", str(tmp_path / "home"))
    weights = {"file": "tiny.weights.h5", "sha256": "0" * 64, "size": 1}
    untrained = validate(tiny_content(), "here")
    trained = validate(tiny_content(weights=weights), "here")
    for folder, answer in (("mine", "yes"), ("home/presets/tiny-0", "downloaded")):
        path = tmp_path / folder / "preset.yaml"
        path.parent.mkdir(parents=True)
        assert table.weights_here(untrained, path) == "no"
        assert table.weights_here(trained, path) == "missing"
        path.with_name("tiny.weights.h5").write_bytes(b"x")
        assert table.weights_here(trained, path) == answer


def test_markdown():
    text = table.markdown_table()
    rows = [line for line in text.splitlines() if line.startswith("|")]
    presets = {name: read_preset(name) for name in list_presets()}
    measured = [name for name, preset in presets.items() if preset.results is not None]
    small = [name for name in measured if presets[name].data.name in table.EMBEDDED]
    assert "capsnet_digits" in small
    assert [row.split("|")[1].strip() for row in rows[2:]] == [
        name for name in measured if name not in small
    ]
    assert all(row.count("|") == len(table.COLUMNS) + 1 for row in rows)
    words = " ".join(text.split())
    assert f" {len(small)} small presets" in words
    assert f" {len(presets) - len(measured)} recipes not trained yet" in words


def test_replace():
    text = f"before\n{table.BEGIN}\nold \\1 |\n{table.END}\nafter\n"
    new = table.replace_table(text)
    assert new.startswith(f"before\n{table.BEGIN}\n| preset")
    assert new.endswith(f"\n{table.END}\nafter\n")
    assert "old" not in new
    assert "old" not in new
    assert table.replace_table(new) == new
    assert table.replace_table("no markers") == "no markers"
