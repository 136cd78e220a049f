"""Which backend runs: what is installed, what is asked for, what is left alone."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

import capszoo_backend

ROOT = pathlib.Path(capszoo_backend.__file__).resolve().parent

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
    return [name for name in capszoo_backend.BACKENDS if name != backend]


IMPORT = """
    import json, os, sys
    import keras
    before = [name for name in ("jax", "tensorflow", "torch") if name in sys.modules]
    import capszoo
    after = [name for name in ("jax", "tensorflow", "torch") if name in sys.modules]
    import numpy as np
    model = capszoo.models.CapsNet((8, 8, 1), 3, 4, 3, 2, 8, 3, 1, decoder=None)
    scores = model(np.zeros((1, 8, 8, 1), "uint8"))["scores"]
    print(json.dumps([keras.backend.backend(), before, after, list(scores.shape)]))
"""


def test_one_backend_alone_is_enough(tmp_path):
    """The backend of this test run, with the others not there."""
    backend = os.environ["KERAS_BACKEND"]
    done = python(IMPORT, tmp_path, others(backend), KERAS_BACKEND=backend)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [backend, [backend], [backend], [1, 3]]


def test_no_other_backend_is_imported(tmp_path):
    """Keras itself imports some of what is installed; capszoo adds nothing to it."""
    backend = os.environ["KERAS_BACKEND"]
    done = python(IMPORT, tmp_path, KERAS_BACKEND=backend)
    assert done.returncode == 0, done.stderr
    _, before, after, _ = json.loads(done.stdout)
    assert backend in before
    assert after == before


def test_importing_leaves_the_environment_alone(tmp_path):
    script = """
        import os, sys
        before = dict(os.environ)
        import keras
        sys.modules.pop("capszoo", None)
        import capszoo, capszoo.cli
        changed = {key for key in {*before, *os.environ} if before.get(key) != os.environ.get(key)}
        print(sorted(key for key in changed if "KERAS" in key or "CAPSZOO" in key))
    """
    done = python(script, tmp_path, KERAS_BACKEND=os.environ["KERAS_BACKEND"])
    assert done.stdout.strip() == "[]", done.stderr
    # What Keras wrote by itself meanwhile is what `choose` takes for nobody's choice.
    written = json.loads((tmp_path / "keras" / "keras.json").read_text())
    assert written == capszoo_backend._UNTOUCHED_CONFIG
    script = (
        "import capszoo_backend, os; capszoo_backend.choose(); print('KERAS_BACKEND' in os.environ)"
    )
    assert python(script, tmp_path).stdout.strip() == "False"


def test_no_backend(tmp_path):
    done = python("import capszoo", tmp_path, capszoo_backend.BACKENDS)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: capszoo runs on Keras with JAX, TensorFlow or PyTorch")
    for name in capszoo_backend.BACKENDS:
        assert f'pip install "capszoo[{name}]"' in last


def test_backend_that_is_not_installed(tmp_path):
    done = python("import capszoo", tmp_path, ["torch"], KERAS_BACKEND="torch")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: Keras is set to the backend 'torch', which is not")
    assert 'pip install "capszoo[torch]"' in last
    assert (
        f"KERAS_BACKEND={next(name for name in capszoo_backend.installed() if name != 'torch')}"
        in last
    )


def test_command_line_without_a_backend(tmp_path):
    script = "import capszoo_backend; capszoo_backend.run_command_line()"
    done = python(script, tmp_path, capszoo_backend.BACKENDS)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: capszoo runs on Keras with")
    assert "Traceback" not in done.stderr
    done = python(script, tmp_path, KERAS_BACKEND="nonsense")
    assert done.returncode == 2
    expected = "Error: Unknown Keras backend 'nonsense'. Expected one of: jax, tensorflow, torch."
    assert done.stderr.strip() == expected


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
            if name in capszoo_backend.BACKENDS:
                return object() if name in names else None
            return find_spec(name)

        monkeypatch.setattr(importlib.util, "find_spec", find)

    make(*capszoo_backend.BACKENDS)
    return make


def write_config(folder, **changes):
    config = {**capszoo_backend._UNTOUCHED_CONFIG, **changes}
    (folder / "keras.json").write_text(json.dumps(config))


def test_first_installed(only):
    assert capszoo_backend.choose() == ("jax", False)
    only("tensorflow", "torch")
    assert capszoo_backend.choose() == ("tensorflow", False)
    only("torch")
    assert capszoo_backend.choose() == ("torch", False)
    only()
    with pytest.raises(ImportError, match=r"capszoo\[jax\].*capszoo\[tensorflow\].*capszoo\[torc"):
        capszoo_backend.choose()


def test_environment_wins(only, monkeypatch, tmp_path):
    write_config(tmp_path, backend="jax")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert capszoo_backend.choose() == ("torch", True)
    only("jax")
    with pytest.raises(
        ImportError, match=r"Keras is set to the backend 'torch'.*KERAS_BACKEND=jax"
    ):
        capszoo_backend.choose()
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    with pytest.raises(ValueError, match="Unknown Keras backend 'theano'"):
        capszoo_backend.choose()


@pytest.mark.usefixtures("only")
def test_config_file_wins_over_the_first_installed(tmp_path):
    write_config(tmp_path, backend="torch")
    assert capszoo_backend.choose() == ("torch", True)
    write_config(tmp_path, floatx="float16")
    assert capszoo_backend.choose() == ("tensorflow", True)


@pytest.mark.usefixtures("only")
def test_the_config_keras_writes_by_itself_does_not_count(tmp_path):
    write_config(tmp_path)
    assert capszoo_backend.choose() == ("jax", False)
    (tmp_path / "keras.json").write_text("{broken")
    assert capszoo_backend.choose() == ("jax", False)


def test_the_library_requires_what_keras_will_take(only, monkeypatch, tmp_path):
    only("jax")
    with pytest.raises(ImportError, match=r"backend 'tensorflow', .*KERAS_BACKEND=jax before"):
        capszoo_backend.require()
    write_config(tmp_path, backend="jax")
    capszoo_backend.require()
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(ImportError, match="backend 'tensorflow'"):
        capszoo_backend.require()


def test_keras_that_is_imported_already_is_taken_as_it_is(only, monkeypatch):
    only()
    monkeypatch.setitem(sys.modules, "keras", object())
    capszoo_backend.require()
