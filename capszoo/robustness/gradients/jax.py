"""Gradients on JAX."""

import jax


def gradients_of_sum(function, tensor):
    """Gives the gradient of a function of one number."""
    return jax.grad(function)(tensor)
