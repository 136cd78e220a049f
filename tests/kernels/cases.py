"""What every kernel of an algorithm must compute, and how one is made to compute it."""

import dataclasses
import functools
import importlib
import pkgutil

import numpy as np
import pytest
from keras import ops

from capszoo import kernels
from capszoo import routing as routings
from capszoo.kernels import fused_passes
from capszoo.layers import ConvCapsules2D
from capszoo.layers import DenseCapsules
from capszoo.layers import TransposedConvCapsules2D
from tests.layer_checks import gradients
from tests.layer_checks import value_and_gradients

PARENTS, POSE_DIM, CHILD_DIM = 4, 5, 3
# What a tile or a chunk may hold in these tests: odd numbers of samples fill more than one.
ROWS = 4
TYPES = {"kernel_size": 3, "padding": "same", "share_types": True}
POSITIONS = {"votes_from": "positions", "kernel_size": 3}
# Twice as many rows of parents as of children: more than a tile holds.
FINER = {"transposed": True, "kernel_size": 4, "strides": 2, "padding": "same"}


@dataclasses.dataclass
class Case:
    """A routing, the layer around it and a batch.

    Args:
        routing: Config of the routing.
        convolution: Arguments of `ConvCapsules2D`, or of `TransposedConvCapsules2D` where
            `transposed` is among them; `None` for dense capsules. Defaults to `None`.
        vote_bias: As in `CapsuleLayer`. Defaults to `None`.
        recompute: As in `CapsuleLayer`. Defaults to `False`.
        batch: Number of samples. Defaults to 11.
        coupling: Whether the coupling is asked for. Defaults to `True`.
    """

    routing: dict
    convolution: dict | None = None
    vote_bias: str | None = None
    recompute: bool = False
    batch: int = 2 * ROWS + 3
    coupling: bool = True

    def __str__(self):
        own = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name != "routing" and getattr(self, field.name) != field.default
        }
        return ",".join(f"{key}={value}" for key, value in {**self.routing, **own}.items())

    @property
    def sizes(self):
        """Sizes of the layer's input, without the batch."""
        return (7, CHILD_DIM) if self.convolution is None else (4, 4, 2, CHILD_DIM)

    def make_layer(self, dtype="float32"):
        shared = {
            "routing": self.routing,
            "vote_bias": self.vote_bias,
            "recompute": self.recompute,
            "kernel_initializer": "normal",
            "dtype": dtype,
        }
        if self.convolution is None:
            layer = DenseCapsules(PARENTS, POSE_DIM, **shared)
        else:
            options = dict(self.convolution)
            maps = TransposedConvCapsules2D if options.pop("transposed", False) else ConvCapsules2D
            layer = maps(PARENTS, POSE_DIM, **options, **shared)
        layer.build((None, *self.sizes))
        return layer

    @functools.cached_property
    def layer(self):
        """One for all tests, whose own weights are in the way of none."""
        return self.make_layer()

    def values(self, rng):
        """What the outputs are a function of: poses, transforms, activations, other weights."""
        layer = self.layer
        values = {"poses": rng.normal(size=(self.batch, *self.sizes))}
        values["kernel"] = rng.normal(size=layer.kernel.shape)
        if layer.routing.explicit_activations:
            values["activations"] = rng.uniform(0.05, 1.0, size=(self.batch, *self.sizes[:-1]))
        if layer.bias is not None:
            values["offset"] = rng.normal(size=layer.bias.shape)
        for weight in layer.routing.weights:
            values[weight.name] = rng.normal(size=weight.shape)
        return {name: value.astype("float32") for name, value in values.items()}

    def asked(self, values):
        """The routing, and what its `route` is to be given for these tensors."""
        layer, values = self.layer, dict(values)
        poses, activations = values.pop("poses"), values.pop("activations", None)
        if activations is not None:
            activations = layer.arrange_activations(activations)
        votes = dataclasses.replace(
            layer.lazy_votes(poses), kernel=values.pop("kernel"), offset=values.pop("offset", None)
        )
        # Unbuilt, it has no weights of its own in the way of these tensors.
        routing = routings.get(self.routing)
        routing.built, routing.bias = True, None
        for name, value in values.items():
            setattr(routing, name, value)
        arguments = {"return_coupling": self.coupling, **layer.routing_arguments()}
        if routing.needs_poses:
            arguments["poses"] = layer.arrange_poses(poses)
        return routing, (votes, activations), arguments

    def outputs(self, values):
        """Routes lazy votes of these tensors: a tuple of outputs."""
        routing, tensors, arguments = self.asked(values)
        outputs = routing.route(*tensors, **arguments)
        return outputs if isinstance(outputs, tuple) else (outputs,)

    def has_kernel(self, values):
        """Whether the routing finds a kernel."""
        routing, tensors, arguments = self.asked(values)
        return routing.select_kernel(*tensors, **arguments) is not None

    def joined(self, values):
        """The outputs as one tensor, one pose, activation and coupling beside the other."""
        outputs = self.outputs(values)
        rank = len(outputs[0].shape)
        return ops.concatenate(
            [one if len(one.shape) == rank else ops.expand_dims(one, -1) for one in outputs], -1
        )


