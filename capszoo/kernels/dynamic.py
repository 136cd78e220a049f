"""The door to the kernels of dynamic routing."""

from keras import ops

from capszoo.kernels import chunked_dynamic
from capszoo.kernels import fused_dynamic
from capszoo.kernels import tiled_dynamic
from capszoo.kernels.selection import first_supporting

IMPLEMENTATIONS = [fused_dynamic, chunked_dynamic, tiled_dynamic]


def select(
    votes,
    activations=None,
    mask=None,
    *,
    bias,
    iterations,
    leaky=False,
    stop_gradient=False,
    agreement="dot",
    normalization="softmax",
    squash="standard",
    return_coupling=False,
):
    """Finds the kernel for dynamic routing of some votes.

    Args:
        votes: `capszoo.ops.LazyVotes`.
        activations: As in `DynamicRouting`, whose kernels know none. Defaults to `None`.
        mask: As in `capszoo.kernels.selection.first_supporting`. Defaults to `None`.
        bias: Tensor of shape `(parents, pose_dim)` that is added before the squash, or `None`.
        iterations: As in `DynamicRouting`.
        leaky: As in `DynamicRouting`. Defaults to `False`.
        stop_gradient: As in `DynamicRouting`. Defaults to `False`.
        agreement: As in `DynamicRouting`; kernels know the dot product. Defaults to `"dot"`.
        normalization: As in `DynamicRouting`; kernels know the softmax. Defaults to `"softmax"`.
        squash: As in `DynamicRouting`. Defaults to `"standard"`.
        return_coupling: As in `DynamicRouting`. Defaults to `False`.

    Returns:
        A function without arguments that gives what `DynamicRouting.call` does; `None` where
        there is no kernel.
    """
    if activations is not None or (agreement, normalization) != ("dot", "softmax"):
        return None
    # Kernels always add one.
    bias = ops.zeros(votes.kernel.shape[-2:]) if bias is None else ops.convert_to_tensor(bias)
    return first_supporting(
        IMPLEMENTATIONS,
        votes,
        mask,
        bias=bias,
        iterations=iterations,
        leaky=leaky,
        stop_gradient=stop_gradient,
        squash=squash,
        return_coupling=return_coupling,
    )
