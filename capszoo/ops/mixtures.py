"""Mixtures of parents, of which each takes its share of every child: what EM and VB are made of."""

from keras import ops

# Keeps a parent to which no child turns from a division by zero.
MASS_EPSILON = 1e-7
# Keeps a parent whose votes are all alike from a division by zero.
LEAST_VARIANCE = 1e-10


def log_normalize(logits, windows=None, axis=-2):
    """Log-softmax of each child over all the parents that see it.

    Args:
        logits: Tensor of shape `(batch, *spatial, parents, children)`, or with the parents at
            another axis.
        windows: A `capszoo.ops.Windows` where parents at several positions see the same child.
            Defaults to `None`.
        axis: The axis of the parents. Defaults to `-2`.

    Returns:
        The logarithms of couplings, of the shape of the logits.

    Example:

    >>> coupling = ops.exp(capszoo.ops.log_normalize(ops.zeros((1, 4, 3))))
    >>> [round(float(share), 4) for share in coupling[0, :, 0]]
    [0.25, 0.25, 0.25, 0.25]
    """
    total = ops.logsumexp(logits, axis=axis)
    if windows is not None:
        total = windows.logsumexp_per_child(total)
    return logits - ops.expand_dims(total, axis)


def mass_and_shares(coupling, activations, prior=MASS_EPSILON):
    """Computes the mass of each parent, and the share that each child has in it.

    `mass[j] = sum_i coupling[j, i] activations[i] + prior`, and a share is a summand over the sum.

    Args:
        coupling: Tensor of shape `(..., parents, children)`.
        activations: Tensor of the children's activations that broadcasts to the coupling.
        prior: Mass that a parent has without children. Defaults to `1e-7`.

    Returns:
        The masses `(..., parents)` and the shares, of the shape of the coupling.

    Example:

    >>> coupling, activations = ops.ones((1, 2)), ops.convert_to_tensor([1.0, 3.0])
    >>> mass, shares = capszoo.ops.mass_and_shares(coupling, activations)
    >>> round(float(mass[0]), 4), [round(float(share), 4) for share in shares[0]]
    (4.0, [0.25, 0.75])
    """
    weights = coupling * activations
    mass = ops.sum(weights, axis=-1) + prior
    return mass, weights / ops.expand_dims(mass, -1)
