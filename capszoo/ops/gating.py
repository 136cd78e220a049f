"""Children that choose their parents by their own poses: what self-routing is made of."""

from keras import ops

from capszoo.ops.coupling import couple
from capszoo.ops.votes import dense_votes

# Keeps parents that no child turns to, and children of which none is active, from 0 / 0.
LEAST_MASS = 1e-7


def gate(poses, kernel, bias, leaky=False):
    """Computes how much of each child goes to each parent by the child's own pose.

    `coupling[:, i] = softmax(poses[i] @ kernel[i] + bias[:, i])`, in float32.

    Args:
        poses: Tensor of shape `(batch, *spatial, children, child_dim)`.
        kernel: Tensor of shape `(children, child_dim, parents)`.
        bias: Tensor of shape `(parents, children)`.
        leaky: Whether none of the parents is one more choice. Defaults to `False`.

    Returns:
        Tensor of shape `(batch, *spatial, parents, children)`.

    Example:

    >>> poses, kernel, bias = np.ones((2, 5, 8)), np.ones((5, 8, 4)), np.zeros((4, 5))
    >>> np.asarray(capszoo.ops.gate(poses, kernel, bias))[0, :, 0].tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    *outer, children, child_dim = poses.shape[1:]
    poses, kernel, bias = (ops.cast(one, "float32") for one in (poses, kernel, bias))
    # One number for each parent and child is a vote with a pose of one number.
    logits = dense_votes(
        ops.reshape(poses, (-1, children, child_dim)),
        ops.reshape(kernel, (children, child_dim, 1, -1, 1)),
    )
    return couple(ops.reshape(logits, (-1, *outer, *bias.shape)) + bias, leaky)


def activations_and_shares(coupling, activations):
    """Computes the activation of each parent, and the share that each child has in it.

    With `w[j, i] = activations[i] coupling[j, i]`, a parent's activation is `sum_i w[j, i] / sum_i
    activations[i]` and a child's share in it `w[j, i] / sum_i w[j, i]`; both are 0 where nothing is
    active.

    Args:
        coupling: Tensor of shape `(batch, *spatial, parents, children)`.
        activations: Tensor of shape `(batch, *spatial, children)`.

    Returns:
        Tensors of the shapes `(batch, *spatial, parents)` and `(batch, *spatial, parents,
        children)`.

    Example:

    >>> coupling, activations = ops.full((1, 2, 3), 0.5), ops.ones((1, 3))
    >>> found, shares = capszoo.ops.activations_and_shares(coupling, activations)
    >>> np.asarray(found).tolist(), round(float(shares[0, 0, 0]), 4)
    ([[0.5, 0.5]], 0.3333)
    """
    weights = coupling * ops.expand_dims(activations, -2)
    mass = ops.sum(weights, axis=-1)
    total = ops.sum(activations, axis=-1, keepdims=True)
    shares = weights / ops.maximum(ops.expand_dims(mass, -1), LEAST_MASS)
    return mass / ops.maximum(total, LEAST_MASS), shares
