"""Which children there are, where some may be missing: padded words, nodes, items."""

from keras import ops


def present(mask, votes, votes_per_child=1):
    """Leaves the votes of missing children out.

    Args:
        mask: Boolean tensor of shape `(batch, *spatial, children)`, true where there is a child;
            `None` where all are there.
        votes: Tensor of shape `(batch, *spatial, parents, children * votes_per_child, pose_dim)`.
        votes_per_child: How many votes of a child stand next to each other. Defaults to `1`.

    Returns:
        The votes, zero where the child is missing, and the presence of the children,
        `(batch, *spatial, 1, children)`, ones and zeros in float32; `None` where all are there.

    Raises:
        ValueError: If the mask does not say of each child whether it is there.

    Example:

    >>> mask, votes = np.array([[True, False]]), np.ones((1, 3, 2, 4), "float32")
    >>> votes, presence = capszoo.ops.present(mask, votes)
    >>> np.asarray(votes)[0, 0, :, 0].tolist(), tuple(presence.shape)
    ([1.0, 0.0], (1, 1, 2))
    """
    if mask is None:
        return votes, None
    outer, count = tuple(votes.shape[1:-3]), votes.shape[-2]
    # In a graph that takes any number of children it is not known.
    children = None if count is None else count // votes_per_child
    if tuple(mask.shape[1:]) != (*outer, children):
        raise ValueError(
            f"Expected a mask of shape (batch, {', '.join(map(str, (*outer, children)))}), one "
            f"boolean for each child. Received: a mask of shape {tuple(mask.shape)}"
        )
    presence = ops.expand_dims(ops.cast(mask, "bool"), -2)
    of_votes = ops.repeat(presence, votes_per_child, axis=-1) if votes_per_child > 1 else presence
    # Not by a product: a missing child may hold anything, NaN too.
    votes = ops.where(ops.expand_dims(of_votes, -1), votes, ops.zeros_like(votes))
    return votes, ops.cast(presence, "float32")
