"""Convolutions over the words of texts, of which a padded text has no more than it has alone."""

import math

import keras
from keras import ops

from capszoo.data.tokens import PADDING


def embed(tokens, size: int, dim: int, dtype):
    """Makes vectors of the numbers of words.

    Args:
        tokens: Symbolic tensor `(batch, length)`, zeros where there is no word.
        size: How many numbers there are.
        dim: Size of a vector.
        dtype: Dtype or policy of the layer, called `embedding`.

    Returns:
        Symbolic vectors `(batch, length, dim)`, zero where there is no word, and a symbolic boolean
        tensor `(batch, length)`, true where there is one.
    """
    vectors = keras.layers.Embedding(
        size,
        dim,
        # As long as word2vec's are: those that are learnt from scratch beside them start so.
        embeddings_initializer=keras.initializers.RandomUniform(-0.25, 0.25),
        dtype=dtype,
        name="embedding",
    )(tokens)
    there = ops.not_equal(tokens, PADDING)
    return vectors * ops.expand_dims(ops.cast(there, vectors.dtype), -1), there


def convolve(vectors, there, filters: int, kernel_size: int, strides: int, dtype, name: str):
    """Convolves n-grams of words, with ReLU; one begins at each step, the last with the last word.

    Args:
        vectors: Symbolic tensor `(batch, length, dim)`, zero where there is no word.
        there: Symbolic boolean tensor `(batch, length)`.
        filters: How many filters there are.
        kernel_size: How many words an n-gram has.
        strides: Step between n-grams.
        dtype: Dtype or policy of the layer.
        name: Name of the layer.

    Returns:
        Symbolic features `(batch, steps, filters)` and a symbolic boolean tensor `(batch, steps)`,
        true where an n-gram has a word.
    """
    length = vectors.shape[1]
    steps = math.ceil(length / strides)
    # Zeros behind the text, so that its last words begin an n-gram however long it is.
    behind = (steps - 1) * strides + kernel_size - length
    features = keras.layers.Conv1D(
        filters,
        kernel_size,
        strides=strides,
        activation="relu",
        data_format="channels_last",
        kernel_initializer="he_normal",
        dtype=dtype,
        name=name,
    )(ops.pad(vectors, [[0, 0], [0, max(behind, 0)], [0, 0]]))
    words = ops.pad(ops.cast(there, "float32"), [[0, 0], [0, max(behind, 0)]])
    places = [
        words[:, place : place + (steps - 1) * strides + 1 : strides]
        for place in range(kernel_size)
    ]
    return features, ops.max(ops.stack(places, axis=-1), axis=-1) > 0.5
