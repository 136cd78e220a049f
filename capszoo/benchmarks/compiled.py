"""Functions of tensors as a backend runs them in training: compiled where it compiles."""

import keras
import numpy as np


def compiled(function, arguments, gradient=False):
    """Makes a function without arguments that computes another's result, and its gradients.

    Args:
        function: Function of tensors that returns one tensor.
        arguments: List of arrays.
        gradient: Whether the gradients of all arguments are computed too, for a result whose
            own gradient is of random numbers. Defaults to `False`.

    Returns:
        A function that computes the result, and waits until it is there.
    """
    arguments = [keras.ops.convert_to_tensor(argument) for argument in arguments]
    return _COMPILED[keras.backend.backend()](function, arguments, gradient)


def _upstream(result):
    return np.random.default_rng(0).normal(size=tuple(result.shape)).astype("float32")


def _jax(function, arguments, gradient):
    import jax

    def both(upstream, *arguments):
        result, backward = jax.vjp(function, *arguments)
        return result, backward(upstream)

    if not gradient:
        compiled = jax.jit(function)
        return lambda: jax.block_until_ready(compiled(*arguments))
    upstream = jax.numpy.asarray(_upstream(jax.eval_shape(function, *arguments)))
    compiled = jax.jit(both)
    return lambda: jax.block_until_ready(compiled(upstream, *arguments))


def _tensorflow(function, arguments, gradient):
    import tensorflow as tf

    def both(*arguments):
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            result = function(*arguments)
        return result, tape.gradient(result, arguments, output_gradients=upstream)

    if gradient:
        upstream = tf.constant(_upstream(function(*arguments)))
    compiled = tf.function(both if gradient else function, autograph=False)
    return lambda: keras.tree.map_structure(lambda x: x.numpy(), compiled(*arguments))


def _torch(function, arguments, gradient):
    import torch

    arguments = [argument.detach().requires_grad_(gradient) for argument in arguments]

    def wait(result):
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return result

    def forward():
        with torch.no_grad():
            return wait(function(*arguments))

    def both():
        result = function(*arguments)
        return wait((result, torch.autograd.grad(result, arguments, upstream)))

    if gradient:
        upstream = keras.ops.convert_to_tensor(_upstream(forward()))
    return both if gradient else forward


_COMPILED = {"jax": _jax, "tensorflow": _tensorflow, "torch": _torch}
