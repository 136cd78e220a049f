"""The door to the kernels of DeepCaps' 3-D routing."""

from keras import ops

from capszoo.kernels import whole_deepcaps
from capszoo.kernels.selection import first_supporting

IMPLEMENTATIONS = [whole_deepcaps]


def select(votes, activations=None, mask=None, *, bias, iterations, return_coupling=False):
    """Finds the kernel for 3-D routing of some votes.

    Args:
        votes: `capszoo.ops.LazyVotes`.
        activations: As in `DeepCapsRouting`, whose kernels know none. Defaults to `None`.
        mask: As in `capszoo.kernels.selection.first_supporting`. Defaults to `None`.
        bias: Tensor of shape `(parents, pose_dim)` that is added before the squash, or `None`.
        iterations: As in `DeepCapsRouting`.
        return_coupling: As in `DeepCapsRouting`. Defaults to `False`.

    Returns:
        A function without arguments that gives what `DeepCapsRouting.call` does; `None` where
        there is no kernel.
    """
    if activations is not None:
        return None
    # Kernels always add one.
    bias = ops.zeros(votes.kernel.shape[-2:]) if bias is None else ops.convert_to_tensor(bias)
    return first_supporting(
        IMPLEMENTATIONS,
        votes,
        mask,
        bias=bias,
        iterations=iterations,
        return_coupling=return_coupling,
    )
