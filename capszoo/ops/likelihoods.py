"""How likely pictures and parts are, under mixtures of what may have drawn them."""

import math

from keras import ops

from capszoo.ops.precision import widen

_LOG_ROOT_2_PI = 0.5 * math.log(2 * math.pi)
# Of what no object explains: a part of this density and share.
_DUMMY = math.log(0.01)
# Keeps the logarithm of what is absent finite.
_SMALLEST = 1e-16


def safe_log(x):
    """Computes the logarithm of numbers that may be 0, with a finite gradient there.

    Args:
        x: Tensor of numbers that are not negative.

    Returns:
        Tensor of the same shape, in float32.

    Example:

    >>> round(float(capszoo.ops.safe_log(np.array(0.0, "float32"))), 2)
    -36.84
    """
    return ops.log(ops.maximum(widen(x), _SMALLEST))


def log_normal(x, mean, deviation):
    """Computes the logarithm of the density of a normal distribution.

    Args:
        x: Tensor.
        mean: Tensor that broadcasts with it.
        deviation: Tensor or number that broadcasts with it.

    Returns:
        Tensor.

    Example:

    >>> x = np.array(1.0, "float32")
    >>> round(float(capszoo.ops.log_normal(x, 0.0, keras.ops.ones(()))), 4)
    -1.4189
    """
    return -0.5 * ops.square((x - mean) / deviation) - ops.log(deviation) - _LOG_ROOT_2_PI


def picture_likelihood(pictures, drawn, logits, deviation=1.0):
    """Computes how likely each pixel is, drawn by one of several parts or the background.

        log p(x) = log sum_n softmax(logits)[n] Normal(x; drawn[n], deviation)

    Args:
        pictures: Tensor of shape `(batch, height, width, channels)`.
        drawn: What each part drew, `(batch, parts, height, width, channels)`.
        logits: How likely each part is to draw a pixel, `(batch, parts, height, width, 1)` or with
            as many channels.
        deviation: The deviation of a pixel from what was drawn. Defaults to `1.0`.

    Returns:
        The logarithm of the density, `(batch, height, width, channels)`, in float32.

    Example:

    >>> pictures = np.zeros((1, 2, 2, 1), "float32")
    >>> found = capszoo.ops.picture_likelihood(pictures, pictures[:, None], pictures[:, None])
    >>> round(float(found[0, 0, 0, 0]), 4)
    -0.9189

    Reference:

    - [Kosiorek et al., 2019](https://arxiv.org/abs/1906.06818)
    """
    pictures, drawn = ops.expand_dims(widen(pictures), 1), widen(drawn)
    shares = ops.log_softmax(widen(logits), axis=1)
    deviation = ops.convert_to_tensor(deviation, dtype="float32")
    return ops.logsumexp(shares + log_normal(pictures, drawn, deviation), axis=1)


def mean_picture(drawn, logits):
    """Computes what is to be seen of what several parts drew: their mean, by who is likely.

    Args:
        drawn: As in `picture_likelihood`.
        logits: As in `picture_likelihood`.

    Returns:
        Tensor `(batch, height, width, channels)`, in float32.

    Example:

    >>> drawn = np.stack([np.zeros((1, 2, 2, 1)), np.ones((1, 2, 2, 1))], 1).astype("float32")
    >>> float(capszoo.ops.mean_picture(drawn, np.zeros_like(drawn))[0, 0, 0, 0])
    0.5
    """
    return ops.sum(_softmax(widen(logits)) * widen(drawn), axis=1)


def part_likelihood(parts, votes, deviation, vote_presence, normalized=True):
    """Computes how likely the poses of parts are, by the votes of objects or by nobody's.

        log p(x[n]) = log sum_k w[k, n] prod_d Normal(x[n, d]; votes[k, n, d], deviation[k, n])

    over the objects and one more for what none explains, of weight and density 0.01. Weights are
    the presence of the votes, divided by their sum. In the paper's code they are not divided, so
    that it grows with every object that says it is present: `normalized=False`.

    Args:
        parts: Poses of the parts, `(batch, parts, size)`.
        votes: What objects vote that they are, `(batch, objects, parts, size)`.
        deviation: How far a pose may be from its vote, `(batch, objects, parts)`.
        vote_presence: How present each vote is, `(batch, objects, parts)`, between 0 and 1.
        normalized: Whether weights sum to 1. Defaults to `True`.

    Returns:
        The logarithm of the density `(batch, parts)`, and the share of each object in it, its
        posterior, `(batch, objects, parts)`; both in float32.

    Example:

    >>> parts = np.zeros((1, 1, 6), "float32")
    >>> log_density, posterior = capszoo.ops.part_likelihood(
    ...     parts, parts[:, None], np.full((1, 1, 1), 0.1), np.ones((1, 1, 1), "float32")
    ... )
    >>> float(posterior[0, 0, 0]) > 0.99
    True

    Reference:

    - [Kosiorek et al., 2019](https://arxiv.org/abs/1906.06818)
    """
    parts, deviation = ops.expand_dims(widen(parts), 1), widen(deviation)
    of_vote = log_normal(parts, widen(votes), ops.expand_dims(deviation, -1))
    density = ops.sum(of_vote, axis=-1)
    dummy = ops.full_like(density[:, :1], _DUMMY)
    density = ops.concatenate([density, dummy], axis=1)
    weights = ops.concatenate([safe_log(vote_presence), dummy], axis=1)
    if normalized:
        weights = ops.log_softmax(weights, axis=1)
    joint = weights + density
    return ops.logsumexp(joint, axis=1), _softmax(joint)[:, :-1]


def _softmax(logits):
    """Softmax over the second axis, of which at least two entries are there."""
    return ops.softmax(logits, axis=1)
