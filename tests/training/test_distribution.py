"""Training on several devices: the loss curve, the weights and the files of one device."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

import capszoo
from capszoo.training import evaluate
from capszoo.training import train
from capszoo.training import trainer
from capszoo.training.batches import EvaluationBatches
from capszoo.training.distribution import Distribution
from capszoo.zoo import read_preset
from tests.zoo.tiny import write_tiny
from tests.zoo.tiny import write_toy

# Keras itself, saving weights on JAX with NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ROOT = pathlib.Path(capszoo.__file__).resolve().parents[1]
BACKEND = keras.backend.backend()
DEVICES = {"jax": 4, "tensorflow": 2, "torch": 2}[BACKEND]

# 351 training, 39 validation and 41 test images: in batches of 40 the last ones divide neither by
# four nor by two.
COUNTS = (390, 41)
SHIFT = {"RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1}}
# Votes are routed a few rows at a time, as those of large networks are.
SCRIPT = """
import atexit
import os
import pathlib
import sys


# PyTorch's thread that still holds a tensor when Python ends aborts the process, now and then.
def check_threads():
    threads = pathlib.Path("/proc/self/task").glob("*/comm")
    if any("pt_gloo" in thread.read_text() for thread in threads):
        print("A thread of the group is still there.", file=sys.stderr, flush=True)
        os._exit(1)


atexit.register(check_threads)

if int(sys.argv[3]) > 1:
    import tensorflow as tf

    logical = [tf.config.LogicalDeviceConfiguration()] * int(sys.argv[3])
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], logical)

import capszoo
from capszoo.kernels import tiles

tiles._MAX_TILE_BYTES_ON_CPU = 1e5
if __name__ == "__main__":
    for number, epochs in enumerate(map(int, sys.argv[4:])):
        capszoo.training.train(
            sys.argv[1],
            output=sys.argv[2],
            epochs=epochs,
            resume=number > 0,
            distribute=True,
            verbose=0,
        )
