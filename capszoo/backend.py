"""Which Keras backend runs: the one asked for, else Keras' default, else the first installed.

`import capszoo` calls `configure` in its first lines: once Keras is imported, its backend is fixed.
That is why this module imports the standard library alone.
"""

import importlib.util
import json
import os
import pathlib
import sys

BACKENDS = ("jax", "tensorflow", "torch")
KERAS_DEFAULT = "tensorflow"

# Keras writes this into its config file by itself on its first import.
_UNTOUCHED_CONFIG = {
    "floatx": "float32",
    "epsilon": 1e-07,
    "backend": KERAS_DEFAULT,
    "image_data_format": "channels_last",
}

# The backend that `configure` took because nobody asked for one; the command announces it.
unasked: str | None = None


def installed() -> list[str]:
    """Lists the backends that are installed, in the order in which they are tried."""
    return [name for name in BACKENDS if importlib.util.find_spec(name) is not None]


def choose() -> tuple[str, bool]:
    """Names the backend to run on.

    That is the one `KERAS_BACKEND` or a Keras config file names; where neither does, TensorFlow,
    Keras' own default, if it is installed, else the first installed of jax and torch. The config
    file that Keras writes by itself names a backend nobody asked for, so it does not count.

    Returns:
        The name, and whether somebody asked for it.

    Raises:
        ImportError: If no backend is installed, or not the one asked for; the error says which
            lines would help.
        ValueError: If there is no backend of the name asked for.
    """
    there = installed()
    asked = os.environ.get("KERAS_BACKEND") or _configured()
    if asked and asked not in BACKENDS:
        raise ValueError(
            f"Unknown Keras backend {asked!r}. Expected one of: {', '.join(BACKENDS)}."
        )
    if not there:
        raise ImportError(
            "capszoo runs on Keras with JAX, TensorFlow or PyTorch, and none of them is "
            'installed. Install one: pip install "capszoo[jax]", '
            'pip install "capszoo[tensorflow]" or pip install "capszoo[torch]".'
        )
    if not asked:
        return KERAS_DEFAULT if KERAS_DEFAULT in there else there[0], False
    if asked not in there:
        raise ImportError(
            f"Keras is set to the backend {asked!r}, which is not installed. Install it: "
            f'pip install "capszoo[{asked}]"; or use what is installed: set the environment '
            f"variable KERAS_BACKEND={there[0]} before the first import of Keras."
        )
    return asked, True


def is_command() -> bool:
    """Tells whether this process is the `capszoo` command, and not somebody's own program."""
    return _program() in ("capszoo", "capszoo.cli")


def configure() -> None:
    """Makes Keras take the backend that `choose` names, unless Keras is imported already.

    In a process that is the `capszoo` command, what cannot be chosen is one line and exit code 2,
    and TensorFlow is told to log errors alone.

    Raises:
        ImportError: If no backend is installed, or not the one asked for.
        ValueError: If there is no backend of the name asked for.
    """
    global unasked
    if "keras" in sys.modules:
        return
    if is_command():
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        name, asked = choose()
    except (ImportError, ValueError) as error:
        if not is_command():
            raise
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
    if not asked:
        unasked = name
        if name != KERAS_DEFAULT:
            os.environ["KERAS_BACKEND"] = name


def _configured():
    """The backend that Keras' config file names, if it is not as Keras wrote it."""
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    try:
        config = json.loads((pathlib.Path(home) / "keras.json").read_text())
    except (OSError, ValueError):
        return None
    return None if config == _UNTOUCHED_CONFIG else config.get("backend")


def _program():
    """The name of the script that this process runs, or of the module behind `python -m`."""
    script = sys.argv[0] if sys.argv else ""
    # While Python imports a module's package, the module's name stands in no other place.
    return sys.orig_argv[-len(sys.argv)] if script == "-m" else pathlib.Path(script).stem
