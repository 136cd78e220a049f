import keras
import numpy as np
import pytest
from keras import ops

from capszoo.device import runs_on_cpu
from capszoo.kernels.tiles import chunks_per_tile
from capszoo.kernels.tiles import scan_and_keep
from capszoo.kernels.tiles import scan_chunks
from capszoo.kernels.tiles import scan_tiles


def running_sum(carry, tile):
    """Counts the rows it is given, which shows those that were filled up, and sums them."""
    total, rows = carry
    rows = rows + ops.cast(ops.shape(tile)[0], "float32")
    return (total + ops.sum(tile), rows), (2.0 * tile,)


def scan(x, rows):
    (total, seen), (twice,) = scan_tiles(
        running_sum, (ops.zeros(()), ops.zeros(())), (ops.convert_to_tensor(x),), rows
    )
    return total, seen, twice


@pytest.mark.parametrize("number", [1, 4, 7, 8, 9])
def test_every_row_is_seen_once_and_comes_back_in_order(number):
    x = np.arange(3.0 * number, dtype="float32").reshape(number, 3)
    total, _, twice = scan(x, 4)
    assert float(total) == x.sum()
    np.testing.assert_array_equal(ops.convert_to_numpy(twice), 2 * x)


@pytest.mark.parametrize("number", [3, 4, 7, 8, 9])
def test_a_scan_finds_what_another_kept_of_the_same_tile(number, rng):
    x = rng.normal(size=(number, 3)).astype("float32")

    def keep(carry, kept, tile):
        assert kept == ()
        return carry, (), (ops.transpose(tile), ops.sum(tile, axis=0))

    def use(carry, kept, tile, factor):
        transposed, sums = kept
        return (carry[0] + sums,), (factor * ops.transpose(transposed) - tile,), ()

    x = ops.convert_to_tensor(x)
    _, _, kept = scan_and_keep(keep, (), (x,), 4)
    factors = ops.reshape(ops.arange(number, dtype="float32"), (-1, 1))
    (total,), (found,), _ = scan_and_keep(use, (ops.zeros(3),), (x, factors), 4, kept)
    x, factors = map(ops.convert_to_numpy, (x, factors))
    np.testing.assert_allclose(ops.convert_to_numpy(found), x * (factors - 1), atol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(total), x.sum(axis=0), rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="others know their sizes")
@pytest.mark.parametrize(("number", "seen"), [(1, 1), (3, 3), (4, 4), (7, 8), (0, 1)])
def test_batch_of_unknown_size_is_not_filled_up_to_a_large_tile(number, seen):
    # `fit` trains on batches whose size is known only while it runs.
    import tensorflow as tf

    function = tf.function(
        lambda x: scan(x, 4), input_signature=[tf.TensorSpec((None, 3), tf.float32)]
    )
    x = np.arange(3.0 * number, dtype="float32").reshape(number, 3)
    total, rows, twice = function(x)
    assert float(rows) == seen
    assert float(total) == x.sum()
    np.testing.assert_array_equal(twice.numpy(), 2 * x)


@pytest.mark.parametrize("chunks", [1, 2, 4])
def test_chunks_of_arrays_of_different_sizes_come_one_after_another(chunks, rng):
    x, y = (rng.normal(size=size).astype("float32") for size in ((8, 3), (4, 5)))

    def step(carry, x, y):
        (total,) = carry
        return (2.0 * total + ops.sum(y),), (3.0 * x,)

    arrays = (ops.convert_to_tensor(x), ops.convert_to_tensor(y))
    (total,), (thrice,) = scan_chunks(step, (ops.zeros(()),), arrays, chunks)
    expected = 0.0
    for chunk in np.split(y, chunks):
        expected = 2.0 * expected + chunk.sum()
    np.testing.assert_allclose(float(total), expected, rtol=1e-5)
    np.testing.assert_array_equal(ops.convert_to_numpy(thrice), 3 * x)


@pytest.mark.skipif(
    keras.backend.backend() != "jax" or not runs_on_cpu(), reason="a tile is taken at once here"
)
@pytest.mark.parametrize(
    ("number", "bytes_of_one", "chunks"),
    [
        (10, 1, 1),
        (10, 4e4, 1),
        (10, 2e5, 5),
        (10, 1.5e5, 5),
        (10, 1e9, 10),
        (7, 2e5, 7),
        (1, 1e9, 1),
    ],
)
def test_chunks_are_as_few_as_fit_a_cache(number, bytes_of_one, chunks):
    assert chunks_per_tile(number, bytes_of_one) == chunks
