"""What routing by agreement is made of, on votes `(..., parents, children, pose_dim)`."""

import keras
from keras import ops

from capszoo.ops.norms import safe_norm
from capszoo.ops.precision import widen
from capszoo.ops.softmax import softmax_over_parents
from capszoo.ops.sparsemax import sparsemax_over_parents


def uniform_coupling(parents, leaky=False):
    """The coupling of a child that prefers none of its parents.

    Args:
        parents: Number of parents.
        leaky: Whether none of the parents is one more choice. Defaults to `False`.

    Returns:
        A number.

    Example:

    >>> capszoo.ops.uniform_coupling(4)
    0.25
    """
    return 1.0 / (parents + (1 if leaky else 0))


NORMALIZATIONS = {"softmax": softmax_over_parents, "sparsemax": sparsemax_over_parents}


def couple(logits, leaky=False, normalization="softmax"):
    """Makes shares of logits, over the parents.

    Args:
        logits: Tensor of shape `(..., parents, children)`.
        leaky: Whether one more logit, always zero, takes part: none of the parents. Defaults to
            `False`.
        normalization: `"softmax"`, or `"sparsemax"`, which leaves parents out; see
            `sparsemax_over_parents`. Defaults to `"softmax"`.

    Returns:
        The couplings, of the shape of the logits.

    Example:

    >>> np.asarray(capszoo.ops.couple(np.zeros((3, 1)), leaky=True))[:, 0].tolist()
    [0.25, 0.25, 0.25]
    """
    normalize = NORMALIZATIONS[normalization]
    if not leaky:
        return normalize(logits)
    none = ops.zeros_like(logits[..., :1, :])
    return normalize(ops.concatenate([none, logits], axis=-2))[..., 1:, :]


def share_of_type(mask, children, types):
    """Computes one by how many children there are of each of several types.

    Args:
        mask: Boolean tensor of shape `(batch, *spatial, children)`, true where there is a child;
            `None` where all are there.
        children: How many children there are, missing ones among them.
        types: How many types.

    Returns:
        A tensor that broadcasts to `(batch, *spatial, parents, pose_dim)`, or a number.

    Example:

    >>> capszoo.ops.share_of_type(None, children=10, types=2)
    0.2
    """
    if mask is None:
        return types / children
    count = ops.sum(ops.cast(mask, "float32"), axis=-1)
    return types / ops.maximum(ops.expand_dims(ops.expand_dims(count, -1), -1), 1.0)


def sum_children(weights, votes):
    """Sums votes over the children.

    Args:
        weights: Tensor of shape `(..., parents, children)`.
        votes: Tensor of shape `(..., parents, children, pose_dim)`.

    Returns:
        Tensor of shape `(..., parents, pose_dim)`.

    Example:

    >>> votes = np.arange(6.0).reshape(1, 3, 2)
    >>> np.asarray(capszoo.ops.sum_children(np.ones((1, 3)), votes)).tolist()
    [[6.0, 9.0]]
    """
    return ops.squeeze(ops.matmul(ops.expand_dims(weights, -2), votes), -2)


def agreement(votes, poses):
    """Multiplies each vote with the pose of the parent that it is for.

    Args:
        votes: Tensor of shape `(..., parents, children, pose_dim)`.
        poses: Tensor of shape `(..., parents, pose_dim)`.

    Returns:
        Tensor of shape `(..., parents, children)`.

    Example:

    >>> votes = np.arange(6.0).reshape(1, 3, 2)
    >>> np.asarray(capszoo.ops.agreement(votes, np.ones((1, 2)))).tolist()
    [[1.0, 5.0, 9.0]]
    """
    if keras.backend.backend() == "torch":
        # A row times votes: votes times a column take PyTorch four times as long. XLA takes twice
        # as long the other way round.
        return sum_children(poses, ops.swapaxes(votes, -1, -2))
    return ops.squeeze(ops.matmul(votes, ops.expand_dims(poses, -1)), -1)


def cosine(votes, sums):
    """Computes the cosine of the angle between each vote and the sum that it is part of.

    Args:
        votes: Tensor of shape `(..., parents, children, pose_dim)`.
        sums: Tensor of shape `(..., parents, pose_dim)`.

    Returns:
        Tensor of shape `(..., parents, children)`, computed in float32 or wider; near zero for
        vectors much shorter than 0.0003, whose gradient would grow without bound.

    Example:

    >>> votes = np.array([[[3.0, 0.0], [0.0, -2.0]]], "float32")
    >>> cosines = capszoo.ops.cosine(votes, np.array([[5.0, 0.0]], "float32"))
    >>> [round(float(number), 4) for number in cosines[0]]
    [1.0, 0.0]
    """
    wide = keras.backend.result_type(votes.dtype, "float32")
    votes, sums = widen(votes, wide), widen(sums, wide)
    directions = votes / safe_norm(votes, keepdims=True)
    return agreement(directions, sums / safe_norm(sums, keepdims=True))
