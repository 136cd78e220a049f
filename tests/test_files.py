"""YAML from anywhere: plain data or a clear refusal, and never minutes of reading."""

import time

import pytest

from capszoo import files

HOSTILE = {
    "a number of 100,000 digits": "a: " + "1" * 100_000,
    "deep lists": "a: " + "[" * 20_000 + "]" * 20_000,
    "deep mappings": "\n".join(" " * depth + "a:" for depth in range(1300)),
    "a long list": "a: [" + "0.1, " * 200_000 + "]",
    "many keys": "\n".join(f"k{number}: 1" for number in range(80_000)),
    "a long comment": "# " + "x" * (1 << 20),
    "an empty int": "a: !!int ''",
    "an empty float": "a: !!float ''",
    "an odd bool": "a: !!bool x",
    "an odd timestamp": "a: !!timestamp x",
    "a number of base 60": "a: " + ":".join(["59"] * 50),
    "a key that is a list": "? [1]\n: 2",
    "a key that stands twice": "a: 1\na: 2",
    "an object": "a: !!python/object:os.system {}",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_yaml_is_refused_soon(text, tmp_path):
    started = time.process_time()
    with pytest.raises(ValueError, match=r"YAML|nested|bytes"):
        files.load_yaml(text)
    (tmp_path / "hostile.yaml").write_text(text)
    with pytest.raises(ValueError, match="hostile"):
        files.read_yaml(tmp_path / "hostile.yaml")
    assert time.process_time() - started < 5


def test_what_presets_hold_is_read():
    text = "scores: [" + ", ".join(["[0.25, 1e-3]"] * 3000) + "]\nname: " + "x" * 5000
    content = files.load_yaml(text)
    assert content["scores"][2999] == [0.25, 0.001]
    assert content["name"] == "x" * 5000
