"""Work on a large batch a few rows at a time, so that what lies between stays in the caches."""

import keras
from keras import ops

from capszoo.device import runs_on_cpu

# Of the largest tensor of a tile. Dynamic routing of 1152 children of 8 to 10 parents of 16,
# forward and backward, takes 1.1 times as long with half or twice as much, twice as long at once.
_MAX_TILE_BYTES_ON_CPU = 12e6
# A GPU has to be given enough work at once.
_MAX_TILE_BYTES_ON_GPU = 256e6
# Of the largest tensor of a chunk: a few of them fit a core's own cache of 2 MB. EM routing takes
# 1.1 times as long with twice as much, 1.4 times with four times.
_MAX_CHUNK_BYTES = 4e5


def rows_per_tile(bytes_per_row):
    """Computes how many rows a tile should have: a power of two, at least 1.

    Args:
        bytes_per_row: Size of the largest tensor that is made of one row.

    Returns:
        An integer.

    Example:

    >>> capszoo.kernels.tiles.rows_per_tile(1e15)
    1
    """
    rows = int(
        (_MAX_TILE_BYTES_ON_CPU if runs_on_cpu() else _MAX_TILE_BYTES_ON_GPU) // bytes_per_row
    )
    return 1 << max(rows.bit_length() - 1, 0)


def scan_tiles(step, carry, arrays, rows):
    """Does `carry, outputs = step(carry, *tiles)` over the tiles of arrays, one after another.

    Where the rows do not divide, arrays are filled up with rows of zeros: a step must leave the
    carry as it is where its rows are zeros.

    Args:
        step: Function of the carry and a tile of each array. It returns the new carry and a
            tuple of tensors with as many rows as the tile.
        carry: Tuple of tensors of known shapes.
        arrays: Tuple of tensors with the same number of rows, their first axis.
        rows: How many rows a tile has.

    Returns:
        The last carry, and a tuple of tensors: the outputs of all rows.

    Example:

    >>> x = np.arange(6.0, dtype="float32")
    >>> add = lambda carry, tile: ((carry[0] + ops.sum(tile),), (tile * 2,))
    >>> (total,), (twice,) = capszoo.kernels.tiles.scan_tiles(add, (0.0,), (x,), 4)
    >>> float(total), np.asarray(twice).tolist()
    (15.0, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0])
    """
    carry, outputs, _ = scan_and_keep(
        lambda carry, _, *tiles: (*step(carry, *tiles), ()), carry, arrays, rows
    )
    return carry, outputs


def scan_and_keep(step, carry, arrays, rows, kept=()):
    """Does `carry, outputs, kept = step(carry, kept, *tiles)` over the tiles of arrays.

    What a step keeps of its tile is for the step of the same tile in another scan: nothing is
    put together or rearranged, whatever its axes are.

    Args:
        step: As in `scan_tiles`, but it is given, second, and returns, third, a tuple of tensors
            of known shapes.
        carry: As in `scan_tiles`.
        arrays: As in `scan_tiles`.
        rows: As in `scan_tiles`.
        kept: What an earlier scan of as many rows, in tiles of as many, returned as kept.
            Defaults to `()`, an empty tuple for each step.

    Returns:
        The last carry, the outputs as `scan_tiles` returns them, and what was kept.

    Example:

    >>> x = ops.arange(6.0)
    >>> roots = lambda carry, _, tile: (carry, (), (ops.sqrt(tile),))
    >>> _, _, kept = capszoo.kernels.tiles.scan_and_keep(roots, (), (x,), 4)
    >>> squares = lambda carry, kept, tile: (carry, (kept[0] ** 2 - tile,), ())
    >>> _, (zeros,), _ = capszoo.kernels.tiles.scan_and_keep(squares, (), (x,), 4, kept)
    >>> bool(ops.max(ops.abs(zeros)) < 1e-5)
    True
    """
    number = arrays[0].shape[0]
    # In a model that is exported a size may be a symbol, which cannot be compared.
    symbolic = number is not None and not isinstance(number, int)
    if symbolic or (number is not None and number <= rows):
        return step(carry, kept, *arrays)
    return _SCANS[keras.backend.backend()](step, carry, arrays, rows, kept)


