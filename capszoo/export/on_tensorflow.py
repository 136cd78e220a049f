"""Exports from JAX and PyTorch: a process of its own loads the same weights on TensorFlow."""

import json
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np

from capszoo import interruption
from capszoo.export.exported import Exported

# Where the child finds what goes in and what has to come out.
EXPECTED = "expected.npz"


def write_on_tensorflow(model, file: pathlib.Path, expected: dict[str, np.ndarray]) -> Exported:
    """Writes a model to a file from a process that runs on TensorFlow.

    Args:
        model: A `CapsuleModel`, on any backend.
        file: The file; its ending says the form.
        expected: What goes in, as `"x"`, and what the model makes of it, by outputs.

    Returns:
        An `Exported`.

    Raises:
        RuntimeError: If the process fails, with what it says.
    """
    named: dict[str, Any] = dict(expected)
    with tempfile.TemporaryDirectory() as folder:
        preset, arrays = pathlib.Path(folder, "model"), pathlib.Path(folder, EXPECTED)
        model.save_to_preset(preset)
        np.savez(arrays, **named)
        words = ["export", str(preset), str(file.absolute()), "--expected", str(arrays), "--json"]
        process = interruption.start(
            [sys.executable, "-m", "capszoo.cli", *words],
            {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            printed, said = process.communicate()
        finally:
            process.terminate()
            process.wait()
    if process.returncode:
        _, _, error = said.rpartition("Error: ")
        raise RuntimeError(error.strip() or f"The export ended with exit code {process.returncode}")
    return Exported(**{**json.loads(printed), "file": str(file)})
