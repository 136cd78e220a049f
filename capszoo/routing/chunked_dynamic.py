"""Dynamic routing of dense capsules, a few children at a time, with its gradient written out."""

import functools

import keras
from keras import ops

from capszoo.ops import chunks_per_tile
from capszoo.ops import scan_chunks
from capszoo.ops import scan_tiles
from capszoo.ops import squash
from capszoo.ops import squash_gradient
from capszoo.ops.tiles import runs_on_cpu
from capszoo.routing.agreement import couple
from capszoo.routing.agreement import uniform_coupling

# Below, a product for each child is too small to be quick.
_LEAST_ROWS = 32
# Above, the votes of a single child no longer fit a core's own cache.
_MOST_ROWS = 512
# Each child of a chunk is an operation to compile.
_MOST_CHILDREN = 16


def prefers_chunks(rows):
    """Tells whether `route_in_chunks` beats `route_in_tiles` here.

    Args:
        rows: Number of samples, or `None` where it is not known.
    """
    if keras.backend.backend() != "jax" or not runs_on_cpu():
        return False
    return isinstance(rows, int) and rows >= _LEAST_ROWS


def route_in_chunks(
    children,
    kernel,
    bias,
    iterations,
    leaky=False,
    stop_gradient=False,
    return_coupling=False,
    rows=None,
    chunks=None,
):
    """Computes what `route_in_tiles` does, by the same equations, in another order.

    A child's coupling depends on its own votes alone. So each iteration goes over all samples
    and a few children at a time: their votes are made, compared with the parents of the
    iteration before and summed up while they are in a core's own cache, and made again for the
    next iteration, forward and backward. No vote is ever read from memory, no transform more
    than once an iteration. The first iteration, whose coupling is uniform, is one product of
    children and kernel; the gradient of the votes does not depend on votes, so that it takes
    two products more, and no votes.

    Samples come last here: of an array `(children, parents, pose_dim, samples)` all sums are of
    whole vectors. Each is written out, for XLA makes one loop of it and the steps around it; a
    `sum` over one of the other axes is a step for itself, several times as slow.

    Args:
        children: As in `route_in_tiles`.
        kernel: As in `route_in_tiles`.
        bias: As in `route_in_tiles`.
        iterations: As in `DynamicRouting`.
        leaky: As in `DynamicRouting`. Defaults to `False`.
        stop_gradient: As in `DynamicRouting`. Defaults to `False`.
        return_coupling: As in `DynamicRouting`. Defaults to `False`.
        rows: How many samples there are in a tile. Defaults to all of them, up to 512.
        chunks: How many chunks the children are cut into. Defaults to what suits the cache.

    Returns:
        As `route_in_tiles`.
    """
    children, kernel, bias = map(ops.convert_to_tensor, (children, kernel, bias))
    inputs, child_dim, parents, pose_dim = kernel.shape
    width = parents * pose_dim
    dtype = keras.backend.standardize_dtype(children.dtype)
    wide = keras.backend.result_type(dtype, "float32")
    uniform = uniform_coupling(parents, leaky)
    if rows is None:
        rows = _even_rows(children.shape[0])
    if chunks is None:
        chunks = _chunks_of(inputs, width, rows)
    kernel = ops.reshape(ops.cast(kernel, dtype), (inputs, child_dim, width))

    def make_votes(children, kernel):
        votes = ops.matmul(ops.transpose(kernel, (0, 2, 1)), children)
        votes = ops.reshape(votes, (votes.shape[0], parents, pose_dim, -1))
        return ops.cast(votes, wide)

    def scan(step, arrays):
        """Scans chunks with a step that sums up parents besides."""
        start = ops.zeros((parents, pose_dim, ops.shape(arrays[0])[-1]), dtype=wide)
        (total,), outputs = scan_chunks(step, (start,), arrays, chunks)
        return _samples_first(total), outputs

    def iterate(poses, total, children, kernel, *logits):
        """Turns some children to the parents that their votes agree with."""
        votes = make_votes(children, kernel)
        logits = sum(logits, _agreement(votes, poses))
        return (total[0] + _sum_children(couple(logits, leaky), votes),), (logits,)

    def forward(children, bias, kernel):
        flat = ops.reshape(ops.cast(children, wide), (-1, inputs * child_dim))
        total = ops.matmul(flat, ops.reshape(ops.cast(kernel, wide), (-1, width)))
        sums = [ops.reshape(total * uniform, (-1, parents, pose_dim)) + bias]
        children, logits = _samples_last(children), []
        for _ in range(iterations - 1):
            step = functools.partial(iterate, _samples_last(squash(sums[-1])))
            total, new = scan(step, (children, kernel, *logits[-1:]))
            sums.append(total + bias)
            logits += new
        return sums, logits

    def go_back(sum_gradient, total, children, kernel, logits, *more):
        """Computes the gradient of the logits of some children, before an iteration.

        `more` are parts of it that are there already.
        """
        votes = make_votes(children, kernel)
        coupling = couple(logits, leaky)
        gradient = coupling * _agreement(votes, sum_gradient)
        gradient = gradient - coupling * _sum_parents(gradient)
        gradient = _settle(sum(more, gradient))
        return (total[0] + _sum_children(gradient, votes),), (gradient, coupling)

    def backward(children, kernel, sums, logits, poses_gradient, coupling_gradient):
        """Returns the gradients of children, kernel and bias."""
        coefficients, directions = [], []
        logits_gradient, bias_gradient = (), 0.0
        if coupling_gradient is not None and logits:
            # Through the softmax.
            coupling = couple(logits[-1], leaky)
            inner = coupling * coupling_gradient
            logits_gradient = (inner - coupling * _sum_parents(inner),)
        for iteration in reversed(range(iterations)):
            sum_gradient = squash_gradient(sums[iteration], poses_gradient)
            bias_gradient = bias_gradient + ops.sum(sum_gradient, axis=0)
            if iteration > 0:
                step = functools.partial(go_back, _samples_last(sum_gradient))
                arrays = (children, kernel, logits[iteration - 1], *logits_gradient)
                poses_gradient, (*logits_gradient, coupling) = scan(step, arrays)
                if not stop_gradient:
                    coefficients += logits_gradient
                    directions.append(squash(sums[iteration - 1]))
            else:
                coupling = ops.full((inputs, parents, 1), uniform, dtype=wide)
            if not stop_gradient or iteration == iterations - 1:
                coefficients.append(coupling)
                directions.append(sum_gradient)
        directions = [_samples_last(direction) for direction in directions]

        def multiply(carry, children, kernel, *coefficients):
            gradient = sum(
                ops.expand_dims(coefficient, 2) * direction
                for coefficient, direction in zip(coefficients, directions, strict=True)
            )
            gradient = ops.reshape(ops.cast(gradient, dtype), (children.shape[0], width, -1))
            kernel_gradient = ops.matmul(gradient, ops.transpose(children, (0, 2, 1)))
            return carry, (ops.matmul(kernel, gradient), kernel_gradient)

        arrays = (children, kernel, *coefficients)
        _, (children_gradient, kernel_gradient) = scan_chunks(multiply, (), arrays, chunks)
        return children_gradient, ops.transpose(kernel_gradient, (0, 2, 1)), bias_gradient

    @ops.custom_gradient
    def routed(children, kernel, bias):
        def forward_tile(carry, children):
            sums, logits = forward(children, bias, kernel)
            return carry, (squash(sums[-1]), *sums, *map(_samples_first, logits))

        _, (result, *kept) = scan_tiles(forward_tile, (), (children,), rows)
        if return_coupling:
            if iterations > 1:
                coupling = couple(ops.transpose(kept[-1], (0, 2, 1)), leaky)
            else:
                coupling = ops.full((ops.shape(result)[0], parents, inputs), uniform, dtype=wide)
            # As one tensor: Keras gives a gradient of its own to functions with one result.
            result = ops.concatenate([result, coupling], axis=-1)

        def gradient(*arguments, upstream=None):
            if upstream is None:
                (upstream,) = arguments

            def backward_tile(carry, children, upstream, *kept):
                coupling_gradient = None
                if return_coupling:
                    coupling_gradient = ops.transpose(upstream[..., pose_dim:], (2, 1, 0))
                children_gradient, *new = backward(
                    _samples_last(children),
                    kernel,
                    kept[:iterations],
                    list(map(_samples_last, kept[iterations:])),
                    upstream[..., :pose_dim],
                    coupling_gradient,
                )
                carry = tuple(
                    old + ops.cast(one, wide) for old, one in zip(carry, new, strict=True)
                )
                return carry, (_samples_first(children_gradient),)

            (kernel_gradient, bias_gradient), (children_gradient,) = scan_tiles(
                backward_tile,
                (ops.zeros(kernel.shape, dtype=wide), ops.zeros(bias.shape, dtype=wide)),
                (children, ops.cast(upstream, wide), *kept),
                rows,
            )
            return children_gradient, ops.cast(kernel_gradient, dtype), bias_gradient

        return ops.cast(result, dtype), gradient

    result = routed(children, kernel, ops.cast(bias, wide))
    if return_coupling:
        return result[..., :pose_dim], result[..., pose_dim:]
    return result


