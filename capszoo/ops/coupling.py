"""What routing by agreement is made of, on votes `(..., parents, children, pose_dim)`."""

import keras
from keras import ops

from capszoo.ops.softmax import softmax_over_parents


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


def couple(logits, leaky=False):
    """Softmax of logits over the parents.

    Args:
        logits: Tensor of shape `(..., parents, children)`.
        leaky: Whether one more logit, always zero, takes part: none of the parents. Defaults to
            `False`.

    Returns:
        The couplings, of the shape of the logits.

    Example:

    >>> np.asarray(capszoo.ops.couple(np.zeros((3, 1)), leaky=True))[:, 0].tolist()
    [0.25, 0.25, 0.25]
    """
    if not leaky:
        return softmax_over_parents(logits)
    none = ops.zeros_like(logits[..., :1, :])
    return ops.softmax(ops.concatenate([none, logits], axis=-2), axis=-2)[..., 1:, :]


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
