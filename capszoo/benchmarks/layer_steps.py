"""Capsule layers by themselves, of the sizes they have in the papers' networks."""

import keras
import numpy as np
from keras import ops

from capszoo import layers
from capszoo import routing
from capszoo.benchmarks import counting
from capszoo.benchmarks.compiled import compiled
from capszoo.benchmarks.naive import naive
from capszoo.benchmarks.step import INFERENCE
from capszoo.benchmarks.step import NAIVE
from capszoo.benchmarks.step import TRAINING
from capszoo.benchmarks.step import UCAPS3D
from capszoo.benchmarks.step import Step
from capszoo.benchmarks.ucaps3d_routing import UCaps3DRouting

# Shape of the children's poses, and arguments: class capsules of CapsNet, the first capsule layer
# of the small network with EM routing, that of 3D-UCaps after its primary capsules, of a volume of
# 48x64x48, and the last capsule layer of the small network with EM routing.
_LAYERS = {
    "DenseCapsules": ((1152, 8), {"num_capsules": 10, "pose_dim": 16, "routing": "dynamic"}),
    "ConvCapsules2D": (
        (14, 14, 8, 16),
        {
            "num_capsules": 16,
            "pose_dim": 16,
            "kernel_size": 3,
            "strides": 2,
            "votes_from": "positions",
            "transform": "matrix",
            "routing": "em",
        },
    ),
    "ConvCapsules3D": (
        (48, 64, 48, 16, 4),
        {
            "num_capsules": 16,
            "pose_dim": 8,
            "kernel_size": 3,
            "strides": 2,
            "padding": "same",
            "vote_bias": "parents",
            "routing": {"name": "dynamic", "agreement": "cosine"},
        },
    ),
    "ClassCapsules": (
        (4, 4, 16, 16),
        {"num_capsules": 5, "pose_dim": 16, "transform": "matrix", "routing": "em"},
    ),
}


def layer_names():
    """Lists the layers that can be measured.

    Returns:
        List of class names.
    """
    return list(_LAYERS)


def layer_steps(subject, variant, batch, settings):
    """Makes the steps of one layer: its result, and the gradient of all it is computed from.

    Args:
        subject: A name of `layer_names()`.
        variant: What this way is called.
        batch: Number of samples.
        settings: Dictionary of arguments of the layer; a `routing` of `"naive"` is the
            straightforward implementation of its own, of `UCAPS3D` that of 3D-UCaps.

    Returns:
        The two `Step`.

    Raises:
        ValueError: If an argument is unknown or not as the layer takes it.
    """
    poses_shape, arguments = _LAYERS[subject]
    arguments = {**arguments, **settings}
    make = getattr(layers, subject)
    if arguments["routing"] == NAIVE:
        arguments["routing"] = naive(routing.get(_LAYERS[subject][1]["routing"]))
    elif arguments["routing"] == UCAPS3D:
        arguments["routing"] = UCaps3DRouting(agreement="cosine")
    layer = make(**arguments)
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(batch, *poses_shape)).astype("float32")]
    if layer.routing.explicit_activations:
        inputs.append(rng.random((batch, *poses_shape[:-1])).astype("float32"))
    symbols = [keras.Input(one.shape[1:]) for one in inputs]
    model = keras.Model(symbols, layer(_one_or_all(symbols)))
    operations, memory = counting.count_model(model, batch)
    weights = [ops.convert_to_numpy(weight) for weight in layer.trainable_variables]
    constants = [variable.value for variable in layer.non_trainable_variables]

    def function(*arguments):
        given, weights = arguments[: len(inputs)], arguments[len(inputs) :]
        outputs, _ = layer.stateless_call(list(weights), constants, _one_or_all(list(given)))
        if not layer.routing.explicit_activations:
            return outputs
        poses, activations = outputs
        return ops.concatenate([poses, ops.expand_dims(activations, -1)], axis=-1)

    return [
        Step(
            subject,
            variant,
            kind,
            batch,
            compiled(function, [*inputs, *weights], gradient=kind == TRAINING),
            times * operations,
            times * memory,
        )
        for kind, times in ((INFERENCE, 1), (TRAINING, counting.TRAINING))
    ]


def _one_or_all(tensors):
    return tensors[0] if len(tensors) == 1 else tensors
