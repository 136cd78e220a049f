"""What is installed: the wheel, from the tree and from the sdist, away from the tree."""

import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

import capszoo
from tests.once import ONCE

pytestmark = ONCE
ROOT = pathlib.Path(__file__).resolve().parents[1]
SOURCES = (
    "capszoo",
    "zoo_configs",
    "tests",
    "pyproject.toml",
    "LICENSE",
    "README.md",
)

for package in ("build", "hatchling"):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"needs {package}: pip install {package}", allow_module_level=True)


def python(*arguments, **options):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=200,
        **options,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The sdist, the wheel made from it and the wheel made from the tree, of a copy of the tree."""
    folder = tmp_path_factory.mktemp("packaging")
    tree = folder / "tree"
    tree.mkdir()
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, tree / name, ignore=ignored)
        else:
            shutil.copy(source, tree / name)
    (tree / "zoo_configs" / "capsnet" / "capsnet_digits.curve.png").write_bytes(b"a picture")
    python("-m", "build", "--no-isolation", "--outdir", folder / "from_sdist", tree)
    python("-m", "build", "--no-isolation", "--wheel", "--outdir", folder / "from_tree", tree)
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = (built / "from_tree").glob("*.whl")
    return path


def content(wheel):
    """The files in a wheel and their checksums."""
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist()}


def test_content(wheel):
    found = content(wheel)
    tops = {name.partition("/")[0] for name in found}
    assert tops == {"capszoo", f"capszoo-{capszoo.__version__}.dist-info"}
    assert not [name for name in found if "test" in name.lower()]
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "capszoo").rglob("*.py")}
    assert modules <= set(found)
    # It tells type checkers that the package's annotations count.
    assert "capszoo/py.typed" in found
    # All but pictures of the page: nothing in the package shows them.
    presets = [
        path.relative_to(ROOT)
        for path in (ROOT / "zoo_configs").rglob("*")
        if path.is_file() and path.suffix != ".png"
    ]
    assert not [name for name in found if name.endswith(".curve.png")]
    assert {f"capszoo/{path}" for path in presets} <= set(found)


def test_sdist_gives_the_same_wheel(built, wheel):
    (other,) = (built / "from_sdist").glob("*.whl")
    assert content(other) == content(wheel)


def test_metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        info = f"capszoo-{capszoo.__version__}.dist-info"
        metadata = archive.read(f"{info}/METADATA").decode()
        entry_points = archive.read(f"{info}/entry_points.txt").decode()
        assert any(name.startswith(f"{info}/licenses/") for name in archive.namelist())
    assert f"\nVersion: {capszoo.__version__}\n" in metadata
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    assert "capszoo = capszoo.cli:main" in entry_points


def test_version_stands_in_one_place():
    text = (ROOT / "pyproject.toml").read_text()
    assert f'"{capszoo.__version__}"' not in text
    assert 'dynamic = ["version"]' in text


def test_installed_elsewhere(wheel, tmp_path):
    target = tmp_path / "target"
    options = ("--no-deps", "--no-index", "--no-compile", "--quiet", "--disable-pip-version-check")
    python("-m", "pip", "install", *options, "--target", target, wheel)
    script = """
        import importlib.metadata, json, capszoo
        path = capszoo.zoo.find_preset("capsnet_digits")
        preset = capszoo.zoo.read_preset(path)
        load_weights = preset.weights is not None
        model = capszoo.load("capsnet_digits", load_weights=load_weights)
        entry_points = importlib.metadata.entry_points(group="console_scripts", name="capszoo")
        print(json.dumps([
            capszoo.__file__, str(path), capszoo.list_presets(), model.count_params(),
            importlib.metadata.version("capszoo"), [entry.value for entry in entry_points],
        ]))
    """
    environment = {**os.environ, "PYTHONPATH": str(target), "TF_CPP_MIN_LOG_LEVEL": "3"}
    lines = "\n".join(line.strip() for line in script.strip().splitlines())
    out = python("-c", lines, cwd=tmp_path, env=environment)
    package, preset, presets, parameters, version, entry_points = json.loads(out)
    assert pathlib.Path(package).is_relative_to(target)
    assert pathlib.Path(preset).is_relative_to(target / "capszoo" / "zoo_configs")
    assert presets == capszoo.list_presets()
    assert parameters > 10_000
    assert version == capszoo.__version__
    assert "capszoo.cli:main" in entry_points
