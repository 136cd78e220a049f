"""The same weights give the same scores, gradients and files on every installed backend.

Trained networks of every family are compared by their golden records, in zoo/test_golden.py.
"""

import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from capszoo.backend import installed
from tests.models import tiny

BACKENDS = installed()

# Writes what one backend makes of the same images, labels and weights.
SCRIPT = """
import pathlib
import sys

import keras
import numpy as np

import capszoo
from tests.models import tiny

backend, folder = sys.argv[1], pathlib.Path(sys.argv[2])
assert keras.backend.backend() == backend
images, labels = tiny.data(6)
model = tiny.capsnet(reconstruction_weight=0.01)
rng = np.random.default_rng(0)
weights = [0.3 * rng.normal(size=weight.shape).astype("float32") for weight in model.weights]
model.set_weights(weights)
model.compile(optimizer=keras.optimizers.SGD(1.0))
model.save(folder / f"{backend}.keras")
results = {"scores": model.predict(images, verbose=0), "coupling": model.coupling(images)}
model.train_on_batch(images, labels)
for old, new, weight in zip(weights, model.get_weights(), model.weights):
    results["gradient of " + weight.path] = old - new
np.savez(folder / f"{backend}.npz", **results)
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("backends")
    root = pathlib.Path(__file__).parents[1]
    for backend in BACKENDS:
        path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
        subprocess.run(
            [sys.executable, "-c", SCRIPT, backend, str(folder)],
            env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": path},
            cwd=folder,
            check=True,
        )
    return folder


@pytest.mark.skipif(len(BACKENDS) < 2, reason="needs two installed backends")
def test_scores_and_gradients(results):
    first, *others = (dict(np.load(results / f"{backend}.npz")) for backend in BACKENDS)
    assert len(first) == 12
    for other in others:
        assert set(other) == set(first)
        for key, value in first.items():
            scale = np.abs(value).max()
            assert scale > 1e-5, key
            tolerance = 1e-4 * scale if key.startswith("gradient") else 1e-5
            np.testing.assert_allclose(other[key], value, rtol=0, atol=tolerance, err_msg=key)


@pytest.mark.parametrize("backend", BACKENDS)
def test_files_of_every_backend_load_here(results, backend):
    images, _ = tiny.data(6)
    model = keras.saving.load_model(results / f"{backend}.keras")
    expected = np.load(results / f"{backend}.npz")["scores"]
    np.testing.assert_allclose(model.predict(images, verbose=0), expected, atol=1e-5)
