"""Whole networks: what `predict` and `fit` do with a batch."""

import numpy as np

from capszoo import routing as routings
from capszoo import zoo
from capszoo.benchmarks import counting
from capszoo.benchmarks.naive import naive
from capszoo.benchmarks.naive_cluster_capsnet import NaiveClusterCapsNet
from capszoo.benchmarks.step import INFERENCE
from capszoo.benchmarks.step import NAIVE
from capszoo.benchmarks.step import TRAINING
from capszoo.benchmarks.step import Step
from capszoo.models import CapsuleSegmenter
from capszoo.models import ClusterCapsNet
from capszoo.models import DeepCapsNet
from capszoo.models import get_family
from capszoo.models import list_models
from capszoo.routing import ClusterRouting

# Settings that are not arguments of a model.
_POLICY, _JIT = "dtype", "jit_compile"


def network_steps(subject, variant, batch, settings):
    """Makes the steps of one network.

    Args:
        subject: The name of a family or preset.
        variant: What this way is called.
        batch: Number of samples.
        settings: Dictionary of arguments of the family, `dtype` or `jit_compile`; a `routing` of
            `"naive"` is the straightforward implementation of the network's own.

    Returns:
        The two `Step`.

    Raises:
        ValueError: If the subject or a setting is unknown.
    """
    settings = dict(settings)
    policy = settings.pop(_POLICY, None)
    jit_compile = settings.pop(_JIT, "auto")
    network, model = _build(subject, settings, policy)
    model.compile(jit_compile=jit_compile)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(batch, *network.example_shape)).astype("uint8")
    labels = rng.integers(0, network.num_classes, size=_labels_shape(network, batch))
    operations, memory = counting.count_model(network, batch)
    return [
        Step(
            subject,
            variant,
            INFERENCE,
            batch,
            lambda: model.predict_on_batch(images),
            operations,
            memory,
        ),
        Step(
            subject,
            variant,
            TRAINING,
            batch,
            lambda: model.train_on_batch(images, labels),
            counting.TRAINING * operations,
            counting.TRAINING * memory,
        ),
    ]


def _labels_shape(network, batch):
    maps = isinstance(network, CapsuleSegmenter)
    return (batch, *network.example_shape[:-1]) if maps else batch


def _build(subject, settings, policy):
    """Returns a network and the model that is measured: itself, or another form of it."""
    if subject in list_models():
        family, arguments = get_family(subject), {}
    else:
        preset = zoo.read_preset(subject)
        family, arguments = get_family(preset.family), preset.model
    arguments = {**arguments, **settings}
    if policy is not None:
        arguments["dtype"] = policy
    if arguments.get("routing") != NAIVE:
        network = family(**arguments)
        return network, network
    del arguments["routing"]
    network = family(**arguments)
    if isinstance(network, ClusterCapsNet) and type(network.routing) is ClusterRouting:
        return network, NaiveClusterCapsNet.like(network)
    forms = {"routing": naive(network.routing)}
    if isinstance(network, DeepCapsNet) and network.cell_routing is not None:
        forms["cell_routing"] = naive(routings.get(network.cell_routing))
    return network, family(**{**arguments, **forms})
