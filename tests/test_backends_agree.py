"""The same weights give the same scores, gradients and files on every installed backend."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import capszoo_backend

BACKENDS = capszoo_backend.installed()

# Writes what one backend makes of the same images, labels and weights.
SCRIPT = """
import pathlib
import sys

import keras
import numpy as np

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

# Files that the backends before this one saved.
for file in folder.glob("*.keras"):
    scores = keras.saving.load_model(file).predict(images, verbose=0)
    np.testing.assert_allclose(scores, results["scores"], atol=1e-5, err_msg=str(file))
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("backends")
    root = pathlib.Path(__file__).parents[1]
    # Forth and back, so that every backend loads the files of every other.
    for backend in [*BACKENDS, *BACKENDS[-2::-1]]:
        path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
        subprocess.run(
            [sys.executable, "-c", SCRIPT, backend, str(folder)],
            env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": path},
            cwd=folder,
            check=True,
        )
    return {backend: dict(np.load(folder / f"{backend}.npz")) for backend in BACKENDS}


@pytest.mark.skipif(len(BACKENDS) < 2, reason="needs two installed backends")
def test_scores_and_gradients(results):
    first, *others = results.values()
    assert len(first) == 12
    for other in others:
        assert set(other) == set(first)
        for key, value in first.items():
            scale = np.abs(value).max()
            assert scale > 1e-5, key
            tolerance = 1e-4 * scale if key.startswith("gradient") else 1e-5
            np.testing.assert_allclose(other[key], value, rtol=0, atol=tolerance, err_msg=key)
