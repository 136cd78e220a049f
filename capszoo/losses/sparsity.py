"""What has few capsules be present in an example, and each of them in some examples."""

from keras import ops

from capszoo.ops import safe_log
from capszoo.ops import widen


def presence_sparsity(presence, classes):
    """Computes how far capsules are from each being present in one of so many classes.

        within  = mean over examples of (sum over capsules of a - capsules / classes)^2
        between = mean over capsules of (sum over examples of a - examples / classes)^2

    Args:
        presence: Tensor of shape `(batch, capsules)`, between 0 and 1.
        classes: How many kinds of examples there are thought to be.

    Returns:
        The two numbers; both are to be small.

    Example:

    >>> within, between = capszoo.losses.presence_sparsity(np.eye(2, dtype="float32"), classes=2)
    >>> float(within), float(between)
    (0.0, 0.0)

    Reference:

    - [Kosiorek et al., 2019](https://arxiv.org/abs/1906.06818)
    """
    presence = widen(presence)
    capsules = presence.shape[-1]
    examples = ops.cast(ops.shape(presence)[0], "float32")
    within = ops.square(ops.sum(presence, axis=1) - capsules / classes)
    between = ops.square(ops.sum(presence, axis=0) - examples / classes)
    return ops.mean(within), ops.mean(between)


def presence_entropies(presence):
    """Computes how evenly capsules are present, in each example and in all of them together.

    Entropies of `a / sum(a)` over the capsules: of each example, and of the sums over examples.

    Args:
        presence: Tensor of shape `(batch, capsules)`, not negative.

    Returns:
        The mean of the examples, which is small where few capsules explain each, and that of the
        batch, which is large where all of them are used.

    Example:

    >>> within, between = capszoo.losses.presence_entropies(np.eye(2, dtype="float32"))
    >>> round(float(within), 4), round(float(between), 4)
    (0.0, 0.6931)

    Reference:

    - [Kosiorek et al., 2019](https://arxiv.org/abs/1906.06818)
    """
    presence = widen(presence)
    return ops.mean(_entropy(presence)), _entropy(ops.sum(presence, axis=0))


def _entropy(amounts):
    shares = amounts / ops.maximum(ops.sum(amounts, axis=-1, keepdims=True), 1e-16)
    return -ops.sum(shares * safe_log(shares), axis=-1)