"""


def write_uneven(folder, **changes):
    """Writes a preset whose last batches are uneven, and returns its path."""
    path = write_toy(folder, data={"augmentation": [SHIFT]}, **changes)
    train_count, test_count = COUNTS
    images, labels = capszoo.data.load("digits")
    np.savez(
        folder / "toy.npz",
        x_train=images[:train_count],
        y_train=labels[:train_count],
        x_test=images[-test_count:],
        y_test=labels[-test_count:],
    )
    return path


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def finish(processes):
    try:
        for process in processes:
            _, errors = process.communicate(timeout=300)
            assert process.returncode == 0, errors
    finally:
        for process in processes:
            process.kill()
            process.wait()
            process.stderr.close()


def start(arguments, launcher=(), logical=1, **variables):
    """Starts the script, in an environment with a few more variables."""
    flags = " ".join(filter(None, [os.environ.get("XLA_FLAGS"), variables.pop("XLA_FLAGS", "")]))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XLA_FLAGS": flags, **variables}
    script = pathlib.Path(arguments[1]).with_suffix(".py")
    script.write_text(SCRIPT)
    preset, output, *epochs = map(str, arguments)
    return subprocess.Popen(
        [sys.executable, *launcher, str(script), preset, output, str(logical), *epochs],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def train_on_devices(*arguments):
    """Trains on several devices of this machine by what the backend has for it."""
    if BACKEND == "jax":
        count = f"--xla_force_host_platform_device_count={DEVICES}"
        process = start(arguments, XLA_FLAGS=count)
    elif BACKEND == "tensorflow":
        process = start(arguments, logical=DEVICES)
    else:
        launcher = ("-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={DEVICES}")
        process = start(arguments, launcher)
    finish([process])


def history(run):
    rows = json.loads((run / "state.json").read_text())["history"]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def assert_same_training(run, one):
    assert len(history(run)) == len(history(one))
    for row, expected in zip(history(run), history(one), strict=True):
        assert row == pytest.approx(expected, rel=1e-4, abs=1e-5)
    report, expected = (json.loads((path / "report.json").read_text()) for path in (run, one))
    assert report["hardware"].startswith(f"{DEVICES} devices by ")
    for key in ("test_accuracy", "test_images", "validation_accuracy", "best_epoch"):
        assert report[key] == expected[key]
    # A preset like any other: it loads on one device.
    weights, expected = capszoo.load(run).get_weights(), capszoo.load(one).get_weights()
    for mine, theirs in zip(weights, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)
    names = {path.name for path in run.iterdir()}
    assert {"history.csv", "model.weights.h5", "README.md"} < names
    assert not [name for name in names if "partial" in name]


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """A preset and a run of three epochs on one device."""
    folder = tmp_path_factory.mktemp("one")
    decoder = {**read_preset(write_tiny(folder)).model, "decoder": [8]}
    path = write_uneven(folder, model=decoder, training={"epochs": 3})
    train(path, output=folder / "run", verbose=0)
    return path, folder / "run"


def test_several_devices(one, tmp_path):
    """One epoch on several devices, then the other two of a resumed run."""
    path, expected = one
    train_on_devices(path, tmp_path / "run", 1, 3)
    assert_same_training(tmp_path / "run", expected)


def test_batch_normalization(tmp_path):
    """The statistics are those of the whole batch."""
    model = {
        "image_shape": [8, 8, 1],
        "num_classes": 10,
        "conv_filters": [4, 8],
        "kernel_sizes": [3, 3],
        "strides": [1, 2],
        "decoder": None,
    }
    path = write_uneven(tmp_path, family="efficient_capsnet", model=model)
    train(path, output=tmp_path / "one", epochs=1, verbose=0)
    train_on_devices(path, tmp_path / "run", 1)
    assert_same_training(tmp_path / "run", tmp_path / "one")


@pytest.mark.skipif(BACKEND == "torch", reason="torchrun starts all processes alike")
def test_several_processes(one, tmp_path):
    path, expected = one
    ports = [free_port(), free_port()]
    processes = []
    for index in range(2):
        if BACKEND == "jax":
            variables = {
                "KERAS_DISTRIBUTION_JOB_ADDRESSES": f"127.0.0.1:{ports[0]}",
                "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
                "KERAS_DISTRIBUTION_PROCESS_ID": str(index),
            }
        else:
            cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
            task = {"type": "worker", "index": index}
            variables = {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}
        processes.append(start((path, tmp_path / "run", 1), **variables))
    finish(processes)
    (row,), first = history(tmp_path / "run"), history(expected)[0]
    assert row == pytest.approx(first, rel=1e-4, abs=1e-5)
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["hardware"].startswith("2 devices by ")
    assert evaluate(tmp_path / "run", verbose=0)["agrees"] is True


def test_one_device(one, tmp_path, capsys):
    path, expected = one
    report = train(path, output=tmp_path / "run", epochs=1, distribute=True, verbose=2)
    assert "Training on 1 device by " in capsys.readouterr().out
    assert report["hardware"].startswith("1 device by ")
    assert history(tmp_path / "run")[0] == pytest.approx(history(expected)[0], rel=1e-4, abs=1e-5)
    assert keras.distribution.distribution() is None


class FourDevices(Distribution):
    devices = 4
    splits_any_batch = False


@pytest.mark.parametrize(
    ("batch_size", "message"),
    [
        (50, "a multiple of the number of devices. Received: training.batch_size=50, 4 devices"),
        (116, "351 training images in batches of 116 leave 3 for the last batch"),
    ],
)
def test_batches_that_devices_cannot_share(batch_size, message, one, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "all_devices", FourDevices)
    settings = {"training.batch_size": batch_size}
    with pytest.raises(ValueError, match=message):
        train(one[0], settings=settings, output=tmp_path / "run", distribute=True, verbose=0)
    # Nothing is in the way of the corrected request.
    assert not list(tmp_path.glob("run/*"))


@pytest.mark.parametrize("number", [8, 9, 11, 12, 39, 40, 41, 100, 101])
def test_evaluation_batches(number):
    images = np.arange(number)
    batches = EvaluationBatches(images, images, batch_size=8, devices=4)
    each = [batches[index][0] for index in range(len(batches))]
    np.testing.assert_array_equal(np.concatenate(each), images)
    assert all(4 <= len(batch) <= 8 for batch in each)
    assert all(len(batch) % 4 == 0 for batch in each[:-1])
    with pytest.raises(ValueError, match="4 devices cannot share 7 images"):
        EvaluationBatches(images[:7], images[:7], batch_size=8, devices=4)


@pytest.mark.skipif(BACKEND != "torch", reason="only PyTorch needs a process for each GPU")
def test_several_gpus_without_torchrun(one, tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match="torchrun --nproc-per-node 2 --no-python capszoo train"):
        train(one[0], output=tmp_path / "run", distribute=True, verbose=0)
