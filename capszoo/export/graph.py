"""The graph of a model in TensorFlow, as raw examples go in and named outputs come out."""

import contextlib
import math
from collections.abc import Sequence

import keras

from capszoo import kernels


def input_dtype(model) -> str:
    """Names the dtype of what goes into an export: pictures come as bytes, as files hold them.

    Args:
        model: A `CapsuleModel`.

    Returns:
        A name: `"uint8"` for pictures whose values are rescaled from 0 to 255, else the dtype of
        the model's input.

    Example:

    >>> capszoo.export.graph.input_dtype(capszoo.load("capsnet_digits"))
    'uint8'
    """
    rescaling = getattr(model, "rescaling", None)
    if rescaling is not None and math.isclose(rescaling, 1 / 255, rel_tol=1e-3):
        return "uint8"
    return keras.backend.standardize_dtype(model.inputs[0].dtype)


def with_graph(model, outputs: Sequence[str], within=contextlib.nullcontext):
    """Gives the graph of a model that runs on TensorFlow, of any number of examples at a time.

    It is made without kernels: these make room for training, by loops and gradients of their own,
    and not every runtime has what they are made of. Its weights are constants in it: not every
    runtime has variables.

    Args:
        model: A `CapsuleModel`.
        outputs: Names of its outputs.
        within: Makes the context in which the graph is made. Defaults to one that does nothing.

    Returns:
        A `tf.Module` with the function `answer`, which takes the input by its name and gives a
        dictionary.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    (entry,) = model.inputs
    part = keras.Model(entry, {name: model.output[name] for name in outputs})
    spec = tf.TensorSpec(entry.shape, input_dtype(model), name=entry.name)

    @tf.function(input_signature=[spec], autograph=False)
    def with_variables(examples):
        found = part(tf.cast(examples, entry.dtype), training=False)
        return {name: tf.cast(found[name], "float32") for name in outputs}

    with kernels.disabled(), within():
        concrete = with_variables.get_concrete_function()
    constant = convert_variables_to_constants_v2(concrete)

    @tf.function(input_signature=[spec], autograph=False)
    def answer(examples):
        return tf.nest.pack_sequence_as(concrete.structured_outputs, constant(examples))

    module = tf.Module()
    module.answer = answer
    return module
