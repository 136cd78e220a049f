"""Ways of differentiating and batching that gradients which are written out do not know."""

import keras


def passes_through(tensors):
    """Tells whether forward mode, or a transform of `torch.func`, passes through tensors.

    A gradient that is written out goes backward alone: `jax.jvp`, `jax.jacfwd` and `torch.func`
    refuse it. What a routing computes by its equations they all know. What JAX has compiled it
    differentiates as it was compiled: `jax.jvp` of a `jax.jit`, and `jax.linearize`, want
    `capszoo.kernels.disabled()` around the function.

    Args:
        tensors: Structure of tensors; what is none is left out.

    Returns:
        A boolean.

    Example:

    >>> capszoo.kernels.transforms.passes_through([keras.ops.ones(3), None])
    False
    """
    backend = keras.backend.backend()
    if backend == "jax":
        return any(map(_pushes_forward, keras.tree.flatten(tensors)))
    if backend == "torch":
        import torch

        level = torch._C._functorch.maybe_current_level()
        return level is not None or _has_tangents(tensors)
    return False


def _pushes_forward(value):
    """Tells whether JAX's forward mode works on a value, in whatever batches."""
    import jax
    from jax.interpreters import ad

    while isinstance(value, jax.core.Tracer) and not isinstance(value, ad.JVPTracer):
        # What `jax.vmap` batches is within.
        value = getattr(value, "val", None)
    return isinstance(value, ad.JVPTracer)


def _has_tangents(tensors):
    import torch
    from torch.autograd import forward_ad

    return any(
        isinstance(value, torch.Tensor) and forward_ad.unpack_dual(value).tangent is not None
        for value in keras.tree.flatten(tensors)
    )
