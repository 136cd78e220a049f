"""ONNX: one file for onnxruntime and the many programs that read it."""

import contextlib
import importlib.metadata
import pathlib

import numpy as np

from capszoo.export.graph import with_graph

# Old enough for runtimes of the last years.
OPSET = 17


def write(model, path: pathlib.Path, outputs) -> None:
    """Writes a model that runs on TensorFlow.

    Args:
        model: A `CapsuleModel`.
        path: The file.
        outputs: Names of its outputs.
    """
    import tf2onnx

    module = with_graph(model, outputs)
    proto, _ = tf2onnx.convert.from_function(
        module.answer,
        input_signature=module.answer.input_signature,
        opset=OPSET,
        custom_op_handlers=_HANDLERS,
    )
    for one in (*proto.graph.input, *proto.graph.output):
        for axis, size in enumerate(one.type.tensor_type.shape.dim):
            if size.dim_param:
                size.dim_param = f"{one.name}_{axis}" if axis else "batch"
    path.write_bytes(proto.SerializeToString())


@contextlib.contextmanager
def opened(path: pathlib.Path):
    """Opens the file in onnxruntime, on the CPU.

    Args:
        path: The file.

    Yields:
        A function from an array of examples to a dictionary of arrays, and what runs it.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    names = [one.name for one in session.get_outputs()]

    def run(x: np.ndarray) -> dict[str, np.ndarray]:
        return dict(zip(names, session.run(names, {entry.name: x}), strict=True))

    yield run, f"onnxruntime {importlib.metadata.version('onnxruntime')}"


def _log1p(graph, node, *_):
    one = graph.make_const(f"{node.name}_one", np.ones((), "float32")).output[0]
    total = graph.make_node("Add", [node.input[0], one]).output[0]
    _replace(graph, node, "Log", [total])


def _expm1(graph, node, *_):
    one = graph.make_const(f"{node.name}_one", np.ones((), "float32")).output[0]
    power = graph.make_node("Exp", [node.input[0]]).output[0]
    _replace(graph, node, "Sub", [power, one])


def _replace(graph, node, operation, inputs):
    outputs, shapes, dtypes = list(node.output), node.output_shapes, node.output_dtypes
    graph.remove_node(node.name)
    graph.make_node(
        operation, inputs, name=node.name, outputs=outputs, shapes=shapes, dtypes=dtypes
    )


# Operations of TensorFlow that tf2onnx has no words for.
_HANDLERS: dict[str, tuple] = {"Log1p": (_log1p, []), "Expm1": (_expm1, [])}
