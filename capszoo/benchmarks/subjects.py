"""What can be measured, by name."""

import dataclasses

import keras

from capszoo import kernels
from capszoo import zoo
from capszoo.benchmarks.convolution_steps import CONVOLUTIONS
from capszoo.benchmarks.convolution_steps import convolution_steps
from capszoo.benchmarks.layer_steps import layer_names
from capszoo.benchmarks.layer_steps import layer_steps
from capszoo.benchmarks.network_steps import network_steps
from capszoo.benchmarks.routing_steps import ROUTING
from capszoo.benchmarks.routing_steps import routing_steps
from capszoo.benchmarks.step import AT_ONCE
from capszoo.benchmarks.step import DEFAULT
from capszoo.benchmarks.step import NAIVE
from capszoo.benchmarks.step import UCAPS3D
from capszoo.benchmarks.step import describe_setting
from capszoo.models import list_models
from capszoo.ops.convolution import direct_convolutions


def make_steps(subject, batch, settings=(), with_naive=False, fixed=()):
    """Makes the steps of a subject, in all its variants.

    Args:
        subject: `"routing"`, `"convolutions"`, the class name of a layer, or the name of a
            family or preset.
        batch: Number of samples.
        settings: Pairs of name and value; each makes one more variant.
        with_naive: Whether the straightforward implementation is a variant too, and of a network
            its own of votes that are all made; of `"routing"` they always are. Of
            `"ConvCapsules3D"`, on PyTorch, so is the routing of 3D-UCaps.
        fixed: Pairs of name and value that hold for all variants of a network or layer.
            Defaults to `()`.

    Returns:
        List of `Step`, those of one kind next to each other.

    Raises:
        ValueError: If the subject or a setting is unknown.
    """
    if subject == ROUTING:
        return routing_steps(batch, settings)
    if subject == CONVOLUTIONS:
        return convolution_steps(batch)
    steps_of = layer_steps if subject in layer_names() else network_steps
    if steps_of is network_steps:
        _check_network(subject)
    variants = [(DEFAULT, {})]
    variants += [(describe_setting(name, value), {name: value}) for name, value in settings]

    def make(variant, own):
        return steps_of(subject, variant, batch, {**dict(fixed), **own})

    made = [make(variant, own) for variant, own in variants]
    if with_naive:
        if steps_of is network_steps:
            steps = make(AT_ONCE, {})
            made.insert(0, [_within(step, kernels.disabled()) for step in steps])
        steps = make(NAIVE, {"routing": NAIVE})
        steps = [_within(step, direct_convolutions()) for step in steps]
        made.insert(0, [_within(step, kernels.disabled()) for step in steps])
        if subject == "ConvCapsules3D" and keras.backend.backend() == "torch":
            steps = make(UCAPS3D, {"routing": UCAPS3D})
            made.insert(1, [_within(step, kernels.disabled()) for step in steps])
    return [step for kind in zip(*made, strict=True) for step in kind]


def _within(step, context):
    return dataclasses.replace(step, run=context(step.run))


def _check_network(subject):
    if subject in list_models():
        return
    try:
        zoo.read_preset(subject)
    except (ValueError, OSError) as error:
        raise ValueError(
            f"Expected {ROUTING}, {CONVOLUTIONS}, a layer ({', '.join(layer_names())}), a family "
            f"({', '.join(list_models())}) or a preset. Received: {subject}. {error}"
        ) from None
