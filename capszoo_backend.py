"""Which Keras backend runs: what is installed, what is asked for; and the `capszoo` command.

This module stands beside the package, not in it: importing anything of the package imports
Keras, and by then the backend is fixed.
"""

import importlib.util
import json
import os
import pathlib
import sys

BACKENDS = ("jax", "tensorflow", "torch")

# What Keras writes into its config file by itself on its first import.
_UNTOUCHED_CONFIG = {
    "floatx": "float32",
    "epsilon": 1e-07,
    "backend": "tensorflow",
    "image_data_format": "channels_last",
}


def installed():
    """Lists the backends that are installed, in the order the command line tries them."""
    return [name for name in BACKENDS if importlib.util.find_spec(name) is not None]


def _config():
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    try:
        return json.loads((pathlib.Path(home) / "keras.json").read_text())
    except (OSError, ValueError):
        return {}


def choose():
    """Names the backend the command line runs on.

    That is the one `KERAS_BACKEND` or a Keras config file names, else the first installed of
    jax, tensorflow and torch. The config file that Keras writes by itself names a backend
    nobody asked for, so it does not count.

    Returns:
        The name, and whether somebody asked for it.

    Raises:
        ImportError: If no backend is installed.
        ValueError: If `KERAS_BACKEND` names no backend there is.
    """
    asked = os.environ.get("KERAS_BACKEND")
    if not asked and (config := _config()) and config != _UNTOUCHED_CONFIG:
        asked = config.get("backend")
    if asked:
        require(asked)
        return asked, True
    names = installed()
    if not names:
        require(None)
    return names[0], False


def require(name=None):
    """Raises unless the backend that Keras is going to import is there.

    Args:
        name: The backend; `None` stands for the one Keras will take by itself.

    Raises:
        ImportError: If it is not installed; the error says which lines would help.
        ValueError: If there is no such backend.
    """
    if "keras" in sys.modules:
        return
    there = installed()
    if not there:
        raise ImportError(
            "capszoo runs on Keras with JAX, TensorFlow or PyTorch, and none of them is "
            'installed. Install one: pip install "capszoo[jax]", '
            'pip install "capszoo[tensorflow]" or pip install "capszoo[torch]".'
        )
    name = name or os.environ.get("KERAS_BACKEND") or _config().get("backend") or "tensorflow"
    if name not in BACKENDS:
        raise ValueError(f"Unknown Keras backend {name!r}. Expected one of: {', '.join(BACKENDS)}.")
    if name not in there:
        raise ImportError(
            f"Keras is set to the backend {name!r}, which is not installed. Install it: "
            f'pip install "capszoo[{name}]"; or use what is installed: set the environment '
            f"variable KERAS_BACKEND={there[0]} before the first import of Keras."
        )


def run_command_line():
    """The `capszoo` command: chooses the backend, then hands over to `capszoo.cli`."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        name, asked = choose()
        os.environ["KERAS_BACKEND"] = name
        from capszoo import cli
    except (ImportError, ValueError) as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
    cli.main(announced_backend=None if asked else name)
