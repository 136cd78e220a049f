"""What can be measured: steps of a network, and dynamic routing by itself."""

import dataclasses
from collections.abc import Callable

import numpy as np
from keras import ops

from capszoo import zoo
from capszoo.benchmarks import counting
from capszoo.benchmarks.compiled import compiled
from capszoo.benchmarks.naive import NaiveDynamicRouting
from capszoo.benchmarks.naive import naive
from capszoo.models import get_family
from capszoo.models import list_models
from capszoo.ops import dense_votes
from capszoo.routing import DynamicRouting
from capszoo.routing import UnmadeVotes

ROUTING = "routing"
DEFAULT = "default"
NAIVE = "naive"

# The class capsules of the paper's CapsNet.
_CHILDREN, _CHILD_DIM, _PARENTS, _POSE_DIM, _ITERATIONS = 1152, 8, 10, 16, 3
# Settings that are not arguments of a model.
_POLICY, _JIT = "dtype", "jit_compile"


@dataclasses.dataclass(frozen=True)
class Step:
    """One way to do one thing to one batch.

    Attributes:
        subject: What is measured, as it was asked for.
        variant: Which way.
        kind: `"inference"` or `"training"`.
        batch: Number of samples.
        run: Function without arguments that does it and waits until it is done.
        operations: Floating point operations that are needed.
        memory: Bytes that have to be read or written.
    """

    subject: str
    variant: str
    kind: str
    batch: int
    run: Callable
    operations: int
    memory: int


def make_steps(subject, batch, settings=(), with_naive=False):
    """Makes the steps of a subject, in all its variants.

    Args:
        subject: `"routing"`, or the name of a family or preset.
        batch: Number of samples.
        settings: Pairs of name and value; each makes one more variant of a network.
        with_naive: Whether the straightforward implementation is a variant too.

    Returns:
        List of `Step`, those of one kind next to each other.

    Raises:
        ValueError: If the subject or a setting is unknown.
    """
    if subject == ROUTING:
        if settings:
            raise ValueError(
                "Settings to compare are those of networks; `routing` has none. "
                f"Received: {', '.join(name for name, _ in settings)}"
            )
        return _routing_steps(batch)
    variants = [(DEFAULT, {})]
    if with_naive:
        variants.insert(0, (NAIVE, {"routing": NAIVE}))
    variants += [(_words(name, value), {name: value}) for name, value in settings]
    made = [_network_steps(subject, variant, batch, own) for variant, own in variants]
    return [step for kind in zip(*made, strict=True) for step in kind]


def _words(name, value):
    if isinstance(value, dict):
        inner, *others = value.items()
        value = ", ".join([str(inner[1]), *(f"{key}={own}" for key, own in others)])
    return f"{name}={value}"


def _routing_steps(batch):
    rng = np.random.default_rng(0)
    arguments = [
        rng.normal(size=shape).astype("float32") * scale
        for shape, scale in (
            ((batch, _CHILDREN, _CHILD_DIM), 0.3),
            ((_CHILDREN, _CHILD_DIM, _PARENTS, _POSE_DIM), 0.1),
            ((_PARENTS, _POSE_DIM), 0.1),
        )
    ]

    def at_once(routing, children, kernel):
        return routing.call(dense_votes(children, kernel))

    def routed(routing, children, kernel):
        return routing.route(UnmadeVotes(None, kernel, dense_children=children))

    votes = batch * _CHILDREN * _PARENTS * _POSE_DIM
    operations = counting.count_votes(votes, _CHILD_DIM, 2 * _ITERATIONS)
    memory = 4 * sum(argument.size for argument in arguments) + 4 * batch * _PARENTS * _POSE_DIM
    variants = [
        (NAIVE, NaiveDynamicRouting, routed),
        ("all votes at once", DynamicRouting, at_once),
        ("in tiles", DynamicRouting, routed),
    ]
    return [
        Step(
            ROUTING,
            variant,
            kind,
            batch,
            compiled(_function_of_bias(routing, form), arguments, gradient=times > 1),
            times * operations,
            times * memory,
        )
        for kind, times in (("inference", 1), ("training", counting.TRAINING))
        for variant, routing, form in variants
    ]


def _function_of_bias(routing_class, form):
    routing = routing_class(_ITERATIONS)
    routing.built = True

    def function(children, kernel, bias):
        routing.bias = bias
        return form(routing, children, ops.expand_dims(kernel, 2))

    return function


def _network_steps(subject, variant, batch, settings):
    settings = dict(settings)
    policy = settings.pop(_POLICY, None)
    jit_compile = settings.pop(_JIT, "auto")
    model = _build(subject, settings, policy)
    model.compile(jit_compile=jit_compile)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(batch, *model.image_shape)).astype("uint8")
    labels = rng.integers(0, model.num_classes, size=batch)
    operations, memory = counting.count_model(model, batch)
    return [
        Step(
            subject,
            variant,
            "inference",
            batch,
            lambda: model.predict_on_batch(images),
            operations,
            memory,
        ),
        Step(
            subject,
            variant,
            "training",
            batch,
            lambda: model.train_on_batch(images, labels),
            counting.TRAINING * operations,
            counting.TRAINING * memory,
        ),
    ]


def _build(subject, settings, policy):
    if subject in list_models():
        family, arguments = get_family(subject), {}
    else:
        try:
            preset = zoo.read_preset(subject)
        except (ValueError, OSError) as error:
            raise ValueError(
                f"Expected {ROUTING}, a family ({', '.join(list_models())}) or a preset. "
                f"Received: {subject}. {error}"
            ) from None
        family, arguments = get_family(preset.family), preset.model
    arguments = {**arguments, **settings}
    if policy is not None:
        arguments["dtype"] = policy
    if arguments.get("routing") == NAIVE:
        del arguments["routing"]
        arguments["routing"] = naive(family(**arguments).routing)
    return family(**arguments)
