"""Dynamic routing of the paper's class capsules by itself."""

import numpy as np
from keras import ops

from capszoo.benchmarks import counting
from capszoo.benchmarks.compiled import compiled
from capszoo.benchmarks.naive import NaiveDynamicRouting
from capszoo.benchmarks.step import AT_ONCE
from capszoo.benchmarks.step import DEFAULT
from capszoo.benchmarks.step import INFERENCE
from capszoo.benchmarks.step import NAIVE
from capszoo.benchmarks.step import TRAINING
from capszoo.benchmarks.step import Step
from capszoo.benchmarks.step import describe_setting
from capszoo.ops import Geometry
from capszoo.ops import LazyVotes
from capszoo.ops import dense_votes
from capszoo.routing import DynamicRouting

ROUTING = "routing"

# The class capsules of the paper's CapsNet.
_CHILDREN, _CHILD_DIM, _PARENTS, _POSE_DIM, _ITERATIONS = 1152, 8, 10, 16, 3


def routing_steps(batch, settings=()):
    """Makes the steps of routing: straightforward, of votes made at once, and as layers do it.

    Args:
        batch: Number of samples.
        settings: Pairs of a name and a value, an argument of `DynamicRouting`; each makes one
            more variant. Defaults to `()`.

    Returns:
        List of `Step`, those of one kind next to each other.

    Raises:
        ValueError: If a setting is not an argument of `DynamicRouting`.
    """
    rng = np.random.default_rng(0)
    arguments = [
        rng.normal(size=shape).astype("float32") * scale
        for shape, scale in (
            ((batch, _CHILDREN, _CHILD_DIM), 0.3),
            ((_CHILDREN, _CHILD_DIM, _PARENTS, _POSE_DIM), 0.1),
            ((_PARENTS, _POSE_DIM), 0.1),
        )
    ]
    variants = [
        (NAIVE, NaiveDynamicRouting(_ITERATIONS), _route),
        (AT_ONCE, DynamicRouting(_ITERATIONS), _combine),
        (DEFAULT, DynamicRouting(_ITERATIONS), _route),
    ]
    for name, value in settings:
        variants.append((describe_setting(name, value), _routing_with(name, value), _route))
    votes = batch * _CHILDREN * _PARENTS * _POSE_DIM
    memory = 4 * sum(argument.size for argument in arguments) + 4 * batch * _PARENTS * _POSE_DIM
    return [
        Step(
            ROUTING,
            variant,
            kind,
            batch,
            compiled(_function_of_bias(routing, form), arguments, gradient=kind == TRAINING),
            times * counting.count_votes(votes, _CHILD_DIM, 2 * routing.iterations),
            times * memory,
        )
        for kind, times in ((INFERENCE, 1), (TRAINING, counting.TRAINING))
        for variant, routing, form in variants
    ]


def _routing_with(name, value):
    try:
        return DynamicRouting(**{"iterations": _ITERATIONS, name: value})
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Expected an argument of DynamicRouting, such as iterations=5. Received: "
            f"{name}={value}. {error}"
        ) from None


def _combine(routing, children, kernel):
    return routing.call(dense_votes(children, kernel))


def _route(routing, children, kernel):
    return routing.route(LazyVotes(children, kernel, Geometry.dense(_CHILDREN)))


def _function_of_bias(routing, form):
    routing.built = True

    def function(children, kernel, bias):
        routing.bias = bias if routing.use_bias else None
        return form(routing, children, ops.expand_dims(kernel, 2))

    return function
