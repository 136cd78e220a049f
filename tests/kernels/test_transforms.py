"""Forward mode and batching of whole layers: right values, whatever kernel the layer has."""

import keras
import numpy as np
import pytest

import capszoo
from tests.layer_checks import to_numpy

BACKEND = keras.backend.backend()
STEP = 1e-2
each_routing = pytest.mark.parametrize("name", capszoo.routing.names())
# The decisions of STAR routing are steps: nothing to compare its derivative with.
each_smooth_routing = pytest.mark.parametrize(
    "name", [name for name in capszoo.routing.names() if name != "star"]
)


def layer_and_inputs(name, rng):
    """A function of children's poses, some of these, and a direction to go."""
    # Gradients that are stopped are none of the result's.
    routing = {"name": name, "stop_gradient": False} if name == "interest" else name
    layer = capszoo.layers.DenseCapsules(3, 4, routing=routing)
    poses, direction = rng.normal(size=(2, 2, 5, 3)).astype("float32")
    activations = keras.ops.full((2, 5), 0.5)
    explicit = layer.routing.explicit_activations

    def function(poses):
        outputs = layer([poses, activations] if explicit else poses)
        return outputs[0] if explicit else outputs

    function(poses)
    return function, poses, direction


def differences(function, poses, direction):
    """How the result changes along a direction, from two values of it."""
    ahead, behind = (to_numpy(function(poses + step * direction)) for step in (STEP, -STEP))
    return (ahead - behind) / (2 * STEP)


def forward_modes():
    if BACKEND == "jax":
        import jax

        return [
            lambda f, x, t: jax.jvp(f, (x,), (t,))[1],
            lambda f, x, t: jax.jit(lambda x, t: jax.jvp(f, (x,), (t,))[1])(x, t),
            lambda f, x, t: jax.jvp(jax.vmap(f), (x[None],), (t[None],))[1][0],
            lambda f, x, t: jax.numpy.tensordot(jax.jacfwd(f)(x), t, axes=3),
        ]
    import torch

    def dual(f, x, t):
        with torch.autograd.forward_ad.dual_level():
            result = f(torch.autograd.forward_ad.make_dual(x, t))
            return torch.autograd.forward_ad.unpack_dual(result).tangent

    return [
        dual,
        lambda f, x, t: torch.func.jvp(f, (x,), (t,))[1],
        lambda f, x, t: torch.autograd.functional.jvp(f, x, t)[1],
        lambda f, x, t: torch.tensordot(torch.func.jacfwd(f)(x), t, dims=3),
        lambda f, x, t: torch.tensordot(torch.func.jacrev(f)(x), t, dims=3),
    ]


@pytest.mark.skipif(BACKEND == "tensorflow", reason="TensorFlow has neither of the two.")
@each_smooth_routing
def test_forward_mode(name, rng):
    function, poses, direction = layer_and_inputs(name, rng)
    expected = differences(function, poses, direction)
    assert np.abs(expected).max() > 1e-2
    tensors = keras.ops.convert_to_tensor(poses), keras.ops.convert_to_tensor(direction)
    for mode in forward_modes():
        found = to_numpy(mode(function, *tensors))
        np.testing.assert_allclose(found, expected, atol=2e-3 * max(np.abs(expected).max(), 1))


@pytest.mark.skipif(BACKEND == "tensorflow", reason="TensorFlow has neither of the two.")
@each_routing
def test_batches_of_batches(name, rng):
    function, *batches = layer_and_inputs(name, rng)
    expected = np.stack([to_numpy(function(poses)) for poses in batches])
    if BACKEND == "jax":
        import jax

        found = jax.vmap(function)(np.stack(batches))
    else:
        import torch

        found = torch.func.vmap(function)(torch.tensor(np.stack(batches)))
    np.testing.assert_allclose(to_numpy(found), expected, atol=1e-5)
