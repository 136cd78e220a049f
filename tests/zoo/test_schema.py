"""The schema of a preset file: what it refuses, and in which words."""

import pytest
import yaml

from capszoo.zoo import read_preset
from tests.once import ONCE
from tests.zoo.tiny import tiny_content

pytestmark = ONCE


def read(folder, content):
    path = folder / "tiny.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return read_preset(path)


def changed(key, value):
    content = tiny_content()
    *sections, last = key.split(".")
    target = content
    for section in sections:
        target = target.setdefault(section, {})
    target[last] = value
    return content


def test_valid(tmp_path):
    preset = read(tmp_path, tiny_content())
    assert preset.schema_version == 1
    assert preset.training.seed == 0
    assert preset.results is None
    assert preset.weights is None


WEIGHTS = {"file": "tiny.weights.h5", "sha256": "0" * 64, "size": 1}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("licence", "MIT", r"licence: Unknown key 'licence'\. Did you mean 'license'"),
        ("data.nam", "x", r"data\.nam: Unknown key 'nam'\. Did you mean 'name'"),
        ("training.epoch", 3, r"training\.epoch: .*Did you mean 'epochs'"),
        ("training.epochs", 0, r"training\.epochs: .*greater than or equal to 1.*Received: 0"),
        ("training.epochs", "3", r"training\.epochs: .*valid integer.*Received: '3'"),
        ("training.epochs", True, r"training\.epochs: .*valid integer.*Received: True"),
        ("training.epochs", 2.5, r"training\.epochs: .*Received: 2\.5"),
        ("training.batch_size", -8, r"training\.batch_size: .*Received: -8"),
        ("training.seed", -1, r"training\.seed: .*Received: -1"),
        ("training.optimizer", "Adam", r"training\.optimizer: .*dictionary.*Received: 'Adam'"),
        ("data.augmentation", {"RandomFlip": {}}, r"data\.augmentation: .*valid list"),
        ("model", [1], r"model: .*dictionary.*Received: \[1\]"),
        ("name", "No Name", r"name: .*pattern.*Received: 'No Name'"),
        ("family", "capsnett", r"Unknown family 'capsnett'\. Did you mean 'capsnet'"),
        ("model.class_dims", 4, r"model\.class_dims: .*'class_dims'\. Did you mean 'class_dim'"),
        ("published", {"test_accuracy": 99.7, "source": "x"}, r"published\.test_accuracy: .*99\.7"),
        ("weights", {**WEIGHTS, "file": "../x.weights.h5"}, r"weights\.file: .*plain file name"),
        ("weights", {**WEIGHTS, "file": "tiny.h5"}, r"weights\.file: .*\.weights\.h5"),
        ("weights", {**WEIGHTS, "sha256": "abc"}, r"weights\.sha256: .*Received: 'abc'"),
        (
            "model.dtype",
            "nonsense",
            r"model\.dtype: .*expected a dtype.*'nonsense'",
        ),
        ("model.rescaling", float("nan"), r"model\.rescaling: .*finite number.*nan"),
        ("model.routing", {"name": "em", "iterations": 10**9}, r"model\.routing: .*at most 100"),
        ("layer_changes", {"conv": {"frozen": 1}}, r"layer_changes\.conv: 'frozen'"),
        ("layer_changes", {"conv": {"trainable": 1}}, r"conv\.trainable`, expected True or False"),
        ("layer_changes", {"conv": {"lora_rank": 0}}, r"conv\.lora_rank`, expected a positive"),
        ("layer_changes", {"conv": {"quantization": {}}}, r"expected a mapping with mode"),
        ("training.optimizer", {"Adam": {"learning_rate": float("inf")}}, r"to be finite"),
        ("schema_version", 2, r"has schema_version 2, .* reads up to 1\. Upgrade: pip install"),
        ("schema_version", 0, r"schema_version: .*Received: 0"),
    ],
)
def test_refused(key, value, message, tmp_path):
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path, changed(key, value))
    assert "tiny.yaml" in str(caught.value)


def test_missing_keys_are_all_named(tmp_path):
    content = tiny_content()
    del content["name"], content["training"]["batch_size"]
    with pytest.raises(ValueError, match=r"(?s)name: Field required.*training\.batch_size: Field"):
        read(tmp_path, content)


@pytest.mark.parametrize("content", ["- a list", "just text", "", "3"])
def test_not_a_mapping(content, tmp_path):
    with pytest.raises(ValueError, match=r"tiny\.yaml: expected a mapping of keys to values"):
        read(tmp_path, content)


@pytest.mark.parametrize("content", ["name: [", "name: 'open", "\tname: x"])
def test_not_yaml(content, tmp_path):
    with pytest.raises(ValueError, match=r"tiny\.yaml is not a YAML file"):
        read(tmp_path, content)


def test_not_text(tmp_path):
    (tmp_path / "tiny.yaml").write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(ValueError, match=r"tiny\.yaml is not a YAML file"):
        read_preset(tmp_path / "tiny.yaml")


def test_a_key_that_is_no_text(tmp_path):
    with pytest.raises(ValueError, match=r"tiny\.yaml is not a valid preset"):
        read(tmp_path, {**tiny_content(), 1: 2})
