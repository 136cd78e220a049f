"""Every routing in capsule layers over sequences and volumes, plain and transposed."""

import functools

import numpy as np
import pytest

from capszoo import layers
from tests.layer_checks import evaluate
from tests.layer_checks import gradients
from tests.routing.test_properties import CASES

ONE_OF_EACH = {case.name: case for case in reversed(CASES)}
KINDS = {
    "types": ("ConvCapsules", {"kernel_size": 2}),
    "positions": ("ConvCapsules", {"kernel_size": 2, "votes_from": "positions"}),
    # No child reaches every other position.
    "transposed": ("TransposedConvCapsules", {"kernel_size": 1, "strides": 2}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_a_flat_volume_is_a_sequence(name, kind, rng):
    cls, arguments = KINDS[kind]
    poses = rng.normal(size=(2, 3, 2, 4)).astype("float32")
    presence = rng.uniform(size=(2, 3, 2)).astype("float32")
    results, weights = [], None
    for rank, size in ((1, (3,)), (3, (1, 1, 3))):
        of_rank = {
            key: value if isinstance(value, str) else (1,) * (rank - 1) + (value,)
            for key, value in arguments.items()
        }
        make = getattr(layers, f"{cls}{rank}D")
        layer = make(3, 4, **of_rank, routing=ONE_OF_EACH[name].make())
        inputs = [poses.reshape(2, *size, 2, 4)]
        if layer.routing.explicit_activations:
            inputs.append(presence.reshape(2, *size, 2))

        def call(*inputs, layer=layer, **arguments):
            return layer(inputs if len(inputs) > 1 else inputs[0], **arguments)

        layer.build(inputs[0].shape)
        if weights:
            layer.set_weights([weights[0].reshape(layer.kernel.shape), *weights[1:]])
        weights = layer.get_weights()
        outputs = evaluate(functools.partial(call, return_coupling=True), *inputs)
        results.append([x.reshape(2, -1, *x.shape[rank + 1 :]) for x in outputs])
    assert np.abs(results[0][0]).max() > 0.01
    for sequence, volume in zip(*results, strict=True):
        assert np.isfinite(sequence).all()
        np.testing.assert_allclose(volume, sequence, atol=1e-5)
    if kind == "transposed":
        assert all(np.isfinite(gradient).all() for gradient in gradients(call, *inputs))
