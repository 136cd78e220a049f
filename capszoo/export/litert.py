"""LiteRT, once called TensorFlow Lite: one file for phones and small devices."""

import contextlib
import importlib.metadata
import pathlib
import re
import tempfile

import numpy as np

from capszoo.export import saved_model
from capszoo.export.graph import with_graph

# LiteRT multiplies matrices that stand in tensors of so many axes.
_MOST_AXES = 5


def write(model, path: pathlib.Path, outputs) -> None:
    """Writes a model that runs on TensorFlow.

    Args:
        model: A `CapsuleModel`.
        path: The file.
        outputs: Names of its outputs.

    Raises:
        ValueError: If LiteRT lacks an operation that the model needs.
    """
    import tensorflow as tf

    module = with_graph(model, outputs, within=_products_of_few_axes)
    with tempfile.TemporaryDirectory() as folder:
        saved_model.write_graph(module, pathlib.Path(folder, "model"))
        converter = tf.lite.TFLiteConverter.from_saved_model(
            f"{folder}/model", signature_keys=[saved_model.SIGNATURE]
        )
        try:
            content = converter.convert()
        except Exception as error:
            raise ValueError(
                f"Model '{model.name}' cannot be written for LiteRT, which {_reason(error)}. "
                "ONNX (.onnx) and SavedModel (.savedmodel) have what it needs."
            ) from error
    path.write_bytes(content)


@contextlib.contextmanager
def opened(path: pathlib.Path):
    """Opens the file in LiteRT.

    Args:
        path: The file.

    Yields:
        A function from an array of examples to a dictionary of arrays, and what runs it.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    runner = interpreter.get_signature_runner(saved_model.SIGNATURE)
    (name,) = runner.get_input_details()

    def run(x: np.ndarray) -> dict[str, np.ndarray]:
        return runner(**{name: x})

    yield run, f"LiteRT {importlib.metadata.version('ai-edge-litert')}"


@contextlib.contextmanager
def _products_of_few_axes():
    """Makes TensorFlow multiply many matrices in one row of them, whatever axes they stand in."""
    import tensorflow as tf

    multiply = tf.matmul

    def of_few_axes(a, b, **options):
        outer = a.shape[:-2].as_list()
        # Sizes that are not known, but for the batch, could not be had back.
        if a.shape.rank <= _MOST_AXES or outer != b.shape[:-2].as_list() or None in outer[1:]:
            return multiply(a, b, **options)
        rows = [tf.reshape(one, (-1, *one.shape[-2:])) for one in (a, b)]
        found = multiply(*rows, **options)
        return tf.reshape(found, (-1, *outer[1:], *found.shape[-2:]))

    tf.matmul = of_few_axes
    try:
        yield
    finally:
        tf.matmul = multiply


def _reason(error):
    """What the converter says it lacks, out of its pages of text."""
    text = str(error)
    lacking = re.search(r"TF Select ops: (.*)", text)
    operations = lacking.group(1) if lacking else None
    if not operations:
        operations = ", ".join(sorted(set(re.findall(r"'tf\.(\w+)' op is neither", text))))
    if operations:
        return f"has no operation {operations}"
    refused = re.search(r"'tfl?\.\w+' op .*", text)
    return f"says: {refused.group(0) if refused else text[:200]}"
