"""Which backend runs: what is installed, what is asked for, what is left alone."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

from capszoo import backend as backends
from tests.once import ONCE

pytestmark = ONCE

ROOT = pathlib.Path(backends.__file__).resolve().parents[1]

HIDE = """
    import sys

    def hide(*names):
        class Without:
            def __init__(self, finder):
                self.finder = finder

            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in names:
                    return None
                return self.finder.find_spec(name, path, target)

            def __getattr__(self, name):
                return getattr(self.finder, name)

        sys.meta_path[:] = [
            Without(finder) if hasattr(finder, "find_spec") else finder for finder in sys.meta_path
        ]
"""


def python(script, tmp_path, hidden=(), **environment):
    """Runs a script where some packages seem not to be installed; an empty KERAS_HOME."""
    inherited = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"}
    start = f"{textwrap.dedent(HIDE)}\nhide(*{list(hidden)!r})\n"
    return subprocess.run(
        [sys.executable, "-c", start + textwrap.dedent(script)],
        env={
            **inherited,
            "KERAS_HOME": str(tmp_path / "keras"),
            "PYTHONPATH": str(ROOT),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **environment,
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
    )


def others(backend):
    return [name for name in backends.BACKENDS if name != backend]


IMPORT = """
    import json, sys
    import capszoo
    imported = [name for name in ("jax", "tensorflow", "torch") if name in sys.modules]
    import keras
    import numpy as np
    model = capszoo.models.CapsNet((8, 8, 1), 3, 4, 3, 2, 8, 3, 1, decoder=None)
    scores = model(np.zeros((1, 8, 8, 1), "uint8"))["scores"]
    print(json.dumps([keras.backend.backend(), imported, list(scores.shape)]))
"""


@pytest.mark.parametrize("asked", [False, True])
def test_one_backend_alone_is_enough(asked, tmp_path):
    """The backend of this test run, with the others not there."""
    backend = os.environ["KERAS_BACKEND"]
    environment = {"KERAS_BACKEND": backend} if asked else {}
    done = python(IMPORT, tmp_path, others(backend), **environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [backend, [backend], [1, 3]]


def test_no_other_backend_is_imported(tmp_path):
    """Keras itself imports some of what is installed; capszoo adds nothing to it."""
    backend = os.environ["KERAS_BACKEND"]
    script = """
        import json, sys
        import keras
        before = [name for name in ("jax", "tensorflow", "torch") if name in sys.modules]
        import capszoo
        after = [name for name in ("jax", "tensorflow", "torch") if name in sys.modules]
        print(json.dumps([before, after]))
    """
    done = python(script, tmp_path, KERAS_BACKEND=backend)
    assert done.returncode == 0, done.stderr
    before, after = json.loads(done.stdout)
    assert backend in before
    assert after == before


def test_importing_leaves_the_environment_alone(tmp_path):
    script = """
        import os
        before = dict(os.environ)
        import capszoo, capszoo.cli
        changed = {key for key in {*before, *os.environ} if before.get(key) != os.environ.get(key)}
        print(sorted(key for key in changed if "KERAS" in key or "CAPSZOO" in key))
    """
    done = python(script, tmp_path, KERAS_BACKEND=os.environ["KERAS_BACKEND"])
    assert done.stdout.strip() == "[]", done.stderr
    # What Keras wrote by itself meanwhile is what `choose` takes for nobody's choice.
    written = json.loads((tmp_path / "keras" / "keras.json").read_text())
    assert written == backends._UNTOUCHED_CONFIG
    script = f"{BACKEND}\n    backend.choose(); print('KERAS_BACKEND' in os.environ)"
    assert python(script, tmp_path).stdout.strip() == "False"


def test_no_backend(tmp_path):
    done = python("import capszoo", tmp_path, backends.BACKENDS)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: capszoo runs on Keras with JAX, TensorFlow or PyTorch")
    for name in backends.BACKENDS:
        assert f'pip install "capszoo[{name}]"' in last


def test_backend_that_is_not_installed(tmp_path):
    done = python("import capszoo", tmp_path, ["torch"], KERAS_BACKEND="torch")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: Keras is set to the backend 'torch', which is not")
    assert 'pip install "capszoo[torch]"' in last
    assert f"KERAS_BACKEND={next(name for name in backends.installed() if name != 'torch')}" in last


def test_command_line_without_a_backend(tmp_path):
    # What the installed script does.
    script = "sys.argv[0] = '/usr/bin/capszoo'; from capszoo.cli import main; main()"
    done = python(script, tmp_path, backends.BACKENDS)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: capszoo runs on Keras with")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["capszoo", "capszoo.cli"])
def test_command_line_as_a_module(module, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", module, "list", "--json"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "nonsense"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 2
    expected = "Error: Unknown Keras backend 'nonsense'. Expected one of: jax, tensorflow, torch."
    assert done.stderr.strip() == expected


# What `configure` does about it, in processes that import no Keras.

# The module by itself: its package would import Keras.
BACKEND = f"""
    import importlib.util, json, os
    spec = importlib.util.spec_from_file_location("backend", {os.fspath(backends.__file__)!r})
    backend = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(backend)
