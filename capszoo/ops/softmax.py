"""The softmaxes by which children share out among parents, and parents among children."""

from keras import ops

# Less than any score: what a missing child's is replaced by.
_MASKED_LOGIT = -1e30


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


def softmax_over_children(logits, presence=None):
    """Computes how much of each parent each child makes: `exp(b[i]) / sum_i exp(b[i])`.

    A single child makes all, a missing one nothing.

    Args:
        logits: Tensor of shape `(..., parents, children)`.
        presence: Ones and zeros of a shape that broadcasts to it, as `capszoo.ops.present` gives
            them; `None` where all children are there. Defaults to `None`.

    Returns:
        Tensor of the shape of the logits; sums over the children are 1, or 0 where all are
        missing.

    Example:

    >>> presence = np.array([[1.0, 1.0, 0.0]], "float32")
    >>> shares = capszoo.ops.softmax_over_children(keras.ops.zeros((4, 3)), presence)
    >>> keras.ops.convert_to_numpy(shares)[0].tolist()
    [0.5, 0.5, 0.0]
    """
    if presence is not None:
        logits = ops.where(presence > 0, logits, ops.cast(_MASKED_LOGIT, logits.dtype))
    shares = ops.ones_like(logits) if logits.shape[-1] == 1 else ops.softmax(logits, axis=-1)
    return shares if presence is None else shares * ops.cast(presence, shares.dtype)
