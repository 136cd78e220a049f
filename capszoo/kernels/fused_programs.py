"""Passes over the votes of dense capsules as one GPU program each, in JAX's Pallas.

A program goes over some of the children with a few samples. Votes are made in registers,
compared with the parents, summed up and forgotten: what is read and written is of the size of
the children, the transforms and the logits.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas
from jax.experimental.pallas import triton

# As measured on an H100 for 1152 children of 8, 10 parents of 16 and 128 samples.
_ROWS = 16
_PROGRAMS = 512
_STAGES = 2
# Numbers of one sample's votes for each warp.
_NUMBERS_PER_WARP = 128
# Of one sample's votes of a child: they and two more of their size are in registers.
_MAX_NUMBERS = 1024
_MAX_CHILD_DIM = 32


def suits(child_dim, parents, pose_dim):
    """Tells whether votes of a child fit the registers of a program.

    Args:
        child_dim: Length of a child's pose.
        parents: Number of parents.
        pose_dim: Length of a parent's pose.
    """
    numbers = sum(number for _, number in _groups(parents)) * _power_of_two(pose_dim)
    return child_dim <= _MAX_CHILD_DIM and numbers <= _MAX_NUMBERS


def iterate(children, kernel, poses, *logits, leaky=False, interpret=False):
    """Compares votes with poses, adds that to logits and sums the votes by the coupling.

    Args:
        children: Array of shape `(batch, children, child_dim)`.
        kernel: Array of shape `(children, child_dim, parents, pose_dim)`.
        poses: Array of shape `(batch, parents, pose_dim)`.
        *logits: None, or one array of shape `(batch, children, parents)`.
        leaky: As in `DynamicRouting`. Defaults to `False`.
        interpret: Whether JAX runs the kernel by itself, on any device. Defaults to `False`.

    Returns:
        The sums `(batch, parents, pose_dim)` and the logits `(batch, children, parents)`.
    """

    def step(tile, votes, poses, *logits):
        new = tile.agreement(votes, poses)
        for old in logits:
            new = _add(new, old)
        return tile.couple(new, leaky), new

    return _sweep(step, children, kernel, poses, logits, interpret)


def attend(children, kernel, poses, coupling_bias, interpret=False):
    """Does what `iterate` does, with a bias added to the coupling.

    Args:
        children: As in `iterate`.
        kernel: As in `iterate`.
        poses: As in `iterate`.
        coupling_bias: Array of shape `(1, children, parents)`.
        interpret: As in `iterate`.

    Returns:
        As `iterate`.
    """

    def step(tile, votes, poses, bias):
        logits = tile.agreement(votes, poses)
        return _add(tile.couple(logits), bias), logits

    return _sweep(step, children, kernel, poses, (coupling_bias,), interpret)


def iterate_vjp(children, kernel, sum_gradient, *logits, leaky=False, interpret=False):
    """Computes the gradient of poses and logits from that of the sums of `iterate`.

    Args:
        children: As in `iterate`.
        kernel: As in `iterate`.
        sum_gradient: Array of shape `(batch, parents, pose_dim)`.
        *logits: What `iterate` returned, and perhaps a gradient of them that is there already.
        leaky: As in `iterate`. Defaults to `False`.
        interpret: As in `iterate`.

    Returns:
        The gradient of the poses and that of the logits.
    """

    def step(tile, votes, sum_gradient, logits, *more):
        coupling = tile.couple(logits, leaky)
        gradient = _multiply(coupling, tile.agreement(votes, sum_gradient))
        mean = sum(jnp.sum(part, axis=1, keepdims=True) for part in gradient)
        gradient = [part - mean * own for part, own in zip(gradient, coupling, strict=True)]
        for old in more:
            gradient = _add(gradient, old)
        return gradient, gradient

    return _sweep(step, children, kernel, sum_gradient, logits, interpret)


def _add(one, other):
    return [a + b for a, b in zip(one, other, strict=True)]


def _multiply(one, other):
    return [a * b for a, b in zip(one, other, strict=True)]


def _sweep(step, children, kernel, poses, pairs, interpret):
    """Does a step for each child, a few samples at a time, and sums up its votes.

    Args:
        step: Function of a tile, the votes of a child, the poses and the child's part of the
            pairs. It returns the weights of the votes and a new pair.
        children: As in `iterate`.
        kernel: As in `iterate`.
        poses: As in `iterate`.
        pairs: Arrays of shape `(batch, children, parents)`, or with 1 for the batch.
        interpret: As in `iterate`.

    Returns:
        The sums and the new pairs.
    """
    batch, inputs, child_dim = children.shape
    parents, pose_dim = kernel.shape[2:]
    width = parents * pose_dim
    tiles = -(-batch // _ROWS)
    run = -(-inputs // min(inputs, -(-_PROGRAMS // tiles)))
    runs = -(-inputs // run)

    def program(poses_ref, children_ref, kernel_ref, *refs):
        *pair_refs, total_ref, new_ref = refs
        tile = _Tile(batch, parents, pose_dim)
        poses = tile.load_poses(poses_ref)
        number = pallas.program_id(1)

        def body(child, total):
            votes = tile.make_votes(children_ref, kernel_ref, child)
            weights, new = step(
                tile, votes, poses, *(tile.load_pairs(ref, child) for ref in pair_refs)
            )
            tile.store_pairs(new_ref, child, new)
            return tuple(_add(total, _multiply([part[:, :, None] for part in weights], votes)))

        end = jnp.minimum((number + 1) * run, inputs)
        total = lax.fori_loop(number * run, end, body, tuple(map(jnp.zeros_like, poses)))
        tile.store_poses(total_ref, number, total)

    numbers = sum(number for _, number in _groups(parents)) * _power_of_two(pose_dim)
    totals, new = pallas.pallas_call(
        program,
        out_shape=[
            jax.ShapeDtypeStruct((runs, batch, width), jnp.float32),
            jax.ShapeDtypeStruct((batch, inputs, parents), jnp.float32),
        ],
        grid=(tiles, runs),
        # Pallas has other GPU backends; these parameters ask for Triton.
        compiler_params=triton.CompilerParams(
            num_warps=_power_of_two(-(-numbers // _NUMBERS_PER_WARP)), num_stages=_STAGES
        ),
        interpret=interpret,
    )(
        jnp.reshape(poses, (batch, width)),
        children,
        jnp.reshape(kernel, (inputs, child_dim, width)),
        *pairs,
    )
    return jnp.reshape(jnp.sum(totals, axis=0), poses.shape), new


class _Tile:
    """Some samples, and the parents in groups whose numbers are powers of two.

    What there is of each parent is a list, an array for each group: poses and votes
    `(samples, parents, pose_dim)`, pairs `(samples, parents)`.
    """

    def __init__(self, batch, parents, pose_dim):
        self._batch, self._parents, self._pose_dim = batch, parents, pose_dim
        self._padded_dim = _power_of_two(pose_dim)
        self._groups = _groups(parents)
        self._first_row = pallas.program_id(0) * _ROWS

    def load_poses(self, ref):
        poses = []
        for first, number in self._groups:
            columns, mask = self._columns(first, number, _ROWS)
            rows, mask = self._rows(mask)
            flat = triton.load(ref.at[rows, columns], mask=mask, other=0.0)
            poses.append(self._unflatten(flat, number))
        return poses

    def store_poses(self, ref, run, poses):
        for (first, number), part in zip(self._groups, poses, strict=True):
            columns, mask = self._columns(first, number, _ROWS)
            rows, mask = self._rows(mask)
            flat = jnp.reshape(part, columns.shape)
            triton.store(ref.at[run, rows, columns], flat, mask=mask)

    def make_votes(self, children_ref, kernel_ref, child):
        child_dim = children_ref.shape[2]
        padded = _power_of_two(child_dim)
        entry = lax.broadcasted_iota(jnp.int32, (_ROWS, padded), 1)
        rows, mask = self._rows(entry < child_dim)
        pose = triton.load(children_ref.at[rows, child, entry], mask=mask, other=0.0)
        votes = []
        for first, number in self._groups:
            columns, mask = self._columns(first, number, padded)
            entry = lax.broadcasted_iota(jnp.int32, columns.shape, 0)
            mask = mask & (entry < child_dim)
            weights = triton.load(kernel_ref.at[child, entry, columns], mask=mask, other=0.0)
            # In float32 throughout: the matrix units' float32 has three digits.
            product = jnp.dot(
                pose.astype(jnp.float32),
                weights.astype(jnp.float32),
                precision=lax.Precision.HIGHEST,
            )
            votes.append(self._unflatten(product, number))
        return votes

    def load_pairs(self, ref, child):
        pairs = []
        for first, number in self._groups:
            rows, parents, mask = self._pair(first, number)
            if ref.shape[0] == 1:
                rows = jnp.zeros_like(rows)
            pairs.append(triton.load(ref.at[rows, child, parents], mask=mask, other=0.0))
        return pairs

    def store_pairs(self, ref, child, pairs):
        for (first, number), part in zip(self._groups, pairs, strict=True):
            rows, parents, mask = self._pair(first, number)
            triton.store(ref.at[rows, child, parents], part, mask=mask)

    def agreement(self, votes, poses):
        return [jnp.sum(part, axis=2) for part in _multiply(votes, poses)]

    def couple(self, logits, leaky=False):
        real = []
        for (first, number), part in zip(self._groups, logits, strict=True):
            _, parents, _ = self._pair(first, number)
            real.append(jnp.where(parents < self._parents, part, -jnp.inf))
        tops = [jnp.max(part, axis=1, keepdims=True) for part in real]
        top = jnp.maximum(tops[0], tops[-1])
        if leaky:
            top = jnp.maximum(top, 0.0)
        exponentials = [jnp.exp(part - top) for part in real]
        total = sum(jnp.sum(part, axis=1, keepdims=True) for part in exponentials)
        if leaky:
            total = total + jnp.exp(-top)
        return [part / total for part in exponentials]

    def _rows(self, mask):
        """Rows of the samples, and the mask without what is no sample."""
        rows = self._first_row + lax.broadcasted_iota(jnp.int32, mask.shape, 0)
        return rows, mask if self._batch % _ROWS == 0 else mask & (rows < self._batch)

    def _columns(self, first, number, lines):
        """Columns of a group's poses, each flattened, and which of them there are."""
        shape = (lines, number * self._padded_dim)
        column = lax.broadcasted_iota(jnp.int32, shape, 1)
        parent, entry = first + column // self._padded_dim, column % self._padded_dim
        mask = (parent < self._parents) & (entry < self._pose_dim)
        return parent * self._pose_dim + entry, mask

    def _pair(self, first, number):
        parents = first + lax.broadcasted_iota(jnp.int32, (_ROWS, number), 1)
        rows, mask = self._rows(parents < self._parents)
        return rows, parents, mask

    def _unflatten(self, flat, number):
        return jnp.reshape(flat, (_ROWS, number, self._padded_dim))


def _groups(parents):
    """Cuts parents into one or two groups of powers of two: the first of each, and how many."""
    first = 1 << (parents.bit_length() - 1)
    rest = _power_of_two(parents - first) if parents > first else 0
    if first + rest >= _power_of_two(parents):
        return [(0, _power_of_two(parents))]
    return [(0, first), (first, rest)]


def _power_of_two(number):
    return 1 << (number - 1).bit_length()
