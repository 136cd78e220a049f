"""Plain arrays out of a preset and into one."""

import importlib.util
import sys

import numpy as np
import pytest

import capszoo
from capszoo import converters
from tests.once import ONCE
from tests.zoo.tiny import tiny_model

pytestmark = ONCE

HAS_SAFETENSORS = importlib.util.find_spec("safetensors") is not None
SUFFIXES = [
    "npz",
    pytest.param(
        "safetensors",
        marks=pytest.mark.skipif(not HAS_SAFETENSORS, reason="needs the package safetensors"),
    ),
]


@pytest.fixture
def tiny(tmp_path):
    tiny_model().save_to_preset(tmp_path / "tiny")
    return tmp_path / "tiny"


def weights(preset):
    return [np.asarray(array) for array in capszoo.load(preset).get_weights()]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_round_trip(suffix, tiny, tmp_path):
    file = tmp_path / f"weights.{suffix}"
    shapes = converters.export(tiny, file)
    assert shapes["class_capsules/kernel"] == (32, 8, 1, 10, 4)
    assert "class_capsules/dynamic_routing/bias" in shapes
    conversion = converters.convert(suffix, file, tmp_path / "New-Name 2", preset=tiny)
    assert {row.path: row.shape for row in conversion.rows} == shapes
    assert conversion.largest_difference == 0
    assert conversion.output_difference is None
    for ours, theirs in zip(weights(tmp_path / "New-Name 2"), weights(tiny), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert capszoo.zoo.read_preset(tmp_path / "New-Name 2").name == "new_name_2"


def test_what_is_written(tiny, tmp_path):
    """Names and numbers as any other program sees them."""
    converters.export(tiny, tmp_path / "weights.npz")
    model = capszoo.load(tiny)
    with np.load(tmp_path / "weights.npz") as arrays:
        kernel = arrays["primary_capsules/kernel"]
        assert len(arrays.files) == len(model.weights)
    np.testing.assert_array_equal(kernel, model.get_layer("primary_capsules").get_weights()[0])


def test_names_do_not_depend_on_models_made_before(tiny, tmp_path):
    tiny_model()
    first = converters.matching.variables(tiny_model())
    assert list(first) == list(converters.matching.variables(tiny_model()))


def test_numbers_that_are_none_are_no_difference_of_zero(tiny, tmp_path):
    converters.export(tiny, tmp_path / "weights.npz")
    with np.load(tmp_path / "weights.npz") as file:
        arrays = dict(file)
    arrays["conv/bias"][0] = np.nan
    np.savez(tmp_path / "odd.npz", **arrays)
    with pytest.warns(UserWarning, match="conv/bias hold NaN"):
        conversion = converters.convert(
            "npz", tmp_path / "odd.npz", tmp_path / "converted", preset=tiny
        )
    assert np.isnan(conversion.largest_difference)


def test_other_classes(tiny, tmp_path):
    arrays = {}
    for path, one in converters.matching.variables(tiny_model(num_classes=3)).items():
        arrays[path] = np.full(one.shape, 0.5)
    np.savez(tmp_path / "three.npz", **arrays)
    converters.convert("npz", tmp_path / "three.npz", tmp_path / "3", preset=tiny, num_classes=3)
    assert capszoo.load(tmp_path / "3").num_classes == 3


def test_missing_wrong_and_too_much(tiny, tmp_path):
    converters.export(tiny, tmp_path / "weights.npz")
    with np.load(tmp_path / "weights.npz") as opened:
        arrays = dict(opened)
    del arrays["conv/bias"]
    arrays["conv/kernel"] = arrays["conv/kernel"].T
    arrays["conv/scale"] = np.ones(3)
    np.savez(tmp_path / "broken.npz", **arrays)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ValueError, match="does not hold the weights") as caught:
        converters.convert("npz", tmp_path / "broken.npz", tmp_path / "out", preset=tiny)
    message = str(caught.value)
    assert "expected: conv/kernel (3, 3, 1, 4), conv/bias (4,)" in message
    assert "missing: conv/bias" in message
    assert "wrong shape: conv/kernel: expected (3, 3, 1, 4), found (4, 1, 3, 3)" in message
    assert "not expected: conv/scale" in message
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("fault", ["missing", "wrong shape", "not expected"])
def test_one_fault_alone(fault, tiny, tmp_path):
    converters.export(tiny, tmp_path / "weights.npz")
    with np.load(tmp_path / "weights.npz") as opened:
        arrays = dict(opened)
    if fault == "missing":
        del arrays["conv/bias"]
    else:
        arrays["conv/bias" if fault == "wrong shape" else "conv/scale"] = np.ones(3)
    np.savez(tmp_path / "broken.npz", **arrays)
    with pytest.raises(ValueError, match=f"\n  {fault}: conv/"):
        converters.convert("npz", tmp_path / "broken.npz", tmp_path / "out", preset=tiny)
    assert not (tmp_path / "out").exists()


def test_export_refuses(tiny, tmp_path):
    with pytest.raises(ValueError, match=r"ending in \.npz or \.safetensors. Received: .*w\.pt"):
        converters.export(tiny, tmp_path / "w.pt")
    (tmp_path / "there.npz").write_text("mine")
    with pytest.raises(ValueError, match="exists already"):
        converters.export(tiny, tmp_path / "there.npz")
    assert (tmp_path / "there.npz").read_text() == "mine"


def test_without_safetensors(tiny, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match=r'pip install "capszoo\[safetensors\]"'):
        converters.export(tiny, tmp_path / "w.safetensors")
    (tmp_path / "there.safetensors").write_bytes(b"x")
    with pytest.raises(ImportError, match=r'pip install "capszoo\[safetensors\]"'):
        converters.convert("safetensors", tmp_path / "there.safetensors", "out", preset=tiny)
