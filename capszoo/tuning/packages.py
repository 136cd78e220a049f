"""What tuning needs beside the package, and the lines that install it."""

import importlib.util

import keras


def require_keras_tuner():
    """Raises `ImportError`, with the line that helps, unless KerasTuner can work here."""
    needed = ["keras_tuner", "six"]
    if keras.backend.backend() == "tensorflow":
        # Without it every trial fails.
        needed.append("tensorboard")
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            f'Hyper-parameter search needs {" and ".join(missing)}: pip install "capszoo[tuner]"'
        )


def missing_for_tensorboard():
    """Names the packages that `keras.callbacks.TensorBoard` needs and that are not here.

    Returns:
        List of names.
    """
    return [
        name for name in ("tensorflow", "tensorboard") if importlib.util.find_spec(name) is None
    ]