COSINE = {"name": "dynamic", "agreement": "cosine"}


def em(iterations, **options):
    return {"name": "em", "iterations": iterations, "inverse_temperature": 0.05, **options}


def variational_bayes(iterations):
    return {"name": "variational_bayes", "iterations": iterations, "batch_normalization": False}


CASES = {
    "dynamic": [
        Case({"name": "dynamic", "iterations": 1}),
        Case({"name": "dynamic"}),
        Case({"name": "dynamic"}, coupling=False, batch=ROWS),
        Case({"name": "dynamic", "iterations": 2, "leaky": True}),
        Case({"name": "dynamic", "stop_gradient": True}, batch=1),
        Case({"name": "dynamic", "squash": "exponential"}),
        Case({"name": "dynamic", "squash": "text"}, coupling=False),
        Case({"name": "uniform"}, TYPES, "parents", coupling=False),
        Case({"name": "uniform"}, {**POSITIONS, "strides": 2}, "votes", coupling=False),
        Case({"name": "uniform"}, FINER, coupling=False, batch=2),
        Case({"name": "dynamic"}, TYPES, coupling=False),
        Case(COSINE, {"kernel_size": 2}, "parents", coupling=False, batch=ROWS),
        Case(COSINE, {**FINER, "share_types": True}, "votes", True, batch=2, coupling=False),
        Case({"name": "dynamic", "leaky": True}, FINER, coupling=False, batch=1),
        Case({"name": "dynamic", "stop_gradient": True}, POSITIONS, coupling=False, batch=3),
        Case({**COSINE, "stop_gradient": True}, POSITIONS, coupling=False, batch=2),
    ],
    "deepcaps": [
        Case({"name": "deepcaps", "iterations": 1}, TYPES),
        Case({"name": "deepcaps"}, TYPES),
        Case({"name": "deepcaps"}, TYPES, "parents", coupling=False, batch=ROWS),
        Case({"name": "deepcaps", "iterations": 4}, {"kernel_size": 2}, batch=1),
        Case({"name": "deepcaps"}, POSITIONS, recompute=True, batch=2),
        Case({"name": "deepcaps"}, batch=3),
    ],
    "em": [
        Case(em(1), batch=1),
        Case(em(3)),
        Case(em(3), batch=ROWS, coupling=False),
        Case(em(1), POSITIONS, batch=2),
        Case(em(3), POSITIONS, batch=7),
        Case(em(2), {**POSITIONS, "strides": 2, "padding": "same"}, batch=7),
        Case(
            {"name": "em", "form": "paper", "inverse_temperature": 1.0},
            {**POSITIONS, "strides": 2, "padding": "same"},
            batch=2,
        ),
        Case(em(2), {"kernel_size": 2, "share_types": True}, "votes", recompute=True, batch=2),
    ],
    "variational_bayes": [
        Case(variational_bayes(3)),
        Case(variational_bayes(3), batch=ROWS, coupling=False),
        Case(variational_bayes(1), POSITIONS, batch=2),
        Case(variational_bayes(3), POSITIONS, batch=7),
        Case(variational_bayes(2), {**POSITIONS, "strides": 2, "padding": "same"}, batch=7),
        Case(
            variational_bayes(2),
            {"kernel_size": 2, "share_types": True},
            "votes",
            recompute=True,
            batch=2,
        ),
    ],
    "cluster": [
        Case({"name": "cluster", "cluster_size": 5}),
        Case({"name": "cluster", "cluster_size": 5}, None, "parents", batch=ROWS, coupling=False),
        Case({"name": "cluster", "cluster_size": 5}, None, "votes", recompute=True),
        Case({"name": "cluster", "cluster_size": 2}, {"kernel_size": 3}, "votes", batch=1),
        Case({"name": "cluster", "cluster_size": 3}, POSITIONS, recompute=True, batch=3),
    ],
    "in_tiles": [
        Case({"name": "attention"}),
        Case({"name": "attention", "activation": None, "use_bias": False}, POSITIONS, batch=7),
        Case({"name": "attention"}, {"kernel_size": 2, "share_types": True}, "votes", True, 7),
        Case({"name": "star"}, None, "parents", coupling=False),
        Case({"name": "star"}, {"kernel_size": 3}, "votes", batch=5),
        Case({"name": "interest"}),
        Case({"name": "interest", "stop_gradient": False}, POSITIONS, batch=6, coupling=False),
    ],
    "inverted_attention": [
        Case({"name": "inverted_attention"}),
        Case({"name": "inverted_attention", "iterations": 3}, coupling=False, batch=ROWS),
        Case({"name": "inverted_attention", "iterations": 1}, batch=1),
        Case({"name": "inverted_attention"}, POSITIONS, batch=7),
        Case({"name": "inverted_attention", "iterations": 3}, {"kernel_size": 3}, coupling=False),
    ],
    "self_routing": [
        Case({"name": "self_routing"}),
        Case({"name": "self_routing", "leaky": True}, None, "parents", batch=ROWS, coupling=False),
        Case({"name": "self_routing"}, {"kernel_size": 2}, "votes", recompute=True, batch=1),
        Case({"name": "self_routing"}, {**POSITIONS, "padding": "same"}, batch=2),
    ],
    "self_attention": [
        Case({"name": "self_attention"}, coupling=False),
        Case({"name": "self_attention"}, coupling=True, batch=1),
    ],
}


