"""The door to the kernels of dynamic routing."""

import functools

from keras import ops

from capszoo.kernels import banded_dynamic
from capszoo.kernels import chunked_dynamic
from capszoo.kernels import fused_dynamic
from capszoo.kernels import shared_dynamic
from capszoo.kernels import summed_dynamic
from capszoo.kernels import tiled_dynamic
from capszoo.kernels.selection import first_supporting

IMPLEMENTATIONS = [fused_dynamic, chunked_dynamic, tiled_dynamic, summed_dynamic, banded_dynamic]


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
    child_types=None,
    return_coupling=False,
):
    """Finds the kernel for dynamic routing of some votes.

    Args:
        votes: `capszoo.ops.LazyVotes`.
        activations: As in `DynamicRouting`, whose kernels know none. Defaults to `None`.
        mask: Which children there are. Of kernels, the one for children that share a transform
            alone takes one, and expects zeros for the poses of the others. Defaults to `None`.
        bias: Tensor of shape `(parents, pose_dim)` that is added before the squash, or `None`.
        iterations: As in `DynamicRouting`.
        leaky: As in `DynamicRouting`. Defaults to `False`.
        stop_gradient: As in `DynamicRouting`. Defaults to `False`.
        agreement: As in `DynamicRouting`; kernels of votes that have no position know the dot
            product alone. Defaults to `"dot"`.
        normalization: As in `DynamicRouting`; kernels know the softmax. Defaults to `"softmax"`.
        squash: As in `DynamicRouting`. Defaults to `"standard"`.
        child_types: As in `DynamicRouting`; the kernel for children that share a transform alone
            divides. Defaults to `None`.
        return_coupling: As in `DynamicRouting`. Defaults to `False`.

    Returns:
        A function without arguments that gives what `DynamicRouting.call` does; `None` where
        there is no kernel.
    """
    if activations is not None or normalization != "softmax":
        return None
    if agreement != "dot" and votes.geometry.bands is None:
        return None
    # Kernels always add one.
    bias = ops.zeros(votes.kernel.shape[-2:]) if bias is None else ops.convert_to_tensor(bias)
    arguments = {
        "bias": bias,
        "iterations": iterations,
        "leaky": leaky,
        "stop_gradient": stop_gradient,
        "squash": squash,
        "return_coupling": return_coupling,
    }
    if votes.geometry.bands is not None:
        arguments["agreement"] = agreement
    if votes.shared:
        kernel = first_supporting([shared_dynamic], votes, **arguments)
        return kernel and functools.partial(kernel, mask=mask, child_types=child_types)
    if child_types is not None:
        return None
    return first_supporting(IMPLEMENTATIONS, votes, mask, **arguments)
