"""The model card: all of the preset, in Markdown that Hugging Face reads."""

import re

import pytest
import yaml

from capszoo.zoo import list_presets
from capszoo.zoo import read_preset
from capszoo.zoo.model_card import card
from capszoo.zoo.schema import validate
from tests.once import ONCE
from tests.zoo.test_table import RESULTS
from tests.zoo.tiny import tiny_content
from tests.zoo.tiny import tiny_model

# Keras itself, saving weights on JAX with NumPy 2.
pytestmark = [
    ONCE,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def head_and_body(text):
    empty, head, body = text.split("---\n", 2)
    assert empty == ""
    return yaml.safe_load(head), body


def yaml_blocks(text):
    return {
        title: yaml.safe_load(block)
        for title, block in re.findall(r"## (\w+)\n\n```yaml\n(.*?)```", text, re.DOTALL)
    }


def test_full():
    content = tiny_content(
        description="A test of cards",
        results={**RESULTS, "command": "capszoo train tiny | tee log"},
        published={"test_accuracy": 0.95, "source": "a paper"},
        paper={"title": "Capsules", "url": "https://example.com/paper"},
        weights={"file": "tiny.weights.h5", "sha256": "0" * 64, "size": 1},
    )
    head, body = head_and_body(card(validate(content, "here")))
    assert head == {
        "license": "apache-2.0",
        "library_name": "keras",
        "tags": ["capsule-network", "capsnet"],
    }
    assert body.startswith("\n# tiny\n\nA test of cards\n\n")
    assert 'capszoo.load("path/to/this/directory")' in body
    assert "| test accuracy | 90.00 ± 3.00 % (standard error) of 100 images |" in body
    assert r"| command | `capszoo train tiny \| tee log` |" in body
    assert "| published by others | 95.00 % (a paper) |" in body
    assert "Parameters: 12,345" in body
    assert "[Capsules](https://example.com/paper)" in body
    assert body.endswith("## Licence\n\nApache-2.0\n")
    blocks = yaml_blocks(body)
    assert blocks["Model"] == content["model"]
    assert blocks["Data"]["name"] == "digits"
    assert blocks["Recipe"]["epochs"] == 2


def test_bare():
    content = tiny_content()
    del content["data"], content["training"]
    text = card(validate(content, "here"))
    assert "load_weights=False" in text
    assert "None measured yet." in text
    assert list(yaml_blocks(text)) == ["Model"]
    assert "Published" not in text
    assert "Parameters" not in text
    assert "\n\n\n" not in text


@pytest.mark.parametrize("name", list_presets())
def test_every_preset(name):
    head, body = head_and_body(card(read_preset(name)))
    assert head["library_name"] == "keras"
    assert f"# {name}\n" in body
    assert yaml_blocks(body)["Model"] == read_preset(name).model
    assert "None" not in body.replace("None measured yet.", "")


def test_saved_beside_the_weights(tmp_path):
    model = tiny_model()
    model.save_to_preset(tmp_path / "saved", description="Mine")
    text = (tmp_path / "saved" / "README.md").read_text(encoding="utf-8")
    preset = read_preset(tmp_path / "saved")
    assert text == card(preset, parameters=model.count_params())
    assert f"Parameters: {model.count_params():,}" in text
    assert "load_weights=False" not in text
