"""How tensors lie in memory, where a backend leaves it to its users."""

import keras


def contiguous(x):
    """Lays a transposed tensor out anew where the backend would read it across its memory.

    PyTorch keeps the order in memory of what it transposes, through all that is computed of it,
    and goes through batched products of such tensors matrix by matrix.

    Args:
        x: Tensor.

    Returns:
        The same numbers.

    Example:

    >>> tuple(capszoo.ops.contiguous(keras.ops.transpose(keras.ops.ones((2, 3)))).shape)
    (3, 2)
    """
    return x.contiguous() if keras.backend.backend() == "torch" else x
