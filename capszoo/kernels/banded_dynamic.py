"""Dynamic routing over maps, band by band, with its gradient written out."""

import math

import keras
from keras import ops

from capszoo.device import runs_on_cpu
from capszoo.kernels.banded_passes import route_backward
from capszoo.kernels.banded_passes import route_forward
from capszoo.kernels.tiles import rows_per_tile
from capszoo.kernels.tiles import scan_tiles
from capszoo.kernels.vjp import custom_vjp
from capszoo.kernels.vjp import value_and_pullback
from capszoo.ops import squash as squash_by_kind
from capszoo.ops import widen

# How many times as large as its votes a tile counts as: the gradient holds so many tensors of their
# size, and takes least time where they stay in a core's own cache. A training step of SegCaps' last
# layer, 64x64 to 128x128, takes 1.45 times as long with eight times as much (PyTorch, one core).
_TENSORS_PER_TILE = 8
# Of the sum that a vote is: longer ones take more time to make again than is won. Training steps of
# layers of SegCaps take 0.6, 1.0 and 1.6 times as long as the straightforward form where votes are
# sums of 64, 400 and 800 (PyTorch, one core).
_MAX_SUM_TO_REMAKE = 400


def supports(votes, return_coupling=False, **_):
    """Tells whether the votes are of maps, and bands of them beat all at once here."""
    if votes.geometry.bands is None or return_coupling:
        return False
    long = votes.geometry.bands.places * votes.poses.shape[-1] > _MAX_SUM_TO_REMAKE
    if long and not votes.recompute:
        return False
    rows = votes.shape[0]
    few = isinstance(rows, int) and rows <= rows_per_tile(_bytes_of_sample(votes))
    return runs_on_cpu() or votes.recompute or not few


def run(
    votes,
    bias,
    iterations,
    leaky=False,
    stop_gradient=False,
    squash="standard",
    agreement="dot",
    return_coupling=False,
):
    """Computes what `DynamicRouting` does of maps.

    A tile is a few samples, or a band of one. Its votes lie with positions last, so that each
    step of the routing goes along them. For the gradient nothing is kept: it makes the votes of a
    tile once more, routes them again and goes back, see `route_backward`.

    Args:
        votes: `capszoo.ops.LazyVotes` of a geometry with bands.
        bias: Tensor of shape `(parents, pose_dim)`, added before the squash.
        iterations: As in `DynamicRouting`.
        leaky: As in `DynamicRouting`. Defaults to `False`.
        stop_gradient: As in `DynamicRouting`. Defaults to `False`.
        squash: As in `DynamicRouting`. Defaults to `"standard"`.
        agreement: As in `DynamicRouting`. Defaults to `"dot"`.
        return_coupling: `False`.

    Returns:
        Poses `(batch, *positions, parents, pose_dim)`, in the dtype of the children; computed in
        float32 from votes of that dtype.
    """
    bands, (number, rows) = votes.geometry.bands, _bands_and_rows(votes)
    dtype = votes.dtype
    wide = keras.backend.result_type(dtype, "float32")
    pose = votes.kernel.shape[-2:]
    options = (iterations, leaky, squash, agreement)
    parts = bands.parts(votes.poses, number)
    height = parts.shape[1]

    def made(parts, kernel, *offset):
        """The votes, `(children, maps, parents, pose_dim, places)`."""
        made = bands.make(parts, kernel)
        if offset:
            # From `(parents, children, pose_dim)`, or 1 for all children.
            made = made + ops.transpose(offset[0], (1, 0, 2))[:, None, :, :, None]
        return widen(made, wide)

    def by_part(maps):
        return ops.reshape(maps, (-1, bands.maps * math.prod(maps.shape[1:])))

    def forward_all(parts, kernel, bias, *offset):
        def forward_tile(carry, parts):
            sums, *_ = route_forward(made(parts, kernel, *offset), bias, *options)
            poses = squash_by_kind(sums[-1], axis=2, kind=squash)
            return carry, (ops.cast(by_part(poses), dtype),)

        _, (poses,) = scan_tiles(forward_tile, (), (parts,), rows)
        return poses, ()

    def backward_all(arguments, _, upstream):
        parts, kernel, bias, *offset = arguments

        def backward_tile(carry, parts, upstream):
            votes, pull = value_and_pullback(made, (parts, kernel, *offset))
            upstream = ops.reshape(widen(upstream, wide), (-1, *votes.shape[2:]))
            votes_gradient, bias_gradient = route_backward(
                votes, bias, upstream, *options, stop_gradient
            )
            parts_gradient, *others = pull(votes_gradient)
            others = (others[0], bias_gradient, *others[1:])
            carry = tuple(
                total + ops.cast(new, wide) for total, new in zip(carry, others, strict=True)
            )
            return carry, (parts_gradient,)

        zeros = tuple(ops.zeros(one.shape, dtype=wide) for one in (kernel, bias, *offset))
        totals, (parts_gradient,) = scan_tiles(backward_tile, zeros, (parts, upstream), rows)
        totals = (
            ops.cast(total, one.dtype)
            for total, one in zip(totals, (kernel, bias, *offset), strict=True)
        )
        return parts_gradient, *totals

    offset = [] if votes.offset is None else [ops.cast(votes.offset, dtype)]
    kernel = ops.cast(votes.kernel, dtype)
    bias = ops.cast(bias, wide)[..., None]
    poses = custom_vjp(forward_all, backward_all)(parts, kernel, bias, *offset)
    poses = ops.reshape(poses, (-1, *pose, poses.shape[-1] // (bands.maps * math.prod(pose))))
    poses = bands.join(poses, height, number)
    return ops.reshape(poses, (-1, *votes.geometry.positions, *pose))


def _bands_and_rows(votes):
    """Into how many bands a map is cut, and how many of them a tile has."""
    bytes_of_sample = _bytes_of_sample(votes)
    rows = votes.geometry.bands.rows
    # A power of two, as rows of tiles are.
    rows_at_once = rows_per_tile(_TENSORS_PER_TILE * bytes_of_sample / rows)
    if rows_at_once < rows:
        return -(-rows // rows_at_once), 1
    return 1, rows_per_tile(_TENSORS_PER_TILE * bytes_of_sample)


def _bytes_of_sample(votes):
    return 4 * math.prod(votes.shape[1:])
