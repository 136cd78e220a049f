"""What every routing must do. A new routing joins with one entry in `CASES`."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from capszoo import routing as routings
from tests.layer_checks import gradients
from tests.layer_checks import to_numpy


@keras.saving.register_keras_serializable(package="capszoo_tests")
class OwnVote(keras.initializers.Initializer):
    """Scores of children that are the sums of their own votes: no child is unlike another."""

    def __call__(self, shape, dtype=None):
        _, inputs, children = shape
        own = np.repeat(np.eye(children), inputs // children, axis=0)
        return keras.ops.convert_to_tensor(np.broadcast_to(own, shape), dtype=dtype)

    def get_config(self):
        return {}


@dataclasses.dataclass
class Case:
    """A routing under test.

    Args:
        name: Its name in the registry.
        arguments: Its arguments; children and parents must be alike, so no random initializers.
        sums: Over what its couplings sum to one: `"parents"`, `"parents and none"`,
            `"parents and positions"`, `"children"` or `"nothing"`.
        uniform: Arguments that leave its couplings uniform, if there are any.
        keep_length: Whether the parents' poses are shorter than 1.
        alike: Whether its weights are the same for all parents.
    """

    name: str
    arguments: dict = dataclasses.field(default_factory=dict)
    sums: str = "parents"
    uniform: dict | None = None
    keep_length: bool = True
    alike: bool = True

    def __str__(self):
        return "-".join([self.name, *self.arguments])

    def make(self, **kwargs):
        return routings.get(self.name, **{**self.arguments, **kwargs})


OWN_VOTE = keras.saving.serialize_keras_object(OwnVote())


@keras.saving.register_keras_serializable(package="capszoo_tests")
class AlikeForChildren(keras.initializers.Initializer):
    """Another number for each parent and each of what a pose holds, the same for all children."""

    def __call__(self, shape, dtype=None):
        one = np.random.default_rng(2).normal(size=shape[1:])
        return keras.ops.broadcast_to(keras.ops.convert_to_tensor(one, dtype), shape)

    def get_config(self):
        return {}


CASES = [
    Case("dynamic", uniform={"iterations": 1}),
    Case("dynamic", {"leaky": True}, sums="parents and none", uniform={"iterations": 1}),
    Case("dynamic", {"use_bias": False, "stop_gradient": True}),
    Case("dynamic", {"agreement": "cosine"}, uniform={"iterations": 1}),
    Case("dynamic", {"normalization": "sparsemax", "squash": "exponential"}),
    Case("dynamic", {"squash": "text"}),
    Case("deepcaps", sums="parents and positions", uniform={"iterations": 1}),
    Case("deepcaps", {"use_bias": False}, sums="parents and positions"),
    Case("uniform", uniform={}),
    Case("scaled_distance", uniform={"iterations": 1}),
    Case("scaled_distance", {"iterations": 3, "use_bias": False}),
    Case("self_attention"),
    Case("em", {"beta_activation_initializer": "zeros"}, uniform={"iterations": 1}),
    Case(
        "em",
        {"form": "paper", "iterations": 3, "inverse_temperature": 1.0},
        keep_length=False,
    ),
    Case("inverted_attention", uniform={"iterations": 1}, keep_length=False),
    Case("inverted_attention", {"iterations": 3}, keep_length=False),
    Case("cluster", {"cluster_size": 3}, sums="children", keep_length=False),
    Case(
        "attention",
        {"attention_initializer": OWN_VOTE, "pose_initializer": "ones"},
        sums="children",
        keep_length=False,
    ),
    Case("star", {"initializer": "ones"}, sums="nothing"),
    Case("interest", uniform={"iterations": 1}),
    Case("interest", {"iterations": 2, "stop_gradient": False}),
    Case("self_routing", uniform={}, keep_length=False),
    Case(
        "self_routing",
        {"kernel_initializer": AlikeForChildren(), "leaky": True},
        sums="parents and none",
        keep_length=False,
        alike=False,
    ),
]
PARENTS, CHILDREN, POSE = 4, 5, 3
each_case = pytest.mark.parametrize("case", CASES, ids=str)


def random_inputs(routing, batch=3, spatial=(), scale=1.0):
    """Random votes, and activations where the routing takes them."""
    rng = np.random.default_rng(1)
    shape = (batch, *spatial, PARENTS, CHILDREN * routing.votes_per_child, POSE)
    votes = (scale * rng.normal(size=shape)).astype("float32")
    if not (routing.explicit_activations or routing.needs_lengths):
        return votes, None
    return votes, rng.uniform(0.1, 0.9, size=(batch, *spatial, CHILDREN)).astype("float32")


def call(routing, votes, activations=None, **kwargs):
    """The routing's outputs; the poses that it may ask for are means of votes over the parents."""
    if routing.needs_poses:
        kwargs["poses"] = keras.ops.mean(keras.ops.convert_to_tensor(votes), axis=-3)
    return routing(votes, activations, **kwargs)


def build(routing, votes):
    """Builds the routing, so that its weights are made before a gradient is taken."""
    call(routing, *random_inputs(routing, votes.shape[0], votes.shape[1:-3]))


