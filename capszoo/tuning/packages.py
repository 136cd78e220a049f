"""What tuning needs beside the package, and the lines that install it."""

import importlib.util

import keras


def require_keras_tuner():
    """Raises `ImportError`, with the line that helps, unless KerasTuner is installed."""
    if importlib.util.find_spec("keras_tuner") is None:
        raise ImportError('Hyper-parameter search needs KerasTuner: pip install "capszoo[tuner]"')
    if keras.backend.backend() == "tensorflow" and importlib.util.find_spec("tensorboard") is None:
        raise ImportError(
            "On the TensorFlow backend KerasTuner needs TensorBoard, and without it every trial "
            'fails: pip install "capszoo[tuner]"'
        )


def missing_for_tensorboard():
    """Names the packages that `keras.callbacks.TensorBoard` needs and that are not here.

    Returns:
        List of names.
    """
    return [
        name for name in ("tensorflow", "tensorboard") if importlib.util.find_spec(name) is None
    ]
