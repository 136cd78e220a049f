"""Every convolution of every preset by itself, of the sizes it has there."""

import math

import keras
import numpy as np
from keras import ops

from capszoo import zoo
from capszoo.benchmarks import counting
from capszoo.benchmarks.compiled import compiled
from capszoo.benchmarks.step import INFERENCE
from capszoo.benchmarks.step import TRAINING
from capszoo.benchmarks.step import Step
from capszoo.layers.capsule_layer import CapsuleLayer
from capszoo.models import get_family
from capszoo.ops import block_diagonal

CONVOLUTIONS = "convolutions"


def convolution_steps(batch):
    """Makes the steps of what has windows in the presets: convolutions, and votes made by them.

    Args:
        batch: Number of samples.

    Returns:
        List of `Step`, two for each layer that is not like another: its result, and the gradient
        of all it is computed from. A variant says class, input, window, steps and weights.
    """
    found = {}
    for name in zoo.list_presets():
        preset = zoo.read_preset(name)
        model = get_family(preset.family)(**preset.model)
        for layer in _with_windows(model):
            found.setdefault(_describe(layer), layer)
    return [
        Step(
            CONVOLUTIONS,
            description,
            kind,
            batch,
            _run(layer, batch, gradient=kind == TRAINING),
            times * counting.count_layer(layer, *_shapes(layer, batch)),
            times * _memory(layer, batch),
        )
        for kind, times in ((INFERENCE, 1), (TRAINING, counting.TRAINING))
        for description, layer in found.items()
    ]


def _with_windows(layer):
    """The layers within that have windows; what these are made of is theirs."""
    for inner in layer._flatten_layers(include_self=False, recursive=False):
        if hasattr(inner, "kernel_size") and inner.trainable_weights:
            yield inner
        else:
            yield from _with_windows(inner)


def _input_shape(layer, batch):
    """Shape of what a layer was built for: of the poses, where activations come with them."""
    shape = layer.get_build_config()["input_shape"]
    shape = shape[0] if isinstance(shape[0], (list, tuple)) else shape
    return (batch, *shape[1:])


def _describe(layer):
    size = "x".join(map(str, _input_shape(layer, 1)[1:]))
    window, steps = ("x".join(map(str, pair)) for pair in (layer.kernel_size, layer.strides))
    weights = math.prod(_kernel(layer).shape)
    return f"{type(layer).__name__} {size}, {window} by {steps}, {weights:,} weights"


def _kernel(layer):
    """The largest weight of a layer, its kernel."""
    return max(layer.trainable_weights, key=lambda weight: math.prod(weight.shape))


def _shapes(layer, batch):
    inputs = _input_shape(layer, batch)
    outputs = layer.compute_output_shape(inputs)
    return inputs, outputs[0] if isinstance(outputs[0], tuple) else outputs


def _memory(layer, batch):
    return 4 * sum(map(math.prod, (*_shapes(layer, batch), _kernel(layer).shape)))


def _run(layer, batch, gradient):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=_input_shape(layer, batch)).astype("float32")
    weights = layer.trainable_variables
    if isinstance(layer, CapsuleLayer):
        # Their routing is measured elsewhere: here their votes.
        weights = [layer.kernel]
    weights = [ops.convert_to_numpy(weight) for weight in weights]
    constants = [variable.value for variable in layer.non_trainable_variables]

    def function(inputs, *weights):
        if isinstance(layer, CapsuleLayer):
            (kernel,) = weights
            if layer.transform == "matrix":
                kernel = block_diagonal(kernel)
            return layer.compute_votes(inputs, kernel)
        outputs, _ = layer.stateless_call(list(weights), constants, inputs)
        flat = [ops.reshape(one, (batch, -1)) for one in keras.tree.flatten(outputs)]
        return ops.concatenate(flat, axis=-1)

    return compiled(function, [inputs, *weights], gradient=gradient)
