"""Passes over the votes of dense capsules for XLA on a CPU: a few children at a time."""

import keras
from keras import ops

from capszoo.kernels.tiles import chunks_per_tile
from capszoo.kernels.tiles import scan_chunks

# Below, XLA takes the exponentials of a row of samples one by one.
_MIN_VECTOR_ROWS = 48
# Each child of a chunk is an operation to compile.
_MAX_CHILDREN_PER_CHUNK = 16
# Of the votes of a chunk. XLA shares out steps from twice this size on between two cores, which
# takes longer than one of them alone.
_MAX_CHUNK_BYTES = 250e3


class ChunkedPasses:
    """`DynamicVotePasses`, the votes of a few children at a time in a core's own cache.

    No vote is ever read from memory, no transform more than once a pass. Samples come last
    inside: of an array `(children, parents, pose_dim, samples)` all sums are of whole vectors.
    Each is written out, for XLA makes one loop of it and the steps around it; a `sum` over one
    of the other axes is a step for itself, several times as slow.

    Args:
        leaky: As in `DynamicRouting`. Defaults to `False`.
        chunks: How many chunks the children are cut into. Defaults to what suits the cache.
    """

    def __init__(self, leaky=False, chunks=None):
        self.leaky = leaky
        self.chunks = chunks

    def sum_votes(self, children, kernel):
        inputs, child_dim, parents, pose_dim = kernel.shape
        flat = ops.reshape(_wide(children), (-1, inputs * child_dim))
        total = ops.matmul(flat, ops.reshape(_wide(kernel), (-1, parents * pose_dim)))
        return ops.reshape(total, (-1, parents, pose_dim))

    def iterate(self, children, kernel, poses, *logits):
        poses = _samples_last(poses)

        def step(total, children, kernel, *logits):
            votes = _votes(children, kernel, poses.shape)
            logits = sum(logits, _agreement(votes, poses))
            coupling = _couple(logits, self.leaky)
            return (total[0] + _sum_children(coupling, votes),), (logits,)

        return self._scan(step, kernel.shape, children, kernel, *logits)

    def iterate_vjp(self, children, kernel, sum_gradient, logits, *logits_gradient):
        sum_gradient = _samples_last(sum_gradient)

        def step(total, children, kernel, logits, *more):
            votes = _votes(children, kernel, sum_gradient.shape)
            coupling = _couple(logits, self.leaky)
            gradient = coupling * _agreement(votes, sum_gradient)
            gradient = gradient - coupling * _sum_parents(gradient)
            gradient = _settle(sum(more, gradient))
            return (total[0] + _sum_children(gradient, votes),), (gradient,)

        return self._scan(step, kernel.shape, children, kernel, logits, *logits_gradient)

    def votes_vjp(self, children, kernel, couplings, coefficients):
        pairs = [*couplings, *coefficients]
        directions = [_samples_last(direction) for _, direction in pairs]
        number = len(couplings)
        dtype = children.dtype

        def step(carry, children, kernel, *factors):
            coupled = [_settle(_couple(logits, self.leaky)) for logits in factors[:number]]
            gradient = sum(
                ops.expand_dims(factor, 2) * direction
                for factor, direction in zip([*coupled, *factors[number:]], directions, strict=True)
            )
            inputs, child_dim, *_ = kernel.shape
            gradient = ops.reshape(ops.cast(gradient, dtype), (inputs, -1, children.shape[-1]))
            flat_kernel = ops.reshape(kernel, (inputs, child_dim, -1))
            kernel_gradient = ops.matmul(gradient, ops.transpose(children, (0, 2, 1)))
            return carry, (ops.matmul(flat_kernel, gradient), kernel_gradient)

        arrays = (_samples_last(children), kernel, *(_samples_last(factor) for factor, _ in pairs))
        _, (children_gradient, kernel_gradient) = scan_chunks(
            step, (), arrays, self._chunks(kernel.shape, children.shape[0])
        )
        kernel_gradient = ops.reshape(ops.transpose(kernel_gradient, (0, 2, 1)), kernel.shape)
        return _samples_first(children_gradient), kernel_gradient

    def _scan(self, step, kernel_shape, children, kernel, *pairs):
        """Scans chunks with a step that sums up parents besides."""
        rows = children.shape[0]
        inputs, child_dim, *_ = kernel_shape
        flat_kernel = ops.reshape(kernel, (inputs, child_dim, -1))
        arrays = (_samples_last(children), flat_kernel, *map(_samples_last, pairs))
        start = ops.zeros((*kernel_shape[2:], rows), dtype=_wide_type(children))
        chunks = self._chunks(kernel_shape, rows)
        (total,), outputs = scan_chunks(step, (start,), arrays, chunks)
        return _samples_first(total), *map(_samples_first, outputs)

    def _chunks(self, kernel_shape, rows):
        """Cuts the children into as few chunks as suit the cache and the compiler."""
        if self.chunks is not None:
            return self.chunks
        children, _, parents, pose_dim = kernel_shape
        bytes_of_one = 4 * parents * pose_dim * rows
        # By itself a child is no batch of products, and takes twice as long.
        least = chunks_per_tile(children, bytes_of_one, max(_MAX_CHUNK_BYTES, 2 * bytes_of_one))
        return next(
            chunks
            for chunks in range(least, children + 1)
            if children % chunks == 0 and children // chunks <= _MAX_CHILDREN_PER_CHUNK
        )