def run(routing, votes, activations, **kwargs):
    """The routing's outputs, flat, as float32 NumPy arrays."""
    outputs = call(routing, votes, activations, **kwargs)
    return [to_numpy(keras.ops.cast(x, "float32")) for x in keras.tree.flatten(outputs)]


def test_every_routing_is_covered():
    ours = {name for name in routings.names() if not name.startswith("test_")}
    assert ours == {case.name for case in CASES}


@each_case
def test_config_round_trip(case):
    routing = case.make(name="some_routing", dtype="mixed_bfloat16")
    again = routings.get(json.loads(json.dumps(routings.serialize(routing))))
    assert type(again) is type(routing)
    assert again.get_config() == routing.get_config()
    assert again.name == "some_routing"


@each_case
@pytest.mark.parametrize("spatial", [(), (2, 3)], ids=["dense", "map"])
def test_couplings(case, spatial):
    routing = case.make()
    votes, activations = random_inputs(routing, spatial=spatial)
    *_, coupling = run(routing, votes, activations, return_coupling=True)
    assert coupling.shape == (3, *spatial, PARENTS, CHILDREN)
    assert (coupling >= 0).all()
    total = coupling.sum(-1 if case.sums == "children" else -2)
    if case.sums == "parents and positions":
        total = total.sum(tuple(range(1, 1 + len(spatial))))
    if case.sums == "parents and none":
        assert (total < 1).all()
        assert (total > 0).all()
    elif case.sums == "nothing":
        assert (coupling <= 1).all()
    else:
        np.testing.assert_allclose(total, 1, atol=1e-5)
    # The couplings are each sample's own.
    if case.uniform != case.arguments and case.uniform != {}:
        assert np.abs(coupling[0] - coupling[1]).max() > 1e-4


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.name != "scaled_distance"], ids=str
)
def test_a_single_parent(case, rng):
    # Scaled-distance routing refuses it.
    # Warnings are errors: Keras has one for a softmax over a single number.
    votes = rng.normal(size=(2, 1, 6, 4)).astype("float32")
    routing = case.make()
    activations = np.full((2, 6), 0.5, "float32") if routing.explicit_activations else None
    *_, coupling = call(routing, votes, activations, return_coupling=True)
    coupling = to_numpy(coupling)
    assert np.isfinite(coupling).all()
    if case.sums.startswith("parents") and "none" not in case.sums:
        np.testing.assert_allclose(coupling, 1, atol=1e-5)


@pytest.mark.parametrize("case", [case for case in CASES if case.uniform is not None], ids=str)
def test_first_couplings_are_uniform(case):
    routing = case.make(**case.uniform)
    *_, coupling = run(routing, *random_inputs(routing), return_coupling=True)
    ways = PARENTS + (case.sums == "parents and none")
    np.testing.assert_allclose(coupling, 1 / ways, atol=1e-6)


@each_case
def test_poses(case):
    routing = case.make()
    outputs = run(routing, *random_inputs(routing, scale=10.0))
    assert outputs[0].shape == (3, PARENTS, POSE)
    assert all(np.isfinite(output).all() for output in outputs)
    if routing.explicit_activations:
        assert outputs[1].shape == (3, PARENTS)
        assert ((outputs[1] >= 0) & (outputs[1] <= 1)).all()
    elif case.keep_length:
        assert (np.square(outputs[0]).sum(-1) < 1 + 1e-6).all()


@each_case
def test_order_of_children_does_not_matter(case):
    routing = case.make()
    votes, activations = random_inputs(routing)
    order = np.random.default_rng(0).permutation(CHILDREN)
    blocks = votes.reshape(3, PARENTS, CHILDREN, -1, POSE)[:, :, order]
    *outputs, coupling = run(routing, votes, activations, return_coupling=True)
    *permuted, permuted_coupling = run(
        routing,
        blocks.reshape(votes.shape),
        None if activations is None else activations[:, order],
        return_coupling=True,
    )
    for one, other in zip(outputs, permuted, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5)
    np.testing.assert_allclose(permuted_coupling, coupling[..., order], atol=1e-5)


@each_case
@pytest.mark.parametrize("spatial", [(), (2,)], ids=["dense", "map"])
def test_a_missing_child_changes_nothing(case, spatial):
    routing = case.make()
    votes, activations = random_inputs(routing, spatial=spatial)
    there = np.array([True, False, True, True, False])
    kept = votes[..., np.repeat(there, routing.votes_per_child), :]
    some = None if activations is None else activations[..., there]
    expected = run(case.make(), kept, some, return_coupling=True)
    # In the place of those that are missing may stand anything, and nothing of it is seen.
    votes[..., np.repeat(~there, routing.votes_per_child), :] = np.nan
    if activations is not None:
        activations[..., ~there] = np.nan
    mask = np.broadcast_to(there, (3, *spatial, CHILDREN))
    *outputs, coupling = run(routing, votes, activations, mask=mask, return_coupling=True)
    for one, other in zip(outputs, expected, strict=False):
        np.testing.assert_allclose(one, other, atol=1e-5)
    np.testing.assert_allclose(coupling[..., there], expected[-1], atol=1e-5)
    np.testing.assert_array_equal(coupling[..., ~there], 0)