def _even_rows(number):
    """Cuts a number of samples into as few tiles as may be, all nearly alike."""
    if number <= _MOST_ROWS:
        return number
    # Two halves of a tile are done at a time.
    halves = 2 * -(-number // _MOST_ROWS)
    return 2 * -(-number // halves)


def _chunks_of(children, width, rows):
    """Cuts a number of children into as few chunks as suit the cache and the compiler."""
    # Chunks of twice the usual size: as quick on one core, quicker on two.
    least = chunks_per_tile(children, 4 * width * rows // 2)
    return next(
        chunks
        for chunks in range(least, children + 1)
        if children % chunks == 0 and children // chunks <= _MOST_CHILDREN
    )


def _samples_last(array):
    return ops.moveaxis(array, 0, -1)


def _samples_first(array):
    return ops.moveaxis(array, -1, 0)


def _agreement(votes, poses):
    """`(children, parents, pose_dim, samples)` times poses: `(children, parents, samples)`."""
    return sum(votes[:, :, number] * poses[:, number] for number in range(poses.shape[1]))


def _sum_children(weights, votes):
    """Weighted `(children, parents, pose_dim, samples)`: `(parents, pose_dim, samples)`."""
    return sum(ops.expand_dims(weights[child], 1) * votes[child] for child in range(votes.shape[0]))


def _sum_parents(array):
    """Sums `(children, parents, samples)` over the parents, by a product: one step for itself."""
    return ops.matmul(ops.ones((1, array.shape[1]), dtype=array.dtype), array)


def _settle(array):
    """Gives `(children, parents, samples)` by a product, a step for itself, as it is.

    XLA would compute it anew within each sum that it is a factor of, at every number.
    """
    return ops.matmul(ops.eye(array.shape[1], dtype=array.dtype), array)
