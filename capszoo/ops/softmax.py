"""The softmax by which children share out among parents."""

from keras import ops


def softmax_over_parents(logits):
    """Computes how much of each child each parent gets: `exp(b[j]) / sum_j exp(b[j])`.

    A single parent gets all.

    Args:
        logits: Tensor of shape `(..., parents, children)`.

    Returns:
        Tensor of the same shape; sums over the parents are 1.

    Example:

    >>> shares = capszoo.ops.softmax_over_parents(keras.ops.zeros((2, 4, 3)))
    >>> keras.ops.convert_to_numpy(shares)[0, :, 0].tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    # Keras warns of a softmax over one number, and would have a sigmoid.
    return ops.ones_like(logits) if logits.shape[-2] == 1 else ops.softmax(logits, axis=-2)