def chunks_per_tile(number, bytes_of_one, chunk_bytes=_MAX_CHUNK_BYTES):
    """Computes into how many chunks a tile should be cut: a divisor of a number of parts.

    XLA makes loops that cost next to nothing, and reads a core's own cache several times as fast
    as one that is shared. TensorFlow and PyTorch start every operation of a chunk anew, which
    takes longer than what is won (EM routing, 1.1 and 1.7 times as long): one chunk.

    Args:
        number: How many parts there are, a positive integer.
        bytes_of_one: Size of the largest tensor that is made of one part.
        chunk_bytes: Size of the largest tensor of a chunk. Defaults to what a core's own cache
            holds a few times.

    Returns:
        An integer.

    Example:

    >>> capszoo.kernels.tiles.chunks_per_tile(10, 1)
    1
    """
    if keras.backend.backend() != "jax" or not runs_on_cpu():
        return 1
    divisors = (chunks for chunks in range(1, number) if number % chunks == 0)
    fitting = (chunks for chunks in divisors if number // chunks * bytes_of_one <= chunk_bytes)
    return next(fitting, number)


def scan_chunks(step, carry, arrays, chunks):
    """Does `carry, outputs = step(carry, *chunk)` over the chunks of arrays, within a tile.

    Args:
        step: As in `scan_tiles`.
        carry: As in `scan_tiles`.
        arrays: Tuple of tensors; the first axis of each is a multiple of the number of chunks.
        chunks: How many chunks there are.

    Returns:
        As `scan_tiles`.

    Example:

    >>> x, y = np.arange(6.0, dtype="float32"), np.ones((2, 5), "float32")
    >>> add = lambda carry, x, y: ((carry[0] + ops.sum(x),), (x * 2,))
    >>> (total,), (twice,) = capszoo.kernels.tiles.scan_chunks(add, (0.0,), (x, y), 2)
    >>> float(total), np.asarray(twice).tolist()
    (15.0, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0])
    """
    if chunks == 1:
        return step(carry, *arrays)
    # Another axis may be of no samples: sizes are said, not left to be found.
    arrays = [
        ops.reshape(array, (chunks, array.shape[0] // chunks, *array.shape[1:])) for array in arrays
    ]
    if keras.backend.backend() == "jax":
        import jax

        # One after another: two at a time would need twice the cache.
        carry, outputs = jax.lax.scan(lambda carry, chunk: step(carry, *chunk), carry, arrays)
        return carry, tuple(
            ops.reshape(output, (chunks * output.shape[1], *output.shape[2:])) for output in outputs
        )
    tiles = ([array[chunk] for array in arrays] for chunk in range(chunks))
    carry, outputs, _ = _loop(lambda carry, *chunk: (*step(carry, *chunk), ()), carry, tiles)
    return carry, outputs


def _loop(step, carry, tiles):
    outputs, kept = [], []
    for tile in tiles:
        carry, tile_outputs, tile_kept = step(carry, *tile)
        outputs.append(tile_outputs)
        kept.append(tile_kept)
    return carry, tuple(ops.concatenate(parts) for parts in zip(*outputs, strict=True)), kept


def _scan_torch(step, carry, arrays, rows, kept):
    starts = range(0, arrays[0].shape[0], rows)
    tiles = ([array[start : start + rows] for array in arrays] for start in starts)
    kept = kept or [()] * len(starts)
    return _loop(step, carry, ((own, *tile) for own, tile in zip(kept, tiles, strict=True)))


def _scan_jax(step, carry, arrays, rows, kept):
    import jax

    # XLA does most of a step on one core: two half tiles at a time keep two of them busy.
    at_once = min(rows, 2)
    rows = rows // at_once
    number = arrays[0].shape[0]
    tiles = -(-number // rows)
    distributed = keras.distribution.distribution() is not None

    def cut(array):
        array = _fill(array, tiles * rows - number)
        if distributed:
            # A tile takes every n-th row: some of each device, where rows are shared out.
            return ops.swapaxes(ops.reshape(array, (rows, tiles, *array.shape[1:])), 0, 1)
        return ops.reshape(array, (tiles, rows, *array.shape[1:]))

    def join(output):
        if distributed:
            output = ops.swapaxes(output, 0, 1)
        return ops.reshape(output, (-1, *output.shape[2:]))[:number]

    arrays = [cut(array) for array in arrays]

    def one(carry, tile):
        carry, outputs, kept = step(carry, *tile)
        return carry, (outputs, kept)

    carry, (outputs, kept) = jax.lax.scan(one, carry, (kept, *arrays), unroll=at_once)
    return carry, tuple(join(output) for output in outputs), kept


def _scan_tensorflow(step, carry, arrays, rows, kept):
    import tensorflow as tf

    number = tf.shape(arrays[0])[0]
    # Where the number is known only now, there may be less than one tile: nothing to fill up.
    rows = tf.maximum(tf.minimum(rows, number), 1)
    tiles = tf.maximum(-(-number // rows), 1)
    arrays = [_fill(array, tiles * rows - number) for array in arrays]
    arrays = [tf.reshape(array, (tiles, rows, *array.shape[1:])) for array in arrays]

    def of_tile(index):
        return tuple(array[index] for array in kept), *(array[index] for array in arrays)

    def body(index, carry, written):
        carry, outputs, keeps = step(carry, *of_tile(index))
        return index + 1, carry, write(index, written, outputs + keeps)

    def write(index, written, made):
        return tuple(rows.write(index, new) for rows, new in zip(written, made, strict=True))

    # The first tile, outside of the loop, tells how many outputs there are and of what kind.
    carry, outputs, keeps = step(carry, *of_tile(0))
    made = outputs + keeps
    written = tuple(tf.TensorArray(one.dtype, size=tiles, element_shape=one.shape) for one in made)
    _, carry, written = tf.while_loop(
        lambda index, *_: index < tiles, body, (1, carry, write(0, written, made))
    )
    made = [array.stack() for array in written]
    outputs, kept = made[: len(outputs)], made[len(outputs) :]
    outputs = tuple(tf.reshape(one, (-1, *one.shape[2:]))[:number] for one in outputs)
    return carry, outputs, kept


def _fill(array, rows):
    return ops.pad(array, [(0, rows)] + [(0, 0)] * (len(array.shape) - 1))


_SCANS = {"jax": _scan_jax, "tensorflow": _scan_tensorflow, "torch": _scan_torch}
