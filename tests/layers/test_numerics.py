"""Layers given numbers of every size, and no samples at all."""

import contextlib

import keras
import numpy as np
import pytest

from capszoo import kernels
from tests.layer_checks import to_numpy
from tests.sweeps import numerics

SPARSE = {"name": "dynamic", "normalization": "sparsemax"}


@pytest.mark.parametrize("uses_kernels", [True, False], ids=["kernels", "no kernels"])
@pytest.mark.parametrize(
    ("layer", "options"),
    [
        ("DenseCapsules", {"routing": "em"}),
        ("DenseCapsules", {"routing": SPARSE}),
        ("ConvCapsules3D", {"routing": "scaled_distance"}),
        ("ConvCapsules2D", {"routing": "self_attention", "recompute": True}),
        ("PrimaryCapsules", {"squash": "standard"}),
        ("Conv2D", {"padding": "valid"}),
        ("Conv2D", {"padding": "same"}),
    ],
    ids=str,
)
def test_no_samples(layer, options, uses_kernels):
    case = numerics.Case(layer, options, "float32", uses_kernels, 0, "zeros", 1.0, "none given")
    with contextlib.nullcontext() if uses_kernels else kernels.disabled():
        layer = numerics.make_layer(case)
        inputs = numerics.inputs_of(case, layer)
        outputs, gradients = numerics.outputs_and_gradients(layer)(inputs)
    expected = layer.compute_output_shape(inputs[0].shape)
    expected = expected if isinstance(expected[0], tuple) else (expected,)
    assert tuple(tuple(one.shape) for one in keras.tree.flatten(outputs)) == expected
    for gradient in keras.tree.flatten(gradients):
        np.testing.assert_array_equal(to_numpy(gradient), 0)


def test_numbers_of_every_size():
    # JAX compiles each layer for seconds, and TensorFlow takes as long to start its operations.
    ends = numerics.sweep(count=160 if keras.backend.backend() == "torch" else 24, seed=0)
    assert sum(ends.values()) >= 24
    assert not [end for end in ends if numerics.failed(*end)]
