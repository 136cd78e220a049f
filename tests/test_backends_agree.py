"""The same weights give the same scores, gradients and files on every installed backend.

Each backend has a process of its own, beside the others, and loads the files of all.

Trained networks of every family are compared by their golden records, in zoo/test_golden.py.
"""

import os
import pathlib
import subprocess
import sys
import time

import numpy as np
import pytest

from capszoo.backend import installed
from tests.once import ONCE

pytestmark = ONCE
BACKENDS = installed()

# Writes what one backend makes of the same images, labels and weights, and of the others' files.
SCRIPT = """
import pathlib
import sys
import time

import keras
import numpy as np

import capszoo
from tests.models import tiny

folder, backend, *backends = pathlib.Path(sys.argv[1]), *sys.argv[2:]
assert keras.backend.backend() == backend
images, labels = tiny.data(6)
model = tiny.capsnet(reconstruction_weight=0.01)
rng = np.random.default_rng(0)
weights = [0.3 * rng.normal(size=weight.shape).astype("float32") for weight in model.weights]
model.set_weights(weights)
model.compile(optimizer=keras.optimizers.SGD(1.0))
half = folder / f"half_of_{backend}.keras"
model.save(half)
half.rename(folder / f"{backend}.keras")
results = {"scores": model.predict(images, verbose=0), "coupling": model.coupling(images)}
model.train_on_batch(images, labels)
for old, new, weight in zip(weights, model.get_weights(), model.weights):
    results["gradient of " + weight.path] = old - new
for other in backends:
    # It is there in a while, whole; a process that failed is noticed by who started this one.
    while not (folder / f"{other}.keras").exists():
        time.sleep(0.1)
    again = keras.saving.load_model(folder / f"{other}.keras")
    results["scores by the file of " + other] = again.predict(images, verbose=0)
np.savez(folder / f"{backend}.npz", **results)
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("backends")
    root = pathlib.Path(__file__).parents[1]
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(folder), backend, *BACKENDS],
            env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": path},
            cwd=folder,
        )
        for backend in BACKENDS
    ]
    try:
        while any(process.poll() is None for process in processes):
            assert not any(process.poll() for process in processes)
            time.sleep(0.1)
        assert not any(process.returncode for process in processes)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return {backend: dict(np.load(folder / f"{backend}.npz")) for backend in BACKENDS}


@pytest.mark.skipif(len(BACKENDS) < 2, reason="needs two installed backends")
def test_scores_and_gradients(results):
    first, *others = results.values()
    assert len([key for key in first if not key.startswith("scores by the file of")]) == 12
    for other in others:
        assert set(other) == set(first)
        for key, value in first.items():
            scale = np.abs(value).max()
            assert scale > 1e-5, key
            tolerance = 1e-4 * scale if key.startswith("gradient") else 1e-5
            np.testing.assert_allclose(other[key], value, rtol=0, atol=tolerance, err_msg=key)


@pytest.mark.parametrize("here", BACKENDS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_files_of_every_backend_load_on_every_other(results, backend, here):
    expected = results[backend]["scores"]
    found = results[here][f"scores by the file of {backend}"]
    np.testing.assert_allclose(found, expected, atol=1e-5)
