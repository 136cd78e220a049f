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


def records():
    """Tells whether PyTorch keeps what operations are given now, which then must stay as it is."""
    if keras.backend.backend() != "torch":
        return False
    import torch

    return torch.is_grad_enabled()
