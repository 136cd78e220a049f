"""What every test shares: the backend, the real data, a clean environment."""

import gc
import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
if "KERAS_BACKEND" not in os.environ:
    # The first installed; `capszoo`, which knows them too, is imported with what is set below.
    there = filter(importlib.util.find_spec, ("jax", "tensorflow", "torch"))
    os.environ["KERAS_BACKEND"] = next(there)


def _quick_compilation():
    """Gives XLA's flags for code that runs once or twice: compiling is most of what tests do."""
    flags = "--xla_backend_optimization_level=0"
    if os.environ["KERAS_BACKEND"] != "jax":
        return flags
    # Half the time to compile. A flag of XLA's own that another XLA may not know, and end there.
    more = f"{flags} --xla_cpu_use_fusion_emitters=false"
    trial = subprocess.run(
        [sys.executable, "-c", "import jax; jax.devices()"],
        env={**os.environ, "XLA_FLAGS": more},
        capture_output=True,
    )
    return more if trial.returncode == 0 else flags


if "XLA_FLAGS" not in os.environ:
    os.environ["XLA_FLAGS"] = _quick_compilation()
# And much of it is the same in many tests; each worker may take it from the other's.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".pytest_cache" / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "0")

import keras
import numpy as np


def pytest_collection_finish():
    """Looks for garbage in what tests make alone: in all that is imported it took a third of the
    time, and there is none."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture(autouse=True)
def _clean_state(monkeypatch):
    monkeypatch.delenv("CAPSZOO_PRESETS", raising=False)
    keras.utils.set_random_seed(0)
    yield
    keras.utils.clear_session(free_memory=False)
    keras.config.set_dtype_policy("float32")


@pytest.fixture(autouse=True, scope="module")
def _released_memory():
    """Gives back what a module's tests compiled: of all modules together it fills the machine."""
    yield
    gc.collect()
    if keras.backend.backend() == "jax":
        import jax

        jax.clear_caches()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def real_data():
    """Loads a real data set's `.npz` from `CAPSZOO_DATA_DIR`, or skips the test."""

    def load(name):
        folder = os.environ.get("CAPSZOO_DATA_DIR")
        if not folder:
            pytest.skip("needs real data: set CAPSZOO_DATA_DIR to the folder of the .npz files")
        path = pathlib.Path(folder) / f"{name}.npz"
        if not path.is_file():
            pytest.skip(f"needs real data: {name}.npz is not in CAPSZOO_DATA_DIR")
        return np.load(path, allow_pickle=False)

    return load


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs the command in this process, in an empty folder: exit code, stdout and stderr."""
    from capszoo import cli

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("CAPSZOO_HOME", str(tmp_path / ".home"))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["capszoo", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as stopped:
            code = stopped.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
