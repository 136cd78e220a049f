"""Functions whose gradient is written out, on every backend."""

import keras
from keras import ops


def custom_vjp(forward, backward):
    """Makes a differentiable function of its two halves.

    Args:
        forward: Function of tensors. It returns the result, one tensor, and the residuals: what
            `backward` needs of what it has computed.
        backward: Function of a tuple of the same tensors, the residuals and the gradient of the
            result, the upstream. It returns a gradient for each of the tensors.

    Returns:
        A function of the same tensors.

    Example:

    >>> def forward(x):
    ...     root = ops.sqrt(x)
    ...     return root, root
    >>> def backward(inputs, root, upstream):
    ...     return (0.5 * upstream / root,)
    >>> float(capszoo.kernels.vjp.custom_vjp(forward, backward)(ops.convert_to_tensor(9.0)))
    3.0
    """

    @ops.custom_gradient
    def function(*inputs):
        result, residuals = forward(*inputs)

        def gradient(*arguments, upstream=None):
            if upstream is None:
                (upstream,) = arguments
                return backward(inputs, residuals, upstream)
            if records():
                # A gradient of this gradient is asked for: PyTorch has not seen where the
                # residuals come from.
                return backward(arguments, forward(*arguments)[1], upstream)
            return backward(arguments, residuals, upstream)

        return result, gradient

    return function


def pullback(function, arguments, upstream):
    """Computes the gradients of arguments from that of a result, by automatic differentiation.

    Args:
        function: Function of tensors that returns one tensor.
        arguments: Tuple of these tensors.
        upstream: The gradient of the result, a tensor of its shape and dtype.

    Returns:
        Tuple of tensors, one for each argument; zeros where it plays no part.

    Example:

    >>> x, y = ops.convert_to_tensor(3.0), ops.convert_to_tensor(5.0)
    >>> found = capszoo.kernels.vjp.pullback(ops.multiply, (x, y), ops.convert_to_tensor(2.0))
    >>> [float(one) for one in found]
    [10.0, 6.0]
    """
    return value_and_pullback(function, arguments)[1](upstream)


def value_and_pullback(function, arguments):
    """Computes a function, and how gradients of its arguments follow from that of its result.

    Args:
        function: As in `pullback`.
        arguments: As in `pullback`.

    Returns:
        The result, and a function of its gradient that gives the tuple of gradients.

    Example:

    >>> x = ops.convert_to_tensor(3.0)
    >>> square, pull = capszoo.kernels.vjp.value_and_pullback(ops.square, (x,))
    >>> float(square), float(pull(ops.convert_to_tensor(2.0))[0])
    (9.0, 12.0)
    """
    return _PULLBACKS[keras.backend.backend()](function, arguments)


def _pullback_jax(function, arguments):
    import jax

    return jax.vjp(function, *arguments)


def _pullback_tensorflow(function, arguments):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(arguments)
        result = function(*arguments)

    def pull(upstream):
        zero = tf.UnconnectedGradients.ZERO
        return tape.gradient(result, arguments, upstream, unconnected_gradients=zero)

    return result, pull


def _pullback_torch(function, arguments):
    import torch

    # Where no argument has a gradient, none of a gradient is asked for.
    again = records() and any(one.requires_grad for one in arguments)
    with torch.enable_grad():
        if not again:
            arguments = tuple(one.detach().requires_grad_() for one in arguments)
        result = function(*arguments)

    def pull(upstream):
        asked = [one for one in arguments if one.requires_grad]
        with torch.enable_grad():
            found = iter(
                torch.autograd.grad(
                    result, asked, upstream, create_graph=again, materialize_grads=True
                )
            )
        return tuple(
            next(found) if one.requires_grad else torch.zeros_like(one) for one in arguments
        )

    return (result if again else result.detach()), pull


_PULLBACKS = {
    "jax": _pullback_jax,
    "tensorflow": _pullback_tensorflow,
    "torch": _pullback_torch,
}


def records():
    """Tells whether PyTorch keeps what operations are given now, which then must stay as it is."""
    if keras.backend.backend() != "torch":
        return False
    import torch

    return torch.is_grad_enabled()