def implementations():
    """Every implementation behind every door, as pairs with the name of its algorithm."""
    for name in CASES:
        for implementation in getattr(kernels, name).IMPLEMENTATIONS:
            short = getattr(implementation, "__name__", str(implementation)).rpartition(".")[2]
            yield pytest.param(name, implementation, id=short)


each_implementation = pytest.mark.parametrize(
    ("algorithm", "implementation"), list(implementations())
)


def ask_only(monkeypatch, algorithm, implementation):
    """Leaves a door with one implementation, in tiles of few samples.

    Thresholds that tell what pays off, `_MIN_...` of the kernels' modules, are none, and programs
    for a GPU are run by JAX itself.
    """
    for module in pkgutil.iter_modules(kernels.__path__, "capszoo.kernels."):
        module = importlib.import_module(module.name)
        for name in vars(module):
            if name.startswith("_MIN_"):
                monkeypatch.setattr(module, name, 0)
            if name == "_MAX_ROWS_PER_TILE":
                monkeypatch.setattr(module, name, ROWS)
        if hasattr(module, "rows_per_tile"):
            monkeypatch.setattr(module, "rows_per_tile", lambda bytes_per_row: ROWS)

    passes = functools.partial(
        fused_passes.FusedPasses,
        interpret=True,
        gradient_bytes=4 * ROWS * (2 * ROWS + 3) * PARENTS * POSE_DIM,
    )
    monkeypatch.setattr(fused_passes, "FusedPasses", passes)
    monkeypatch.setattr(fused_passes, "has_fitting_gpu", lambda: True)
    monkeypatch.setattr(getattr(kernels, algorithm), "IMPLEMENTATIONS", [implementation])


def tensors(values):
    return {name: ops.convert_to_tensor(value) for name, value in values.items()}


def of_arrays(function, values):
    """A function of a dictionary of arrays as one of the arrays."""
    return lambda *arrays: function(tensors(dict(zip(values, arrays, strict=True))))


def gradients_of(function, values):
    """The gradients of a function of a dictionary of arrays, by name."""
    found = gradients(of_arrays(function, values), *values.values())
    return dict(zip(values, found, strict=True))


def check_as_equations(case, values, tolerance=1e-5):
    """Compares values, and gradients of each number by another weight, with the routing's call.

    Sums of other order differ by what the largest number is rounded by.
    """
    function = of_arrays(case.joined, values)
    with kernels.disabled():
        expected, theirs = value_and_gradients(function, *values.values())
    found, mine = value_and_gradients(function, *values.values())
    largest = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * largest)
    for name, one, other in zip(values, mine, theirs, strict=True):
        assert np.abs(other).max() > 1e-6, name
        np.testing.assert_allclose(
            one, other, rtol=1e-4, atol=1e-4 * np.abs(other).max(), err_msg=name
        )
