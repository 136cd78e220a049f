"""What every format refuses, and the commands."""

import json

import h5py
import numpy as np
import pytest

import capszoo
from capszoo import converters
from tests.converters import made_files
from tests.once import ONCE
from tests.zoo.tiny import tiny_model

pytestmark = ONCE


def test_unknown_format(tmp_path):
    with pytest.raises(
        ValueError, match=r"Unknown format 'safetensor'\. Did you mean 'safetensors'"
    ):
        converters.convert("safetensor", "x", tmp_path / "out")


def test_existing_directory(tmp_path):
    with pytest.raises(ValueError, match="exists already"):
        converters.convert("npz", "x.npz", tmp_path, preset="capsnet_digits")


def test_preset_where_it_belongs(tmp_path):
    with pytest.raises(ValueError, match="name the preset whose architecture"):
        converters.convert("npz", "x.npz", tmp_path / "out")
    with pytest.raises(ValueError, match="tells its own architecture"):
        converters.convert("keras_capsnet", "x.h5", tmp_path / "out", preset="capsnet_digits")


@pytest.mark.parametrize(
    ("format", "message"),
    [
        ("efficient_capsnet", "is not an HDF5 file"),
        ("keras_capsnet", "is not an HDF5 file"),
        ("npz", r"is not an \.npz file"),
        ("safetensors", "cannot be read as a safetensors file"),
    ],
)
def test_file_of_another_kind(format, message, tmp_path):
    if format == "safetensors":
        pytest.importorskip("safetensors")
    preset = "capsnet_digits" if format in ("npz", "safetensors") else None
    with pytest.raises(ValueError, match="There is no file at"):
        converters.convert(format, tmp_path / "none", tmp_path / "out", preset=preset)
    (tmp_path / "text").write_text("no weights at all, but some text")
    with pytest.raises(ValueError, match=message):
        converters.convert(format, tmp_path / "text", tmp_path / "out", preset=preset)
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


def test_truncated_hdf5(rng, tmp_path):
    file = made_files.write_keras2(tmp_path / "whole.h5", made_files.efficient_groups(rng))
    (tmp_path / "cut.h5").write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(ValueError, match="damaged or truncated"):
        converters.convert("efficient_capsnet", tmp_path / "cut.h5", tmp_path / "out")


def test_numbers_in_this_file_alone(tmp_path):
    objects = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / "pickled.npz", **{"conv/kernel": objects})
    with pytest.raises(ValueError, match="expected numbers in 'conv/kernel'"):
        converters.convert("npz", tmp_path / "pickled.npz", "out", preset="capsnet_digits")
    np.savez(tmp_path / "text.npz", **{"conv/kernel": np.array(["a"])})
    with pytest.raises(ValueError, match="expected numbers in 'conv/kernel'"):
        converters.convert("npz", tmp_path / "text.npz", "out", preset="capsnet_digits")
    np.savez(tmp_path / "empty.npz", **{"conv/kernel": np.zeros((0, 3))})
    with pytest.raises(ValueError, match="'conv/kernel' is empty"):
        converters.convert("npz", tmp_path / "empty.npz", "out", preset="capsnet_digits")
    (tmp_path / "secret").write_bytes(bytes(16))
    with h5py.File(tmp_path / "outside.h5", "w") as opened:
        opened.create_dataset("a", (4,), "f4", external=[(tmp_path / "secret", 0, 16)])
    with pytest.raises(ValueError, match="lies in another file"):
        converters.convert("keras_capsnet", tmp_path / "outside.h5", tmp_path / "out")


def test_whole_saved_model(rng, tmp_path):
    """`model.save` of Keras 2 keeps the weights one group deeper, beside the optimizer's."""
    groups = made_files.keras_capsnet_groups(rng)
    file = made_files.write_keras2(tmp_path / "weights.h5", groups)
    with h5py.File(tmp_path / "model.h5", "w") as opened, h5py.File(file) as weights:
        weights.copy(weights["/"], opened, "model_weights")
        opened["optimizer_weights/iterations"] = 3
    conversion = converters.convert("keras_capsnet", tmp_path / "model.h5", tmp_path / "out")
    assert conversion.rows[0].source == "conv1/conv1/kernel"


def test_convert_command(run, rng, tmp_path):
    file = made_files.write_keras2(tmp_path / "small.h5", made_files.efficient_groups(rng))
    shape = ("--set", "image_shape=[16, 16, 2]", "--set", "strides=[1, 2]")
    code, out, err = run("convert", "efficient_capsnet", file, "small", *shape)
    assert code == 0, err
    assert "CapsNet/digit_caps/W" in out
    assert "class_capsules/kernel" in out
    assert "4 x 2 x 1 x 3 x 6" in out
    count = f"{capszoo.load('./small').count_params():,}"
    assert f"parameters in the file  {count}" in out
    assert f"parameters here         {count}" in out
    assert "largest difference      0\n" in out
    assert "scores, against NumPy" in out
    code, out, _ = run("convert", "efficient_capsnet", file, "again", *shape, "--json")
    assert code == 0
    assert json.loads(out)["rows"][0]["source"] == "CapsNet/conv2d_9/kernel"


def test_export_command_and_back(run, tmp_path):
    tiny_model().save_to_preset(tmp_path / "tiny")
    code, out, _ = run("export", "./tiny", "weights.npz")
    assert code == 0
    assert "primary_capsules/kernel" in out
    code, out, err = run("convert", "npz", "weights.npz", "back", "--preset", "./tiny")
    assert code == 0, err
    assert "largest difference      0\n" in out
    assert json.loads(run("export", "./back", "w.npz", "--json")[1])["conv/bias"] == [4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("kerascapsnet", "x.h5", "out"), "Did you mean 'keras_capsnet'"),
        (("keras_capsnet", "x.h5", "out"), "There is no file at 'x.h5'"),
        (("npz", "x.npz", "out"), "with preset= or --preset"),
        (("npz", "x.npz", "out", "--set", "file=3"), "--set takes arguments of the model"),
        (("npz", "x.npz", "out", "--set", "decoder"), "Expected --set KEY=VALUE"),
    ],
)
def test_refused_commands(arguments, message, run, tmp_path):
    code, out, err = run("convert", *arguments)
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())
    assert not list(tmp_path.iterdir())
