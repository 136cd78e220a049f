"""Parents ranked by what their children give them, and a mask that few of the ranks survive."""

from keras import ops

from capszoo.ops.precision import widen
from capszoo.validation import check_choice

# How children are told by their number: as they stand, or as the code of the paper takes them.
READINGS = ("positions", "authors")
# A capsule that would count for less is set to zero.
LEAST_SHARE = 0.01


def strongest_coupling(coupling, types, reading="positions"):
    """Computes how much parents get from the child of each position that gives them most.

        rho[j] = sum over positions of the maximum over types of c[(position, type), j]

    The paper's code lays children out type by type and takes them for ones laid out position by
    position: each of its maxima is over as many children that follow each other in that order.
    `reading="authors"` computes the same of our children, which stand position by position.

    Args:
        coupling: Tensor of shape `(batch, parents, positions * types)`, children position by
            position.
        types: How many types of children there are at each position.
        reading: `"positions"` or `"authors"`. Defaults to `"positions"`.

    Returns:
        Tensor `(batch, parents)`, in float32.

    Raises:
        ValueError: If the reading is unknown.

    Example:

    >>> coupling = np.array([[[0.1, 0.7, 0.2, 0.3]]], "float32")
    >>> [
    ...     round(float(capszoo.ops.strongest_coupling(coupling, 2, reading)[0, 0]), 1)
    ...     for reading in ("positions", "authors")
    ... ]
    [1.0, 0.9]

    Reference:

    - [Rawlinson, Ahmed, Kowadlo, 2018](https://arxiv.org/abs/1804.06094)
    """
    check_choice("reading", reading, READINGS)
    _, parents, children = coupling.shape
    positions = children // types
    coupling = ops.reshape(widen(coupling), (-1, parents, positions, types))
    if reading == "authors":
        coupling = ops.transpose(coupling, (0, 1, 3, 2))
        coupling = ops.reshape(coupling, (-1, parents, positions, types))
    return ops.sum(ops.max(coupling, axis=-1), axis=-1)


def ranks(x):
    """Counts how many entries are greater: 0 for the greatest; of equal ones the first is before.

    Args:
        x: Tensor of shape `(..., n)`.

    Returns:
        Tensor of the same shape, in float32; no gradient flows through it.

    Example:

    >>> x = np.array([0.2, 0.5, 0.2, 0.9], "float32")
    >>> keras.ops.convert_to_numpy(capszoo.ops.ranks(x)).tolist()
    [2.0, 1.0, 3.0, 0.0]
    """
    own, other = ops.expand_dims(x, -1), ops.expand_dims(x, -2)
    number = ops.arange(x.shape[-1])
    first = ops.expand_dims(number, -2) < ops.expand_dims(number, -1)
    before = ops.logical_or(other > own, ops.logical_and(other == own, first))
    return ops.stop_gradient(ops.sum(ops.cast(before, "float32"), axis=-1))


def rank_mask(rank, decay):
    """Computes what is left of a capsule of some rank.

        mask = exp(-decay * rank / (capsules - 1)), zero where that is below 0.01

    With the paper's decay of 12 and 16 capsules the first six are left, of the sixth a fiftieth.

    Args:
        rank: Tensor of shape `(..., capsules)`, as `ranks` gives it.
        decay: How fast little is left; 0 leaves all as they are.

    Returns:
        Tensor of the same shape.

    Example:

    >>> mask = capszoo.ops.rank_mask(np.arange(16, dtype="float32"), 12.0)
    >>> keras.ops.convert_to_numpy(mask).astype("float64").round(2)[:8].tolist()
    [1.0, 0.45, 0.2, 0.09, 0.04, 0.02, 0.0, 0.0]
    """
    mask = ops.exp(-decay * rank / max(rank.shape[-1] - 1, 1))
    return ops.where(mask < LEAST_SHARE, ops.zeros_like(mask), mask)


def change_boost(boost, frequency, rare=0.03, frequent=0.12, step=0.1):
    """Raises the boost of capsules that are seldom first, and lowers that of those often first.

    Args:
        boost: Tensor of factors, at least 1.
        frequency: How often each capsule is first, a tensor of the same shape.
        rare: Below which frequency a boost rises. Defaults to `0.03`.
        frequent: Above which it sinks, to 1 at least. Defaults to `0.12`.
        step: By how much. Defaults to `0.1`.

    Returns:
        Tensor of the same shape.

    Example:

    >>> boost = np.array([1.05, 1.0, 1.25, 1.0], "float32")
    >>> frequency = np.array([0.5, 0.01, 0.13, 0.0625], "float32")
    >>> found = capszoo.ops.change_boost(boost, frequency)
    >>> keras.ops.convert_to_numpy(found).astype("float64").round(2).tolist()
    [1.0, 1.1, 1.15, 1.0]
    """
    lowered = ops.where(frequency > frequent, ops.maximum(boost - step, 1.0), boost)
    return ops.where(frequency < rare, boost + step, lowered)
