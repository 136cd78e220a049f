"""Layers given numbers of every size: whether outputs and gradients stay finite.

    python -m tests.sweeps.numerics --count 500 --seed 0

Each case is a layer, of a routing, shape and dtype policy, with kernels or without, and an input
of a kind (constant, random, one spike, zeros, of many sizes) and a scale. The last lines count how
the cases ended, within the range where all is promised to be finite and beyond:

- finite: outputs, and gradients of inputs and weights, are
- infinite: some are infinite, none is NaN
- nan: some are NaN
- raised: an exception, by its class
- beyond float16: outputs are finite in float16 and gradients are not, of which some are out of
  its range, or nearly, in float32 too: infinite gradients are what loss scaling looks for

Promised are inputs up to 1e15 in float32 and bfloat16 and up to 1e4 in float16, all that is
smaller, down to the smallest normal number, and batches without samples. Beyond, up to 1e36,
nothing is NaN.
"""

import argparse
import collections
import contextlib
import dataclasses
import random

import keras
import numpy as np
from keras import ops

from capszoo import kernels
from capszoo import layers

ROUTINGS = [
    "dynamic", {"name": "dynamic", "agreement": "cosine"}, {"name": "dynamic", "leaky": True},
    {"name": "dynamic", "normalization": "sparsemax", "squash": "exponential"},
    {"name": "dynamic", "squash": "text", "stop_gradient": True}, "uniform", "deepcaps",
    "scaled_distance", {"name": "scaled_distance", "iterations": 3}, "self_attention",
    "inverted_attention", "cluster", "attention", "star", "interest",
    {"name": "interest", "stop_gradient": False, "adaptive": True}, "em",
    {"name": "em", "form": "paper", "iterations": 3}, {"name": "em", "variance_floor": 0.0},
    {"name": "em", "inverse_temperature": 1.0, "beta_activation_initializer": "zeros"},
    "variational_bayes", {"name": "variational_bayes", "batch_normalization": False},
    "self_routing", {"name": "self_routing", "kernel_initializer": "random_normal"},
]  # fmt: skip
POLICIES = ["float32", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16"]
KINDS = ["constant", "random", "spike", "zeros", "of many sizes"]
ACTIVATIONS = ["none given", "random", "zeros", "ones"]
SMALL = [1.2e-38, 1e-30, 1e-20, 1e-10]
WITHIN = {
    "float32": [*SMALL, 1e-5, 1e-2, 1.0, 1e2, 1e4, 1e6, 1e10, 1e15],
    "float16": [6.2e-5, 1e-3, 1e-1, 1.0, 1e2, 1e3, 1e4],
}
# Above, products within a convolution overflow, ours as Keras', whose difference is NaN: to bound
# features takes a small layer of primary capsules a fifth of its time.
BEYOND = {"float32": [1e17, 2e19, 1e25, 1e30, 1e36], "float16": [6e4, 1e6, 1e15]}
# Gradients are sums in float16, whose parts are larger than the whole.
_NEAR_LARGEST_FLOAT16 = 65504 / 16
# Making a layer, and compiling it, takes longer than all its inputs.
INPUTS_PER_LAYER = 8

_ROUTED = {
    "routing": ROUTINGS,
    "transform": ["full", "matrix"],
    "vote_bias": [None, "parents", "votes"],
    "recompute": [False, True],
}
_WINDOWS = {**_ROUTED, "padding": ["valid", "same"], "share_types": [False, True]}
_SQUASHES = {"squash": ["standard", "exponential", "text", None]}
# By name: the arguments a layer is made with, the shape of a sample, and options to draw from.
LAYERS = {
    "DenseCapsules": ((3, 4), (5, 4), _ROUTED),
    "ClassCapsules": ((3, 4), (3, 2, 2, 4), _ROUTED),
    "ConvCapsules1D": ((3, 4, 2, 2), (6, 2, 4), _WINDOWS),
    "ConvCapsules2D": ((3, 4, 2), (3, 3, 2, 4), {**_WINDOWS, "votes_from": ["types", "positions"]}),
    "ConvCapsules3D": ((2, 4, 2), (3, 3, 3, 1, 4), _WINDOWS),
    "TransposedConvCapsules2D": ((3, 4, 3, 2), (3, 3, 2, 4), _WINDOWS),
    "CapsuleCell": ((2, 4), (4, 4, 2, 4), {"routing": [None, "dynamic", "deepcaps"]}),
    "PrimaryCapsules": ((2, 4, 3), (5, 5, 3), _SQUASHES),
    "PrimaryCapsules1D": ((2, 4, 3), (7, 3), {"squash_power": [2, 4]}),
    "DepthwisePrimaryCapsules": ((4, 3), (5, 5, 8), {}),
    "ActivatedPrimaryCapsules": ((2, 4), (3, 3, 3), {"batch_normalization": [False, True]}),
    "CapsuleNormalization": ((), (3, 3, 2, 4), {}),
    "CapsuleLength": ((), (5, 4), {}),
    "ActivationToLength": ((), (5, 4), {}),
    "Conv2D": ((4, 3), (6, 6, 2), {"padding": ["valid", "same"]}),
    "ResidualCapsules": ((), (4, 4), {"routing": ROUTINGS}),
    "ConcurrentCapsules": ((), (4, 4), {"routing": ["inverted_attention"]}),
}
# These are drawn as often as all others together.
_ROUTED_LAYERS = [name for name, (_, _, options) in LAYERS.items() if "transform" in options]


@dataclasses.dataclass(frozen=True)
class Case:
    """A layer and what it is given."""

    layer: str
    options: dict
    policy: str
    kernels: bool
    batch: int
    kind: str
    scale: float
    activations: str

    def __str__(self):
        options = ", ".join(f"{key}={value}" for key, value in self.options.items())
        return (
            f"{self.layer}({options}) {self.policy}{'' if self.kernels else ' without kernels'}, "
            f"batch {self.batch}, {self.kind} {self.scale:g}, activations {self.activations}"
        )

    @property
    def within(self):
        """Whether the input is one for which all is promised to be finite."""
        return self.scale <= max(WITHIN[_range_of(self.policy)])


def _range_of(policy):
    return "float16" if policy.endswith("_float16") or policy == "float16" else "float32"


def cases(count, seed):
    """The cases of a seed; those of a layer stand next to each other."""
    draw = random.Random(seed)
    for number in range(count):
        if number % INPUTS_PER_LAYER == 0:
            name = draw.choice(_ROUTED_LAYERS if draw.random() < 0.7 else sorted(LAYERS))
            options = {key: draw.choice(values) for key, values in LAYERS[name][2].items()}
            policy, uses_kernels = draw.choice(POLICIES), draw.random() < 0.7
            batch = draw.choice([0, 1, 3, 3, 3, 3, 3, 3])
        scales = (BEYOND if draw.random() < 0.25 else WITHIN)[_range_of(policy)]
        yield Case(
            name, options, policy, uses_kernels, batch,
            draw.choice(KINDS), draw.choice(scales), draw.choice(ACTIVATIONS),
        )  # fmt: skip


def make_layer(case):
    """Makes and builds the layer of a case."""
    arguments, sample, _ = LAYERS[case.layer]
    options = {**case.options, "dtype": case.policy}
    if case.layer in ("ResidualCapsules", "ConcurrentCapsules"):
        inside = [layers.DenseCapsules(4, 4, **options) for _ in range(3)]
        layer = getattr(layers, case.layer)(inside, dtype=case.policy)
    else:
        layer = getattr(layers, case.layer)(*arguments, **options)
    shape = (None, *sample)
    layer.build([shape, shape[:-1]] if case.layer == "ActivationToLength" else shape)
    return layer


def inputs_of(case, layer):
    """Makes the layer's inputs as a list of float32 arrays."""
    rng = np.random.default_rng([len(str(case)), int(case.batch)])
    shape = (case.batch, *LAYERS[case.layer][1])
    poses = {
        "constant": lambda: np.ones(shape),
        "random": lambda: rng.uniform(-1, 1, shape),
        "spike": lambda: np.eye(1, int(np.prod(shape)), k=3).reshape(shape),
        "zeros": lambda: np.zeros(shape),
        "of many sizes": lambda: rng.choice([-1, 1], shape) * 10.0 ** rng.uniform(-8, 0, shape),
    }[case.kind]()
    activations = {
        "random": rng.uniform(0, 1, shape[:-1]),
        "zeros": np.zeros(shape[:-1]),
        "ones": np.ones(shape[:-1]),
        "none given": None,
    }[case.activations]
    explicit = getattr(getattr(layer, "routing", None), "explicit_activations", False)
    given = [(case.scale * poses).astype("float32")]
    if case.layer == "ActivationToLength" or (explicit and activations is not None):
        given.append(np.ones(shape[:-1]) if activations is None else activations)
    return [one.astype("float32") for one in given]


def _loss(outputs):
    """A mean of all outputs, each with another weight; of none it is zero."""
    total = 0.0
    for output in keras.tree.flatten(outputs):
        weights = np.cos(np.arange(np.prod(output.shape))).reshape(output.shape)
        weights /= max(weights.size, 1)
        total += ops.sum(ops.cast(output, "float32") * ops.convert_to_tensor(weights, "float32"))
    return total


def _call(layer, inputs, **arguments):
    return layer(inputs if len(inputs) > 1 else inputs[0], **arguments)


def outputs_and_gradients(layer):
    """Makes a function from inputs to outputs and the gradients of inputs and weights."""
    if keras.backend.backend() == "jax":
        import jax

        def total(trainable, inputs, other):
            given = inputs if len(inputs) > 1 else inputs[0]
            outputs, _ = layer.stateless_call(trainable, other, given)
            return _loss(outputs), outputs

        step = jax.jit(jax.grad(total, argnums=(0, 1), has_aux=True))

        def run(inputs):
            trainable, other = (
                [variable.value for variable in variables]
                for variables in (layer.trainable_variables, layer.non_trainable_variables)
            )
            found, outputs = step(trainable, inputs, other)
            return outputs, found

        return run
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        def run(inputs):
            inputs = [tf.constant(one) for one in inputs]
            trained = [variable.value for variable in layer.trainable_variables]
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                outputs = _call(layer, inputs)
                total = _loss(outputs)
            found = tape.gradient(total, [*inputs, *trained])
            return outputs, [one for one in found if one is not None]

        return run

    def run(inputs):
        inputs = [ops.convert_to_tensor(one).requires_grad_() for one in inputs]
        outputs = _call(layer, inputs)
        trained = [variable.value for variable in layer.trainable_variables]
        for one in trained:
            one.grad = None
        total = _loss(outputs)
        if total.requires_grad:
            total.backward()
        found = [one.grad for one in (*inputs, *trained) if one.grad is not None]
        return [one.detach() for one in keras.tree.flatten(outputs)], found

    return run


def ended(run, inputs):
    """How a case ended, and in which words."""
    try:
        outputs, found = run(inputs)
    except Exception as error:
        return f"raised {type(error).__name__}", " ".join(str(error).split())[:200]
    parts = {"outputs": outputs, "gradients": found}
    nan, infinite = [], []
    for name, structure in parts.items():
        arrays = [
            ops.convert_to_numpy(ops.cast(one, "float32")) for one in keras.tree.flatten(structure)
        ]
        nan += [name] if any(np.isnan(one).any() for one in arrays) else []
        infinite += [name] if any(np.isinf(one).any() for one in arrays) else []
    if nan:
        return "nan", " and ".join(nan)
    return ("infinite", " and ".join(infinite)) if infinite else ("finite", "")


def sweep(count, seed, verbose=()):
    """Tries cases; counts how they ended, by `(within, end)`."""
    ends, made = collections.Counter(), None
    for case in cases(count, seed):
        about = (case.layer, str(case.options), case.policy, case.kernels, case.batch)
        with contextlib.nullcontext() if case.kernels else kernels.disabled():
            if made is None or about != made[0]:
                keras.utils.set_random_seed(seed)
                layer = make_layer(case)
                made = about, layer, outputs_and_gradients(layer)
            _, layer, run = made
            before = layer.get_weights()
            inputs = inputs_of(case, layer)
            end, words = ended(run, inputs)
            layer.set_weights(before)
            in_float16 = words == "gradients" and _range_of(case.policy) == "float16"
            if in_float16 and largest_gradient(case, before, inputs) > _NEAR_LARGEST_FLOAT16:
                end = "beyond float16"
        ends[case.within, end] += 1
        if failed(case.within, end) or end.split()[0] in verbose:
            print("within" if case.within else "beyond", end, case, words, sep=" | ", flush=True)
    return ends


def largest_gradient(case, weights, inputs):
    """The largest number in the gradients that the case's layer has in float32."""
    layer = make_layer(dataclasses.replace(case, policy="float32"))
    layer.set_weights(weights)
    _, found = outputs_and_gradients(layer)(inputs)
    return max(float(ops.max(ops.abs(one))) for one in keras.tree.flatten(found))


def failed(within, end):
    """Whether a case ended as none should."""
    allowed = ("finite", "beyond float16") if within else ("finite", "beyond float16", "infinite")
    return end not in allowed


def main():
    """Parses the command line, sweeps and prints the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", nargs="*", default=[], help="ends to show beside failures")
    given = parser.parse_args()
    ends = sweep(given.count, given.seed, given.show)
    for (within, end), number in sorted(ends.items(), reverse=True):
        print(f"{number:6} {'within' if within else 'beyond'} {end}")


if __name__ == "__main__":
    main()
