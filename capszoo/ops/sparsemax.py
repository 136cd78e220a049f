"""The sparsemax by which children share out among few of their parents."""

import math

from keras import ops

from capszoo.ops.precision import in_float32

# Of parents that cannot be chosen: below every other logit, whose differences stay exact.
_NEVER = -1e30


@in_float32
def sparsemax_over_parents(logits, mask=None):
    """Computes how much of each child each parent gets: the nearest shares to the logits.

    The Euclidean projection of the logits onto the simplex, `max(b[j] - t, 0)` with the threshold
    `t` at which the shares sum to 1. Unlike those of a softmax many shares are exactly zero, and
    exact as well is the gradient: with `S` the parents that get something, it is
    `d[j] - mean of d over S` for these and zero for the others.

    Args:
        logits: Tensor of shape `(..., parents, children)`.
        mask: Boolean tensor that broadcasts to the logits, true where a parent can be chosen. A
            child that can choose none shares out nothing. Defaults to `None`, all can.

    Returns:
        Tensor of the shape and dtype of the logits; computed in float32. Sums over the parents
        are 1.

    Example:

    >>> logits = np.array([[0.5], [0.25], [-3.0]], "float32")
    >>> shares = capszoo.ops.sparsemax_over_parents(logits)
    >>> keras.ops.convert_to_numpy(shares)[:, 0].tolist()
    [0.625, 0.375, 0.0]

    Reference:

    - [Martins, Astudillo, 2016](https://arxiv.org/abs/1602.02068)
    """
    parents = logits.shape[-2]
    if mask is not None:
        logits = ops.where(mask, logits, _NEVER)
    # The largest as zero: of large logits the differences count. Of none there is a largest too.
    largest = ops.max(logits, axis=-2, keepdims=True, initial=-math.inf)
    logits = logits - ops.stop_gradient(largest)
    # Who gets something is no function with a gradient; the threshold, given these, is.
    descending = -ops.sort(-ops.stop_gradient(logits), axis=-2)
    counts = ops.reshape(ops.arange(1, parents + 1, dtype=logits.dtype), (parents, 1))
    # The k largest get something as long as k times the k-th, and 1, is more than their sum.
    get_some = 1.0 + counts * descending > ops.cumsum(descending, axis=-2)
    number = ops.sum(ops.cast(get_some, logits.dtype), axis=-2, keepdims=True)
    sums = ops.where(get_some, descending, ops.zeros_like(descending))
    threshold = (ops.sum(sums, axis=-2, keepdims=True) - 1.0) / number
    chosen = ops.stop_gradient(logits) > threshold
    total = ops.sum(ops.where(chosen, logits, ops.zeros_like(logits)), axis=-2, keepdims=True)
    number = ops.sum(ops.cast(chosen, logits.dtype), axis=-2, keepdims=True)
    shares = ops.where(chosen, logits - (total - 1.0) / number, ops.zeros_like(logits))
    return shares if mask is None else ops.where(mask, shares, ops.zeros_like(shares))