@each_case
def test_no_child_at_all(case):
    routing = case.make()
    votes, activations = random_inputs(routing)
    build(routing, votes)
    mask = np.zeros((3, CHILDREN), bool)
    outputs = run(routing, votes, activations, mask=mask)
    assert all(np.isfinite(output).all() for output in outputs)
    gradient = gradients(lambda votes: call(routing, votes, activations, mask=mask), votes)
    np.testing.assert_array_equal(gradient[0], 0)


@each_case
def test_a_mask_of_another_shape(case):
    routing = case.make()
    with pytest.raises(ValueError, match=r"mask of shape \(batch, 5\).*Received: .*\(3, 4\)"):
        call(routing, *random_inputs(routing), mask=np.ones((3, 4), bool))


@pytest.mark.parametrize("case", [case for case in CASES if case.alike], ids=str)
def test_permuting_parents_permutes_the_result(case):
    routing = case.make()
    votes, activations = random_inputs(routing)
    order = np.array([2, 0, 3, 1])
    outputs = run(routing, votes, activations, return_coupling=True)
    permuted = run(routing, votes[:, order], activations, return_coupling=True)
    for one, other in zip(outputs, permuted, strict=True):
        np.testing.assert_allclose(other, one[:, order], atol=1e-5)


@each_case
def test_batch_of_one_is_a_row_of_the_batch(case):
    routing = case.make()
    votes, activations = random_inputs(routing)
    outputs = run(routing, votes, activations)
    alone = run(routing, votes[1:2], None if activations is None else activations[1:2])
    for one, other in zip(outputs, alone, strict=True):
        np.testing.assert_allclose(other, one[1:2], atol=1e-5)


@each_case
def test_positions_route_by_themselves(case):
    routing = case.make()
    votes, activations = random_inputs(routing, spatial=(2, 2))
    outputs = run(routing, votes, activations)
    routing = case.make()
    at_one = None if activations is None else activations[:, 1, 0]
    # Scaled-distance routing takes its mean over a sample, positions included; of a child that
    # competes for positions too there is less for each.
    if case.name != "scaled_distance" and case.sums != "parents and positions":
        for one, other in zip(outputs, run(routing, votes[:, 1, 0], at_one), strict=True):
            np.testing.assert_allclose(other, one[:, 1, 0], atol=1e-5)


@each_case
def test_finite_at_zero_votes(case):
    routing = case.make()
    votes, activations = random_inputs(routing)
    build(routing, votes)
    votes = np.zeros_like(votes)
    assert all(np.isfinite(output).all() for output in run(routing, votes, activations))
    (gradient,) = gradients(lambda votes: call(routing, votes, activations), votes)
    assert np.isfinite(gradient).all()


@each_case
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(case, dtype):
    expected = run(case.make(), *random_inputs(case.make()))
    for scale in (1.0, 80.0):
        routing = case.make(dtype=f"mixed_{dtype}")
        inputs = random_inputs(routing, scale=scale)
        outputs = keras.tree.flatten(call(routing, *inputs))
        assert {keras.backend.standardize_dtype(output.dtype) for output in outputs} == {dtype}
        outputs = run(routing, *inputs)
        assert all(np.isfinite(output).all() for output in outputs)
        if scale == 1.0:
            for low, full in zip(outputs, expected, strict=True):
                np.testing.assert_allclose(low, full, rtol=0.1, atol=0.05)


@each_case
@pytest.mark.parametrize("return_coupling", [False, True])
def test_symbolic_shapes_equal_eager_ones(case, return_coupling):
    votes, activations = random_inputs(case.make(), spatial=(2, 3))
    eager = run(case.make(), votes, activations, return_coupling=return_coupling)
    symbols = [
        None if x is None else keras.KerasTensor((None, *x.shape[1:])) for x in (votes, activations)
    ]
    symbolic = keras.tree.flatten(call(case.make(), *symbols, return_coupling=return_coupling))
    assert [x.shape for x in symbolic] == [(None, *x.shape[1:]) for x in eager]


@pytest.mark.parametrize(
    "name",
    sorted({case.name for case in CASES if "iterations" in case.make().get_config()}),
)
@pytest.mark.parametrize("iterations", [0, -1, 1.5, True])
def test_iterations_are_checked(name, iterations):
    with pytest.raises(ValueError, match=r"`iterations`, expected a positive integer"):
        routings.get(name, iterations=iterations)


@each_case
def test_activations_where_there_are_none(case):
    routing = case.make()
    votes, activations = random_inputs(routing)
    if activations is None:
        with pytest.raises(ValueError, match=r"activations of shape \(3, 5\)"):
            call(routing, votes, np.ones((3, CHILDREN), "float32"))
    elif routing.explicit_activations:
        with pytest.raises(ValueError, match="activations=None"):
            call(routing, votes)
