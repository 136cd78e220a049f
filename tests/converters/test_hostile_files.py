"""Files that lie about their sizes, or are damaged: refused by name, before they get memory."""

import io
import json
import struct
import tracemalloc
import warnings
import zipfile

import h5py
import numpy as np
import pytest

from capszoo import converters
from tests.converters import made_files
from tests.converters import scripts
from tests.once import ONCE
from tests.zoo.tiny import write_tiny

pytestmark = ONCE
# The first array of the tiny model takes 144 bytes.
KERNEL = np.ones((3, 3, 1, 4), "float32")
MOST_BYTES = 30 * 2**20


def refusal(format, file, folder, **arguments):
    """The message with which a file is refused, having taken little memory."""
    preset = write_tiny(folder) if format in ("npz", "safetensors") else None
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=file.name) as caught:
            converters.convert(format, file, folder / "out", preset=preset, **arguments)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
    assert str(file) in str(caught.value)
    assert not (folder / "out").exists()
    return str(caught.value)


def header(shape, description="<f4"):
    return repr({"descr": description, "fortran_order": False, "shape": shape}).encode()


def write_npz(file, header, body):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        length = struct.pack("<H", len(header) + 1)
        archive.writestr("conv/kernel.npy", b"\x93NUMPY\x01\x00" + length + header + b"\n" + body)
    return file


@pytest.mark.parametrize(
    ("header", "body", "said"),
    [
        (header((1_000_000, 500_000)), b"", "takes 2,000,000,000,000 bytes. Received: 0"),
        (header((3, 3, 1, 4), "<f8"), KERNEL.tobytes(), "takes 288 bytes. Received: 144"),
        (header((-3, -3, 1, 4)), KERNEL.tobytes(), "is empty"),
        (header((3, 3, 1, 4), "|O"), KERNEL.tobytes(), "expected numbers in 'conv/kernel'"),
        (header((3, 3, 1, 4))[:-9] + b"(((3,", b"", "cannot be read as an .npz file"),
        (b"(" * 9000, b"", "cannot be read as an .npz file"),
        # It unpacks to 40 MB, and is as large as it says: but no array of the model is.
        (header((10_000_000,)), bytes(40_000_000), "wrong shape: conv/kernel"),
    ],
    ids=["size", "dtype", "negative", "objects", "grammar", "depth", "unpacked"],
)
def test_npz(header, body, said, tmp_path):
    file = write_npz(tmp_path / "hostile.npz", header, body)
    assert file.stat().st_size < 200_000
    assert said in refusal("npz", file, tmp_path)


def test_npz_of_a_damaged_compression(tmp_path):
    preset = write_tiny(tmp_path)
    model = {name: np.ones(shape, "float32") for name, shape in shapes(preset).items()}
    file = tmp_path / "hostile.npz"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in model.items():
            content = io.BytesIO()
            np.save(content, np.arange(array.size, dtype="float32").reshape(array.shape))
            archive.writestr(f"{name}.npy", content.getvalue())
    whole = file.read_bytes()
    converters.convert("npz", file, tmp_path / "whole", preset=preset)
    # In the middle of the largest array's compressed numbers.
    with zipfile.ZipFile(file) as archive:
        entry = max(archive.infolist(), key=lambda one: one.compress_size)
    place = entry.header_offset + 60 + entry.compress_size // 2
    file.write_bytes(whole[:place] + bytes(64) + whole[place + 64 :])
    assert "Corrupt input data" in refusal("npz", file, tmp_path)


def shapes(preset):
    from capszoo import zoo
    from capszoo.converters.matching import variables

    model = zoo.build(zoo.read_preset(preset))
    return {path: tuple(one.shape) for path, one in variables(model).items()}


def test_npz_with_a_name_twice(tmp_path):
    file = write_npz(tmp_path / "hostile.npz", header((3, 3, 1, 4)), KERNEL.tobytes())
    with zipfile.ZipFile(file, "a") as archive, warnings.catch_warnings(action="ignore"):
        archive.writestr("conv/kernel.npy", archive.read("conv/kernel.npy"))
    assert "holds two arrays 'conv/kernel'" in refusal("npz", file, tmp_path)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 144]}, "cannot be read"),
        ({"dtype": "F32", "shape": [3, 3, 1, 4], "data_offsets": [0, 10**12]}, "cannot be read"),
        ({"dtype": "BF16", "shape": [3, 3, 1, 8], "data_offsets": [0, 144]}, "expected numbers"),
        ({"dtype": "F32", "shape": [36], "data_offsets": [0, 144]}, "wrong shape: conv/kernel"),
    ],
    ids=["size", "offset", "dtype", "shape"],
)
def test_safetensors(entry, said, tmp_path):
    pytest.importorskip("safetensors")
    text = json.dumps({"conv/kernel": entry}).encode()
    file = tmp_path / "hostile.safetensors"
    file.write_bytes(struct.pack("<Q", len(text)) + text + KERNEL.tobytes())
    assert said in refusal("safetensors", file, tmp_path)


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        ({"shape": (1_000_000, 500_000)}, "takes 2,000,000,000,000 bytes. Received: 0"),
        ({"shape": (10**6, 500), "chunks": (1000, 500), "compression": "gzip"}, "its arrays would"),
        ({"shape": (3, 3), "dtype": h5py.string_dtype()}, "expected numbers"),
        ({"shape": (0, 10**12)}, "is empty"),
    ],
    ids=["size", "packed", "text", "empty"],
)
def test_hdf5(dataset, said, rng, tmp_path):
    file = made_files.write_keras2(tmp_path / "hostile.h5", made_files.keras_capsnet_groups(rng))
    with h5py.File(file, "r+") as opened:
        opened.create_dataset("hostile/kernel", **{"dtype": "f4", **dataset})
    assert said in refusal("keras_capsnet", file, tmp_path, image_shape=(12, 12, 1))


def test_keras_archives(tmp_path):
    good = tmp_path / "good.keras"
    scripts.network().save(good)
    with zipfile.ZipFile(good) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def said(**changes):
        file = tmp_path / "hostile.keras"
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in {**members, **changes}.items():
                archive.writestr(name, content)
        return refusal("keras_capsnet", file, tmp_path)

    large = members["model.weights.h5"] + bytes(40_000_000)
    assert "model.weights.h5 would have 40," in said(**{"model.weights.h5": large})
    config = {"class_name": "Functional", "config": {"layers": [{"class_name": 3, "config": {}}]}}
    for text in (json.dumps(config), "[" * 100_000, "{", " " * 20_000_000):
        assert "a configuration that is none of Keras" in said(**{"config.json": text})