"""
CONFIGURE = f"""
{BACKEND}
    backend.configure()
    there = [name for name in sys.modules if name in ("keras", *backend.BACKENDS)]
    print(json.dumps([os.environ.get("KERAS_BACKEND"), backend.unasked, there]))
"""


@pytest.mark.parametrize(
    ("config", "hidden", "environment", "expected"),
    [
        # Nothing asked for, and what Keras would take is there: nothing is changed.
        (None, [], {}, [None, "tensorflow"]),
        (None, ["jax", "torch"], {}, [None, "tensorflow"]),
        (None, ["tensorflow"], {}, ["jax", "jax"]),
        (None, ["jax", "tensorflow"], {}, ["torch", "torch"]),
        ({}, ["tensorflow"], {}, ["jax", "jax"]),
        # Asked for: Keras reads it by itself.
        ({"backend": "torch"}, ["tensorflow"], {}, [None, None]),
        (None, [], {"KERAS_BACKEND": "jax"}, ["jax", None]),
        ({"backend": "torch"}, ["torch"], {"KERAS_BACKEND": "jax"}, ["jax", None]),
    ],
)
def test_configure(config, hidden, environment, expected, tmp_path):
    if config is not None:
        (tmp_path / "keras").mkdir()
        write_config(tmp_path / "keras", **config)
    done = python(CONFIGURE, tmp_path, hidden, **environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [*expected, []]


def test_configure_leaves_a_keras_that_is_imported_alone(tmp_path):
    script = f"sys.modules['keras'] = object()\n{textwrap.dedent(CONFIGURE)}"
    done = python(script, tmp_path, backends.BACKENDS, KERAS_BACKEND="theano")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["theano", None, ["keras"]]


def test_only_the_command_is_quiet_about_tensorflow(tmp_path):
    script = f"{textwrap.dedent(CONFIGURE)}print(os.environ.get('TF_CPP_MIN_LOG_LEVEL'))"
    quiet = f"sys.argv[0] = '/usr/bin/capszoo'\n{script}"
    for code, expected in ((quiet, "2"), (script, "None")):
        start = f"import os; os.environ.pop('TF_CPP_MIN_LOG_LEVEL', None)\n{code}"
        assert python(start, tmp_path).stdout.split()[-1] == expected


# What is chosen, without importing anything.


@pytest.fixture
def only(monkeypatch, tmp_path):
    """Makes some backends seem installed, in an empty KERAS_HOME, before Keras is imported."""
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delitem(sys.modules, "keras")
    find_spec = importlib.util.find_spec

    def make(*names):
        def find(name):
            if name in backends.BACKENDS:
                return object() if name in names else None
            return find_spec(name)

        monkeypatch.setattr(importlib.util, "find_spec", find)

    make(*backends.BACKENDS)
    return make


def write_config(folder, **changes):
    config = {**backends._UNTOUCHED_CONFIG, **changes}
    (folder / "keras.json").write_text(json.dumps(config))


def test_the_default_of_keras_or_the_first_installed(only):
    assert backends.choose() == ("tensorflow", False)
    only("tensorflow", "torch")
    assert backends.choose() == ("tensorflow", False)
    only("jax", "torch")
    assert backends.choose() == ("jax", False)
    only("torch")
    assert backends.choose() == ("torch", False)
    only()
    with pytest.raises(ImportError, match=r"capszoo\[jax\].*capszoo\[tensorflow\].*capszoo\[torc"):
        backends.choose()


def test_environment_wins(only, monkeypatch, tmp_path):
    write_config(tmp_path, backend="jax")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert backends.choose() == ("torch", True)
    only("jax")
    with pytest.raises(
        ImportError, match=r"Keras is set to the backend 'torch'.*KERAS_BACKEND=jax"
    ):
        backends.choose()
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    with pytest.raises(ValueError, match="Unknown Keras backend 'theano'"):
        backends.choose()


@pytest.mark.usefixtures("only")
def test_config_file_wins_over_the_first_installed(tmp_path):
    write_config(tmp_path, backend="torch")
    assert backends.choose() == ("torch", True)
    write_config(tmp_path, floatx="float16")
    assert backends.choose() == ("tensorflow", True)


def test_the_config_keras_writes_by_itself_does_not_count(only, tmp_path):
    for content in (json.dumps(backends._UNTOUCHED_CONFIG), "{broken"):
        (tmp_path / "keras.json").write_text(content)
        only(*backends.BACKENDS)
        assert backends.choose() == ("tensorflow", False)
        only("jax", "torch")
        assert backends.choose() == ("jax", False)


def test_what_is_asked_for_must_be_there(only, monkeypatch, tmp_path):
    only("jax")
    write_config(tmp_path, backend="torch")
    with pytest.raises(ImportError, match=r"backend 'torch', .*KERAS_BACKEND=jax before"):
        backends.choose()
    write_config(tmp_path, backend="jax")
    assert backends.choose() == ("jax", True)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(ImportError, match="backend 'tensorflow'"):
        backends.choose()


def test_keras_that_is_imported_already_is_taken_as_it_is(only, monkeypatch):
    only()
    monkeypatch.setitem(sys.modules, "keras", object())
    backends.configure()
    assert backends.unasked is None
    assert "KERAS_BACKEND" not in os.environ
