"""Any routing a few samples at a time, its gradient by automatic differentiation of a tile."""

import math

import keras
from keras import ops

from capszoo.kernels.tiles import rows_per_tile
from capszoo.kernels.tiles import scan_tiles
from capszoo.kernels.vjp import custom_vjp
from capszoo.kernels.vjp import pullback

# Of the sum that a vote is: longer ones take more time to make than to write down and read.
_MAX_SUM_TO_REMAKE = 64


def supports(votes, **_):
    """Tells whether there are more votes than a tile holds, cheap enough to be made twice."""
    rows = votes.shape[0]
    if isinstance(rows, int) and rows <= _rows_per_tile(votes):
        return False
    summed = votes.geometry.places * votes.poses.shape[-1]
    return votes.recompute or summed < _MAX_SUM_TO_REMAKE


def run(votes, function, weights, return_coupling=False):
    """Computes what a routing makes of all the votes, see `call_in_tiles`."""
    names = list(weights)
    given = {name: ops.convert_to_tensor(weight) for name, weight in weights.items()}
    parts = {"poses": votes.poses, "kernel": votes.kernel, "offset": votes.offset}
    present = {name: part for name, part in parts.items() if part is not None}

    def of_tile(poses, *others):
        made = votes.make(poses, others[0])
        if "offset" in present:
            made = made + others[1]
        own = dict(zip(names, others[len(present) - 1 :], strict=True))
        poses, coupling = function(made, **own)
        if not return_coupling:
            return poses
        # As one tensor: Keras gives a gradient of its own to functions with one result.
        return ops.concatenate([poses, coupling], axis=-1)

    pose_dim = votes.shape[-1]
    result = call_in_tiles(of_tile, (*present.values(), *given.values()), _rows_per_tile(votes))
    if not return_coupling:
        return result
    return result[..., :pose_dim], result[..., pose_dim:]


def call_in_tiles(function, arguments, rows):
    """Computes a function of samples a few of them at a time, and forgets what lies between.

    The gradient computes each tile once more, then its gradient by automatic differentiation.

    Args:
        function: Function of tensors that returns one. Rows of the first argument, the samples,
            are rows of the result.
        arguments: Tuple of tensors.
        rows: How many samples a tile has.

    Returns:
        The function's result of all samples.

    Example:

    >>> x, y = ops.ones((5, 2)), ops.ones((2, 3))
    >>> np.asarray(capszoo.kernels.tiled_call.call_in_tiles(ops.matmul, (x, y), 2)).shape
    (5, 3)
    """
    arguments = tuple(map(ops.convert_to_tensor, arguments))

    def forward(samples, *others):
        _, (result,) = scan_tiles(
            lambda carry, tile: (carry, (function(tile, *others),)), (), (samples,), rows
        )
        return result, ()

    def backward(arguments, _, upstream):
        samples, *others = arguments

        def of_tile(carry, tile, upstream):
            gradient, *gradients = pullback(function, (tile, *others), upstream)
            # Over many tiles, sums in half precision would lose digits.
            wide = (ops.cast(one, total.dtype) for total, one in zip(carry, gradients, strict=True))
            carry = tuple(total + one for total, one in zip(carry, wide, strict=True))
            return carry, (gradient,)

        start = tuple(ops.zeros(one.shape, dtype=_wide(one)) for one in others)
        totals, (gradient,) = scan_tiles(of_tile, start, (samples, upstream), rows)
        narrow = (ops.cast(total, one.dtype) for total, one in zip(totals, others, strict=True))
        return gradient, *narrow

    return custom_vjp(forward, backward)(*arguments)


def _wide(tensor):
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return keras.backend.result_type(dtype, "float32")


def _rows_per_tile(votes):
    return rows_per_tile(4 * math.prod(votes.shape[1:]))