def _wide_type(array):
    return keras.backend.result_type(keras.backend.standardize_dtype(array.dtype), "float32")


def _wide(array):
    return ops.cast(array, _wide_type(array))


def _samples_last(array):
    return ops.moveaxis(array, 0, -1)


def _samples_first(array):
    return ops.moveaxis(array, -1, 0)


def _votes(children, flat_kernel, shape):
    # Of a chunk at a time: a second kernel that lies the other way round takes memory.
    transposed = _lay_down(ops.transpose(flat_kernel, (0, 2, 1)))
    return _wide(ops.reshape(ops.matmul(transposed, children), (-1, *shape)))


def _agreement(votes, poses):
    """`(children, parents, pose_dim, samples)` times poses: `(children, parents, samples)`."""
    return sum(votes[:, :, number] * poses[:, number] for number in range(poses.shape[1]))


def _sum_children(weights, votes):
    """Weighted `(children, parents, pose_dim, samples)`: `(parents, pose_dim, samples)`."""
    return sum(ops.expand_dims(weights[child], 1) * votes[child] for child in range(votes.shape[0]))


def _couple(logits, leaky):
    """Computes `capszoo.ops.couple` of `(children, parents, samples)` over the parents.

    Written out, so that `_exponentials` can take its place in it.
    """
    largest = ops.max(logits, axis=1, keepdims=True)
    if leaky:
        largest = ops.maximum(largest, 0.0)
    weights = _exponentials(logits - largest)
    total = ops.sum(weights, axis=1, keepdims=True)
    if leaky:
        total = total + ops.exp(-largest)
    return weights / total


def _exponentials(array):
    """Takes few samples together with those of the other parents: one long row for a child."""
    children, parents, rows = array.shape
    if rows >= _MIN_VECTOR_ROWS:
        return ops.exp(array)
    rows_together = ops.reshape(_settle(array), (children, parents * rows))
    return ops.reshape(ops.exp(rows_together), array.shape)


def _sum_parents(array):
    """Sums `(children, parents, samples)` over the parents, by a product: one step for itself."""
    return ops.matmul(ops.ones((1, array.shape[1]), dtype=array.dtype), array)


def _settle(array):
    """Gives `(children, parents, samples)` by a product, a step for itself, as it is.

    XLA would compute it anew within each sum that it is a factor of, at every number.
    """
    return ops.matmul(ops.eye(array.shape[1], dtype=array.dtype), array)


def _lay_down(array):
    """Has a transposed array written down as such, as `contiguous` does on PyTorch.

    XLA would multiply it as it lies, by products that take 1.2 times as long. Of what else calls
    `contiguous`, nothing is quicker for it and tiles of dynamic routing take 1.1 times as long.
    """
    if keras.backend.backend() != "jax":
        return array
    import jax

    return jax.lax.optimization_barrier(array)
