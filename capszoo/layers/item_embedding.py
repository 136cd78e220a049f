"""Items as vectors, in both directions: of an item its vector, of a vector how well items fit."""

import keras
from keras import ops

from capszoo.ops import widen
from capszoo.validation import check_positive_int


@keras.saving.register_keras_serializable(package="capszoo")
class ItemEmbedding(keras.layers.Layer):
    """A vector for each item: gives items their vectors, and vectors their items.

    Of numbers of items it gives their vectors, zero where a number is negative and there is no
    item. With `score=True` it gives, of vectors, their dot product with the vector of each item.

    Args:
        num_items: How many items there are; their numbers begin with 0.
        dim: Size of a vector.
        embeddings_initializer: Initializer of the vectors; `None` stands for a normal distribution
            with which a vector is of length 1 on average. Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Numbers of items, or with `score=True` vectors.
        score: Whether vectors are compared with the items. Defaults to `False`.

    Input shape:
        `(...)`, integers below `num_items`; with `score=True` `(..., dim)`.

    Output shape:
        `(..., dim)`; with `score=True` `(..., num_items)`, float32 whatever the policy.

    Raises:
        ValueError: If a size is not a positive integer.

    Example:

    >>> layer = capszoo.layers.ItemEmbedding(100, 8)
    >>> vectors = layer(np.array([[3, 41, -1]]))
    >>> tuple(vectors.shape), tuple(layer(vectors, score=True).shape)
    ((1, 3, 8), (1, 3, 100))
    """

    def __init__(self, num_items, dim, embeddings_initializer=None, **kwargs):
        super().__init__(**kwargs)
        self.num_items = check_positive_int("num_items", num_items)
        self.dim = check_positive_int("dim", dim)
        if embeddings_initializer is None:
            embeddings_initializer = keras.initializers.RandomNormal(stddev=dim**-0.5)
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)

    def build(self, input_shape):
        self.embeddings = self.add_weight(
            shape=(self.num_items, self.dim),
            initializer=self.embeddings_initializer,
            name="embeddings",
        )

    def call(self, inputs, score=False):
        if score:
            # Sums that a softmax takes to the exponential.
            return ops.matmul(widen(inputs), ops.transpose(widen(self.embeddings)))
        vectors = ops.take(self.embeddings, ops.maximum(inputs, 0), axis=0)
        there = ops.cast(ops.expand_dims(inputs, -1) >= 0, self.compute_dtype)
        return ops.cast(vectors, self.compute_dtype) * there

    def compute_output_spec(self, inputs, score=False):
        if score:
            return keras.KerasTensor((*inputs.shape[:-1], self.num_items), dtype="float32")
        return keras.KerasTensor((*inputs.shape, self.dim), dtype=self.compute_dtype)

    def get_config(self):
        initializer = keras.initializers.serialize(self.embeddings_initializer)
        return {
            **super().get_config(),
            "num_items": self.num_items,
            "dim": self.dim,
            "embeddings_initializer": initializer,
        }
