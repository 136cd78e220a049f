"""TensorFlow's SavedModel: a folder, for TensorFlow Serving and whatever else reads it."""

import contextlib
import pathlib

import numpy as np

from capszoo.export.graph import with_graph

SIGNATURE = "serving_default"


def write(model, path: pathlib.Path, outputs) -> None:
    """Writes a model that runs on TensorFlow.

    Args:
        model: A `CapsuleModel`.
        path: The folder, which does not exist.
        outputs: Names of its outputs.
    """
    write_graph(with_graph(model, outputs), path)


def write_graph(module, path: pathlib.Path) -> None:
    """Writes what `with_graph` gave."""
    import tensorflow as tf

    # Nothing is trained there.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(path), signatures={SIGNATURE: module.answer}, options=options)


@contextlib.contextmanager
def opened(path: pathlib.Path):
    """Opens the folder in TensorFlow.

    Args:
        path: The folder.

    Yields:
        A function from an array of examples to a dictionary of arrays, and what runs it.
    """
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    function = loaded.signatures[SIGNATURE]
    (name,) = function.structured_input_signature[1]

    def run(x: np.ndarray) -> dict[str, np.ndarray]:
        return {key: one.numpy() for key, one in function(**{name: tf.constant(x)}).items()}

    yield run, f"TensorFlow {tf.__version__}"
