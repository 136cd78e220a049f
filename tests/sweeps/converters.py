"""Weights files of others, damaged or made with bad intentions: how `convert` ends.

    python -m tests.sweeps.converters --count 500 --seed 0

Each case takes a good small file of one of the formats and damages it: bytes at random, headers,
sizes, dtypes, configurations, archives that unpack to gigabytes. The last lines count the ends:

- built: it was converted; what was damaged did not matter, or was a number
- refused: a `ValueError` that names the file
- unnamed: a `ValueError` that does not
- traceback: anything else, by its class
- slow: more than `--seconds`
- died: the process ended
"""

import functools
import io
import json
import pathlib
import random
import struct
import tempfile
import warnings
import zipfile

import h5py
import keras
import numpy as np
import safetensors.numpy

from capszoo import converters
from capszoo.converters import matching
from tests.converters import made_files
from tests.converters import scripts
from tests.sweeps import children
from tests.zoo.tiny import tiny_model
from tests.zoo.tiny import write_tiny

SHAPES = [
    (1_000_000, 500_000), (2**40,), (2**63 - 1,), (2**63,), (-1,), (-3, -4), (0,), (0, 10**12), (),
    (1,) * 40, (3, 3, 1, 4), (3, 3, 4, 10**8), (10**5, 10**5, 10**5, 10**5), (10, 10**9, 4, 4),
]  # fmt: skip
DESCRIPTIONS = [
    "<f8", ">f2", "|O", "<U99999999", "|V8", "<M8[s]", "<c16", "|b1", "<f16", "", "x" * 300,
]  # fmt: skip
HEADERS = [
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (((((3,", b"(" * 9000, b"",
    b"\xff\xfe" * 30, b"{'descr': '<f4', 'fortran_order': False}", b"[1, 2, 3]",
    b"{'shape': 1e999}", b"'''", b"{\\",
    b"{'descr': [('a', '<f4', (100000, 100000))], 'fortran_order': False, 'shape': (3,)}",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (3.5,)}", b"-" * 5000 + b"1",
    b"{'descr': '<f4', 'fortran_order': 7, 'shape': [3, 3, 1, 4]}", b"__import__('os')",
]  # fmt: skip
VALUES = [
    None, True, -1, 0, 2, 10**9, 10**30, 1.5, float("nan"), "", "same", "nonsense", [], [0, 0],
    [1], [-1, -1], [10**9, 10**9], [None, 10**9, 10**9, 3], [None, -8, 0, 1], {}, {"a": {}}, [[[]]],
    "\x00",
]  # fmt: skip


@functools.cache
def good(kind):
    """The bytes of a good file of a kind."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
        file = pathlib.Path(folder) / f"good{KINDS[kind][1]}"
        if kind == "npz":
            np.savez(file, **arrays())
        elif kind == "safetensors":
            safetensors.numpy.save_file(arrays(), file)
        elif kind == "weights":
            made_files.write_keras2(file, made_files.keras_capsnet_groups(rng))
        elif kind == "efficient":
            made_files.write_keras2(file, made_files.efficient_groups(rng))
        else:
            scripts.network().save(file)
        return file.read_bytes()


@functools.cache
def arrays():
    """The arrays of the tiny model, by the paths of its variables."""
    found = matching.variables(tiny_model())
    return {path: keras.ops.convert_to_numpy(one.value) for path, one in found.items()}


def damaged_bytes(content, draw):
    """Changes, cuts out or adds some bytes anywhere."""
    content = bytearray(content)
    for _ in range(draw.choice([1, 1, 3, 20])):
        place, length = draw.randrange(len(content) + 1), draw.choice([1, 2, 8, 200])
        kind = draw.random()
        if kind < 0.6:
            content[place : place + length] = draw.randbytes(length)
        elif kind < 0.75:
            del content[place : draw.choice([len(content), place + length])]
        elif kind < 0.9:
            content[place : place + length] = draw.choice([b"\x00", b"\xff"]) * length
        else:
            content[place:place] = draw.randbytes(length)
        if not content:
            break
    return bytes(content)


def npy(draw, array):
    """The bytes of an array in NumPy's format, with a header that may say anything."""
    shape, description = array.shape, "<f4"
    if draw.random() < 0.5:
        shape = draw.choice(SHAPES)
    else:
        description = draw.choice(DESCRIPTIONS)
    header = repr({"descr": description, "fortran_order": draw.random() < 0.2, "shape": shape})
    header = draw.choice(HEADERS) if draw.random() < 0.35 else header.encode()
    length, version = len(header) + 1, draw.choice([1, 1, 1, 2, 3, 9])
    if draw.random() < 0.1:
        length = draw.choice([0, 2**16 - 1, 2**31, 2**32 - 1])
    packed = struct.pack("<H", length % 2**16) if version == 1 else struct.pack("<I", length)
    body = array.tobytes() if draw.random() < 0.7 else bytes(draw.choice([0, 10, 10**7]))
    return b"\x93NUMPY" + bytes([version, 0]) + packed + header + b"\n" + body


def unzipped(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members, draw, damage=True):
    """Zips members, in any way that there is."""
    written = io.BytesIO()
    method = draw.choice([0, 0, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
    with zipfile.ZipFile(written, "w", method) as archive, warnings.catch_warnings(action="ignore"):
        for name, member in members.items():
            archive.writestr(name, member)
        if draw.random() < 0.1:
            archive.writestr(draw.choice([*members, "../x.npy", "x" * 9000]), b"twice")
    content = bytearray(written.getvalue())
    directory = content.rfind(b"PK\x01\x02")
    if damage and draw.random() < 0.4:
        # Of the last entry of the directory: flags, method, CRC-32, either size, offset.
        place, length = draw.choice([(8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (42, 4)])
        content[directory + place : directory + place + length] = draw.randbytes(length)
    if draw.random() < 0.3:
        place = draw.randrange(max(1, directory))
        content[place : place + 4] = draw.randbytes(4)
    return bytes(content)


def damaged_npz(content, draw):
    """Changes an array, its header or the archive."""
    members = unzipped(content)
    name = draw.choice(sorted(members))
    kind = draw.random()
    if kind < 0.6:
        members[name] = npy(draw, arrays()[name.removesuffix(".npy")])
    elif kind < 0.7:
        del members[name]
    elif kind < 0.8:
        members[draw.choice(["other.npy", "notes.txt", "a/../b.npy"])] = members[name]
    elif kind < 0.9:
        members[name] = members[name][:128] + bytes(draw.choice([10**6, 3 * 10**8]))
    return zipped(members, draw)


def damaged_safetensors(content, draw):
    """Changes the header: its length, a size, an offset, a dtype, its text."""
    (length,) = struct.unpack("<Q", content[:8])
    header, body = json.loads(content[8 : 8 + length]), content[8 + length :]
    entry = header[draw.choice(sorted(set(header) - {"__metadata__"}))]
    kind = draw.random()
    if kind < 0.3:
        entry["shape"] = list(draw.choice(SHAPES))
    elif kind < 0.5:
        entry["dtype"] = draw.choice(["BF16", "F64", "I8", "BOOL", "F8_E4M3", "X", "", 3, None])
    elif kind < 0.7:
        entry["data_offsets"] = draw.choice([[0, 2**40], [8, 0], [-1, 4], [0], ["a", "b"], None])
    elif kind < 0.8:
        header[draw.choice(["other", "", "__metadata__"])] = draw.choice([entry, VALUES[-1], 3])
    text = json.dumps(header).encode()
    if kind >= 0.8:
        text = draw.choice([b"{" * 10**5, b"[]", b"null", text[:-5], b"\xff" + text, b""])
    length = draw.choice([len(text)] * 5 + [0, 2**63, 2**64 - 1, len(text) // 2])
    return struct.pack("<Q", length) + text + body


def damaged_h5(content, draw):
    """Changes an array, an attribute or a link."""
    kept = io.BytesIO(content)
    with h5py.File(kept, "r+") as file:
        places, attributes = [], []

        def collect(path, item):
            places.append(path)
            attributes.extend((path, name) for name in item.attrs)

        file.visititems(collect)
        attributes += [("/", name) for name in file.attrs]
        kind, path = draw.random(), draw.choice(places)
        if kind < 0.35 and attributes:
            path, name = draw.choice(attributes)
            old = file[path].attrs[name]
            file[path].attrs[name] = draw.choice(
                [3, 1.5, [1, 2], "text", [b"\xff\xfe"], np.zeros((2, 2)), h5py.Empty("f4"), True,
                 ["../x", "/"], [""] * 50, old]
            )  # fmt: skip
            return _value(kept, file)
        if kind < 0.5:
            links = [h5py.SoftLink("/"), h5py.SoftLink("/gone"), h5py.ExternalLink("x.h5", "/")]
            del file[path]
            file[path] = draw.choice([*links, h5py.SoftLink(f"/{path}")])
            return _value(kept, file)
        arrays = [one for one in places if isinstance(file[one], h5py.Dataset)]
        path = draw.choice(arrays)
        old = file[path][()]
        del file[path]
        if kind < 0.75:
            shape = draw.choice([*SHAPES[:2], (10**9, 4), *SHAPES[6:], old.shape[::-1]])
            packed = {"chunks": True, "compression": "gzip"} if draw.random() < 0.5 else {}
            try:
                made = file.create_dataset(path, shape, "f4", **packed)
                if packed and draw.random() < 0.5:
                    made[(slice(0, 1),) * made.ndim] = 0
            except (ValueError, TypeError, OSError):
                file[path] = old.reshape(-1)
        else:
            kinds = [h5py.string_dtype(), h5py.ref_dtype, h5py.vlen_dtype("i4"), "S9", "c8", "?",
                     "f2", ">f8", "i8", [("a", "f4"), ("b", "i4")], "V9", "u1"]  # fmt: skip
            file.create_dataset(path, draw.choice([old.shape, (), (2, 2)]), draw.choice(kinds))
    return kept.getvalue()


def _value(kept, file):
    file.close()
    return kept.getvalue()


def changed(node, draw):
    """Changes one value of a configuration."""
    while True:
        keys = sorted(node) if isinstance(node, dict) else range(len(node))
        key = draw.choice([*keys])
        if not isinstance(node[key], (dict, list)) or not node[key] or draw.random() < 0.1:
            break
        node = node[key]
    if isinstance(node, dict) and draw.random() < 0.3:
        del node[key]
    else:
        node[key] = draw.choice(VALUES)


def damaged_config(text, draw):
    """Changes one value of a configuration in JSON, or its text."""
    if draw.random() < 0.15:
        deep = ["[" * 10**5, '{"config": ' * 5000]
        return draw.choice(["", "{", "null", "3", text[:-9], "[]", *deep])
    config = json.loads(text)
    changed(config, draw)
    return json.dumps(config)


def damaged_model(content, draw):
    """Changes the configuration or an array of a whole saved model."""
    if not content.startswith(b"PK"):
        if draw.random() < 0.4:
            return damaged_h5(content, draw)
        kept = io.BytesIO(content)
        with h5py.File(kept, "r+") as file:
            file.attrs["model_config"] = damaged_config(file.attrs["model_config"], draw)
        return kept.getvalue()
    members = unzipped(content)
    kind = draw.random()
    if kind < 0.5:
        members["config.json"] = damaged_config(members["config.json"].decode(), draw).encode()
    elif kind < 0.7:
        members["model.weights.h5"] = damaged_h5(members["model.weights.h5"], draw)
    elif kind < 0.8:
        del members[draw.choice(sorted(members))]
    elif kind < 0.9:
        members[draw.choice(sorted(members))] += bytes(3 * 10**8)
    return zipped(members, draw, damage=kind >= 0.5)


# The format of `convert`, the suffix of a file, and what damages it beside bytes at random.
KINDS = {
    "npz": ("npz", ".npz", damaged_npz),
    "safetensors": ("safetensors", ".safetensors", damaged_safetensors),
    "weights": ("keras_capsnet", ".h5", damaged_h5),
    "efficient": ("efficient_capsnet", ".h5", damaged_h5),
    "model": ("keras_capsnet", ".h5", damaged_model),
    "keras": ("keras_capsnet", ".keras", damaged_model),
}


def cases(count, seed):
    """The cases of a seed: the kind of a file, whether bytes at random are damaged, and a seed."""
    draw = random.Random(seed)
    for number in range(count):
        kind = list(KINDS)[number % len(KINDS)]
        yield kind, "bytes" if draw.random() < 0.25 else "structure", draw.randrange(2**32)


def tried(case, folder):
    """Damages a file and converts it; says how that ended, and in which words."""
    kind, part, seed = case
    format, suffix, damaged = KINDS[kind]
    file = folder / f"hostile{suffix}"
    damage = damaged_bytes if part == "bytes" else damaged
    file.write_bytes(damage(good(kind), random.Random(seed)))
    preset = write_tiny(folder) if format in ("npz", "safetensors") else None
    given = {} if preset or format.startswith("eff") else {"image_shape": (12, 12, 1)}
    if format.startswith("eff"):
        given = {"image_shape": (16, 16, 2), "strides": (1, 2)}
    convert = functools.partial(converters.convert, preset=preset, **given)
    end = children.outcome(convert, file, format, file, folder / "out")
    if end[0] != "built" and (folder / "out").exists():
        return f"traceback half-written {end[0]}", end[1]
    return end


if __name__ == "__main__":
    children.main("tests.sweeps.converters", __doc__.splitlines()[0])
